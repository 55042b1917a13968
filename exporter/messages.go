package exporter

import (
	"fmt"
	"math"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// appendMessages writes families as length-delimited protobuf messages
// (io.prometheus.client.MetricFamily), the one format with native histograms.
// Those of the sample, which are many and simple, it writes field by field; the
// bytes are those that the protobuf library would write, which a test holds.
func appendMessages(out []byte, families []shown) ([]byte, error) {
	for _, f := range families {
		if f.sample != nil {
			out = f.sample.appendMessage(out)
			continue
		}
		out = protowire.AppendVarint(out, uint64(proto.Size(f.own.message)))
		var err error
		if out, err = (proto.MarshalOptions{UseCachedSize: true}).MarshalAppend(out, f.own.message); err != nil {
			return nil, fmt.Errorf("%s: %w", f.own.name, err)
		}
	}
	return out, nil
}

// Field numbers of MetricFamily and Metric (client_model, metrics.proto).
const (
	fieldName, fieldHelp, fieldType, fieldMetric = 1, 2, 3, 4
	fieldGauge, fieldCounter                     = 2, 3
	valueSize                                    = 1 + 8         // a Gauge or a Counter: field 1, a double
	numberSize                                   = 2 + valueSize // its tag and length
)

// appendMessage writes one family of a sample.
func (f *sampleFamily) appendMessage(out []byte) []byte {
	size := 1 + protowire.SizeVarint(uint64(f.kind))
	for _, s := range []string{f.name, f.help} {
		size += 1 + protowire.SizeBytes(len(s))
	}
	for i := range f.values {
		size += 1 + protowire.SizeBytes(len(f.values[i].labels.proto)+numberSize)
	}
	out = protowire.AppendVarint(out, uint64(size))
	out = protowire.AppendString(protowire.AppendTag(out, fieldName, protowire.BytesType), f.name)
	out = protowire.AppendString(protowire.AppendTag(out, fieldHelp, protowire.BytesType), f.help)
	out = protowire.AppendVarint(protowire.AppendTag(out, fieldType, protowire.VarintType), uint64(f.kind))
	number := protowire.Number(fieldGauge)
	if f.kind == dto.MetricType_COUNTER {
		number = fieldCounter
	}
	for i := range f.values {
		x := &f.values[i]
		out = protowire.AppendTag(out, fieldMetric, protowire.BytesType)
		out = protowire.AppendVarint(out, uint64(len(x.labels.proto)+numberSize))
		out = append(out, x.labels.proto...)
		out = protowire.AppendVarint(protowire.AppendTag(out, number, protowire.BytesType), valueSize)
		out = protowire.AppendFixed64(protowire.AppendTag(out, 1, protowire.Fixed64Type), math.Float64bits(x.v))
	}
	return out
}
