package window

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	kzstd "github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding"

	"nodemeter/collector/metric"
)

// TestRecordedHourTakesAtMostTwoBytesAValue holds the size promise on the
// recording, and checks that nothing of it changes on the way.
func TestRecordedHourTakesAtMostTwoBytesAValue(t *testing.T) {
	samples := recordedSamples(t, 3600)
	dir := t.TempDir()
	path := writeJournal(t, options(t, dir), samples)
	if err := SealJournal(path); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(sibling(path, extSealed))
	if err != nil {
		t.Fatal(err)
	}
	per := float64(st.Size()) / float64(countValues(samples))
	t.Logf("%d values in %d bytes: %.2f bytes a value", countValues(samples), st.Size(), per)
	if per > 2 {
		t.Errorf("%.2f bytes a value, at most 2 promised", per)
	}
	got, problems := readAll(t, []string{dir}, Query{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	compareCells(t, got, expect("n1", samples...))
}

func countValues(samples []*metric.Sample) (n int) {
	for _, s := range samples {
		for _, r := range s.Readings {
			n += len(r.Points)
		}
	}
	return n
}

// BenchmarkSize prints what the recorded hour takes: as a journal, sealed, as
// CSV with zstd and, where promtool is installed, as blocks of a Prometheus TSDB.
func BenchmarkSize(b *testing.B) {
	samples := recordedSamples(b, 3600)
	values := float64(countValues(samples))
	for b.Loop() {
		path := writeJournal(b, options(b, b.TempDir()), samples)
		journal, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := SealJournal(path); err != nil {
			b.Fatal(err)
		}
		sealed, err := os.Stat(sibling(path, extSealed))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(journal.Size())/values, "journal-bytes/value")
		b.ReportMetric(float64(sealed.Size())/values, "bytes/value")
		b.ReportMetric(float64(len(csvZstd(b, samples)))/values, "csv-zstd-bytes/value")
		if promtool, err := exec.LookPath("promtool"); err == nil {
			b.ReportMetric(float64(tsdbBytes(b, promtool, samples))/values, "prometheus-bytes/value")
		}
	}
}

// tsdbBytes is what Prometheus makes of the same rounded values: one series a
// metric of an entity, all files of its blocks counted.
func tsdbBytes(b *testing.B, promtool string, samples []*metric.Sample) (total int64) {
	series := map[string][]byte{}
	for _, s := range samples {
		for _, r := range s.Readings {
			for _, p := range r.Points {
				name := fmt.Sprintf("%s_%s{instance=\"n1\",id=%q}", r.Entity.Kind, p.Desc.Column, r.Entity.ID)
				line := strconv.AppendFloat(append(append(series[name], name...), ' '), roundTo(p.Float(), p.Desc.Step), 'f', -1, 64)
				series[name] = fmt.Appendf(line, " %d.%03d\n", s.Time.Unix(), s.Time.Nanosecond()/1e6)
			}
		}
	}
	dir := b.TempDir()
	text := filepath.Join(dir, "metrics.om")
	all := bytes.Join(slices.Collect(maps.Values(series)), nil)
	if err := os.WriteFile(text, append(all, "# EOF\n"...), 0o644); err != nil {
		b.Fatal(err)
	}
	blocks := filepath.Join(dir, "blocks")
	if out, err := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", text, blocks).CombinedOutput(); err != nil {
		b.Fatalf("promtool: %v\n%s", err, out)
	}
	err := filepath.WalkDir(blocks, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}

// csvZstd is the samples as one CSV table an entity kind, compressed: what
// people would do by hand.
func csvZstd(tb testing.TB, samples []*metric.Sample) []byte {
	var out bytes.Buffer
	z, err := kzstd.NewWriter(&out)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range samples {
		for _, r := range s.Readings {
			line := fmt.Appendf(nil, "%s,%s,%s", s.Time.Format(time.RFC3339), r.Entity.Kind, r.Entity.ID)
			points := slices.Clone(r.Points)
			slices.SortFunc(points, func(a, b metric.Point) int { return bytes.Compare([]byte(a.Desc.Column), []byte(b.Desc.Column)) })
			for _, p := range points {
				line = strconv.AppendFloat(append(line, ','), roundTo(p.Float(), p.Desc.Step), 'f', -1, 64)
			}
			if _, err := z.Write(append(line, '\n')); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkEncodings prints what each encoding makes of the recording's
// columns, in bytes a value over all of them: the ground for fieldNode's choice.
func BenchmarkEncodings(b *testing.B) {
	samples := recordedSamples(b, 3600)
	j := openTestJournal(b, writeJournal(b, options(b, b.TempDir()), samples))
	for b.Loop() {
		bytesBy, values := map[string]int64{}, map[metric.Type]float64{}
		chunks := newJournalChunks(j, Query{})
		for {
			c, err := chunks.next()
			if err != nil {
				b.Fatal(err)
			}
			if c == nil {
				break
			}
			for i := range c.chunk.Columns {
				col := &c.chunk.Columns[i]
				values[col.Field.Type] += float64(c.chunk.Len())
				measureColumn(b, col, c.chunk.Len(), bytesBy)
			}
		}
		for name, n := range bytesBy {
			t := metric.TypeFloat
			if name[:3] == "int" {
				t = metric.TypeInt
			}
			b.ReportMetric(float64(n)/values[t], name+"-bytes/value")
		}
	}
}

func measureColumn(tb testing.TB, col *Column, rows int, total map[string]int64) {
	encodings := map[string]encoding.Encoding{"plain": &parquet.Plain, "dict": &parquet.RLEDictionary}
	name, typ := "float", parquet.DoubleType
	if col.Field.Type == metric.TypeInt {
		name, typ = "int", parquet.Int64Type
		encodings["delta"] = &parquet.DeltaBinaryPacked
	} else {
		encodings["split"] = &parquet.ByteStreamSplit
	}
	best := int64(1 << 60)
	for e, enc := range encodings {
		n := encodedSize(tb, col, rows, parquet.Encoded(parquet.Optional(parquet.Leaf(typ)), enc))
		total[name+"-"+e] += n
		best = min(best, n)
	}
	total[name+"-best"] += best
}

func encodedSize(tb testing.TB, col *Column, rows int, node parquet.Node) int64 {
	var buf bytes.Buffer
	w := parquet.NewGenericWriter[any](&buf, parquet.NewSchema("one", parquet.Group{"a": node}), parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel}), parquet.DataPageVersion(1))
	var values []parquet.Value
	for i := range rows {
		if col.Valid[i] {
			values = append(values, columnValue(col, i).Level(0, 1, 0))
		} else {
			values = append(values, parquet.NullValue().Level(0, 0, 0))
		}
	}
	if _, err := w.ColumnWriters()[0].WriteRowValues(values); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	f, err := readFooter(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		tb.Fatal(err)
	}
	return f.groups[0].chunks[0].size
}
