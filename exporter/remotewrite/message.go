package remotewrite

import (
	"fmt"
	"math"

	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/encoding/protowire"
)

// version2 is the message of Remote Write 2.0.
func version2(series []Series) *writev2.Request {
	symbols := writev2.NewSymbolTable()
	out := &writev2.Request{}
	for i := range series {
		s := &series[i]
		t := &writev2.TimeSeries{Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE}}
		for _, l := range s.Labels {
			t.LabelsRefs = append(t.LabelsRefs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
		}
		switch {
		case s.Histogram != nil:
			t.Histograms = []*writev2.Histogram{s.Histogram}
			t.Metadata.Type = writev2.Metadata_METRIC_TYPE_HISTOGRAM
		case s.Counter:
			t.Metadata.Type = writev2.Metadata_METRIC_TYPE_COUNTER
		}
		if s.Histogram == nil {
			for _, v := range s.Values {
				t.Samples = append(t.Samples, &writev2.Sample{Value: v.V, Timestamp: v.Time})
			}
		}
		out.Timeseries = append(out.Timeseries, t)
	}
	out.Symbols = symbols.Symbols()
	return out
}

// encoded is a message that is bytes already, in the form that the API client asks for.
type encoded []byte

// Size is the length in bytes.
func (e encoded) Size() int { return len(e) }

// MarshalToSizedBuffer copies the bytes.
func (e encoded) MarshalToSizedBuffer(b []byte) (int, error) { return copy(b, e), nil }

// The fields of prometheus.WriteRequest and what is in it (Remote Write 1.0,
// prompb/remote.proto and types.proto). A histogram's are the same as in 2.0.
const (
	requestSeries    = 1
	seriesLabels     = 1
	seriesSamples    = 2
	seriesHistograms = 4
	labelName        = 1
	labelValue       = 2
	sampleValue      = 1
	sampleTime       = 2
)

// version1 is the message of Remote Write 1.0.
func version1(series []Series) (encoded, error) {
	var out []byte
	var one, part []byte
	for i := range series {
		s := &series[i]
		one = one[:0]
		for _, l := range s.Labels {
			part = protowire.AppendTag(part[:0], labelName, protowire.BytesType)
			part = protowire.AppendString(part, l.Name)
			part = protowire.AppendTag(part, labelValue, protowire.BytesType)
			part = protowire.AppendString(part, l.Value)
			one = protowire.AppendTag(one, seriesLabels, protowire.BytesType)
			one = protowire.AppendBytes(one, part)
		}
		if s.Histogram != nil {
			h, err := s.Histogram.MarshalVT()
			if err != nil {
				return nil, fmt.Errorf("encode histogram: %w", err)
			}
			one = protowire.AppendTag(one, seriesHistograms, protowire.BytesType)
			one = protowire.AppendBytes(one, h)
		} else {
			one = appendSamples(one, s.Values)
		}
		out = protowire.AppendTag(out, requestSeries, protowire.BytesType)
		out = protowire.AppendBytes(out, one)
	}
	return out, nil
}

func appendSamples(b []byte, values []Value) []byte {
	var part []byte
	for _, v := range values {
		part = protowire.AppendTag(part[:0], sampleValue, protowire.Fixed64Type)
		part = protowire.AppendFixed64(part, math.Float64bits(v.V))
		part = protowire.AppendTag(part, sampleTime, protowire.VarintType)
		part = protowire.AppendVarint(part, uint64(v.Time))
		b = protowire.AppendTag(b, seriesSamples, protowire.BytesType)
		b = protowire.AppendBytes(b, part)
	}
	return b
}
