package remotewrite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/klauspost/compress/snappy"

	"nodemeter/collector/metric"
)

// receiver answers as a server of one version does.
type receiver struct {
	answer   func(http.ResponseWriter, *http.Request)
	versions []string
	bodies   [][]byte
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	b, _ := io.ReadAll(q.Body)
	plain, err := snappy.Decode(nil, b)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.versions = append(r.versions, q.Header.Get("X-Prometheus-Remote-Write-Version"))
	r.bodies = append(r.bodies, plain)
	r.answer(w, q)
}

func isV2(q *http.Request) bool {
	return strings.Contains(q.Header.Get("Content-Type"), "io.prometheus.write.v2")
}

// stored is the answer of a server that knows 2.0.
func stored(w http.ResponseWriter, q *http.Request) {
	if isV2(q) {
		w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", "1")
		w.Header().Set("X-Prometheus-Remote-Write-Histograms-Written", "0")
		w.Header().Set("X-Prometheus-Remote-Write-Exemplars-Written", "0")
	}
	w.WriteHeader(http.StatusNoContent)
}

func client(t *testing.T, r *receiver) *Client {
	t.Helper()
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	c, err := NewClient(s.URL+"/api/v1/write", "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var one = []Series{{Labels: NewLabels("nodemeter_cpus", nil, []metric.Label{{Name: "job", Value: "nodemeter"}}), Values: []Value{{1700000000000, 64}}}}

func TestVersions(t *testing.T) {
	code := func(n int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, q *http.Request) {
			if isV2(q) {
				http.Error(w, "unsupported proto message", n)
				return
			}
			stored(w, q)
		}
	}
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		want   []string
	}{
		{"knows 2.0", stored, []string{"2.0.0", "2.0.0"}},
		{"says that it does not", code(http.StatusUnsupportedMediaType), []string{"2.0.0", "0.1.0", "0.1.0"}},
		{"cannot read it", code(http.StatusBadRequest), []string{"2.0.0", "0.1.0", "0.1.0"}},
		{"says yes and stores nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, []string{"2.0.0", "0.1.0", "0.1.0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &receiver{answer: c.answer}
			w := client(t, r)
			for range 2 {
				if err := w.Send(t.Context(), one); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, r.versions); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRedirects: one that makes a GET of it stores nothing and is no success; its
// error, as any other, keeps to itself what stands in the address.
func TestRedirects(t *testing.T) {
	for status, works := range map[int]bool{
		http.StatusMovedPermanently: false, http.StatusFound: false, http.StatusSeeOther: false,
		http.StatusTemporaryRedirect: true, http.StatusPermanentRedirect: true,
	} {
		r := &receiver{}
		r.answer = func(w http.ResponseWriter, q *http.Request) {
			switch {
			case q.URL.Path == "/api/v1/write":
				http.Redirect(w, q, "/login?next=SECRET", status)
			case q.Method == http.MethodPost:
				stored(w, q)
			}
		}
		err := client(t, r).Send(t.Context(), one)
		if (err == nil) != works || isRefused(err) {
			t.Errorf("%d: %v", status, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "redirects to http://") || strings.Contains(err.Error(), "SECRET")) {
			t.Errorf("%d: %v", status, err)
		}
	}
	r := &receiver{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://%zz")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}}
	if err := client(t, r).Send(t.Context(), one); err == nil || !strings.HasSuffix(err.Error(), ": the server redirects to nowhere") {
		t.Errorf("a redirect that cannot be read: %v", err)
	}
	c, err := NewClient("http://127.0.0.1:1/write?token=SECRET", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), one); err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "http://127.0.0.1:1/write: ") {
		t.Errorf("nobody is there: %v", err)
	}
}

// TestAnswerWithoutEnd: an answer is words for people, and no more of it is read.
func TestAnswerWithoutEnd(t *testing.T) {
	sent := 0
	r := &receiver{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		for line := bytes.Repeat([]byte("no "), 1<<10); sent < 64<<20; {
			n, err := w.Write(line)
			if sent += n; err != nil {
				return
			}
		}
	}}
	if err := client(t, r).Send(t.Context(), one); err == nil || isRefused(err) || len(err.Error()) > 2*mostAnswer {
		t.Errorf("an error of %d bytes", len(fmt.Sprint(err)))
	}
}

// TestServerWithoutNativeHistograms gets the rest of the batch.
func TestServerWithoutNativeHistograms(t *testing.T) {
	r := &receiver{}
	r.answer = func(w http.ResponseWriter, q *http.Request) {
		var m writev2.Request
		if err := m.UnmarshalVT(r.bodies[len(r.bodies)-1]); err != nil {
			t.Error(err)
		}
		for _, s := range m.Timeseries {
			if len(s.Histograms) > 0 {
				http.Error(w, "native histograms are disabled", http.StatusBadRequest)
				return
			}
		}
		stored(w, q)
	}
	w := client(t, r)
	w.settled = true
	series := append(histogram(t), one...)
	for range 2 {
		if err := w.Send(t.Context(), series); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.versions) != 3 {
		t.Errorf("%d requests, want 3: with, without and again without", len(r.versions))
	}
}

func TestWhichAnswersAreFinal(t *testing.T) {
	for status, final := range map[int]bool{
		http.StatusBadRequest: true, http.StatusInternalServerError: false, http.StatusTooManyRequests: false,
		http.StatusUnauthorized: false, // credentials can be mended without losing samples
	} {
		r := &receiver{answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", status) }}
		w := client(t, r)
		err := w.Send(t.Context(), one)
		if err == nil || isRefused(err) != final {
			t.Errorf("%d: final %v, want %v (%v)", status, isRefused(err), final, err)
		}
	}
	gone, err := NewClient("http://127.0.0.1:1/write", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Send(t.Context(), one); err == nil || isRefused(err) {
		t.Errorf("a server that is not there: %v", err)
	}
}

// histogram gathers a native histogram with classic buckets.
func histogram(t *testing.T) []Series {
	t.Helper()
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "h", Buckets: []float64{0.5}, NativeHistogramBucketFactor: 1.1})
	for _, v := range []float64{0, 0.25, 0.75, 0.75} {
		h.Observe(v)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(h)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return convert(families, 5, nil)
}

func TestVersion2Message(t *testing.T) {
	series := append(histogram(t), one...)
	b, err := version2(series).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	var got writev2.Request
	if err := got.UnmarshalVT(b); err != nil {
		t.Fatal(err)
	}
	if len(got.Timeseries) != 6 { // native, two buckets, sum, count; and the gauge
		t.Fatalf("%d series, want 6", len(got.Timeseries))
	}
	h := got.Timeseries[0].Histograms[0]
	if h.GetCountInt() != 4 || h.GetZeroCountInt() != 1 || h.Sum != 1.75 || h.Timestamp != 5 || len(h.PositiveSpans) == 0 {
		t.Errorf("histogram %+v", h)
	}
	last := got.Timeseries[5]
	labels := writev2.DesymbolizeLabels(last.LabelsRefs, got.Symbols, nil)
	if diff := cmp.Diff([]string{"__name__", "nodemeter_cpus", "job", "nodemeter"}, labels); diff != "" || last.Samples[0].Value != 64 || last.Samples[0].Timestamp != 1700000000000 {
		t.Errorf("%s %+v", diff, last.Samples)
	}
}

// TestVersion1Message reads the message back field by field.
func TestVersion1Message(t *testing.T) {
	b, err := version1(one)
	if err != nil {
		t.Fatal(err)
	}
	series := field(t, b, 1)
	var labels []string
	for rest := series; len(rest) > 0; {
		n, typ, k := protowire.ConsumeTag(rest)
		v, m := protowire.ConsumeBytes(rest[k:])
		if n == 1 && typ == protowire.BytesType {
			labels = append(labels, string(field(t, v, 1)), string(field(t, v, 2)))
		}
		rest = rest[k+m:]
	}
	if diff := cmp.Diff([]string{"__name__", "nodemeter_cpus", "job", "nodemeter"}, labels); diff != "" {
		t.Error(diff)
	}
	sample := field(t, series, 2)
	_, _, k := protowire.ConsumeTag(sample)
	v, m := protowire.ConsumeFixed64(sample[k:])
	_, _, k2 := protowire.ConsumeTag(sample[k+m:])
	at, _ := protowire.ConsumeVarint(sample[k+m+k2:])
	if math.Float64frombits(v) != 64 || at != 1700000000000 {
		t.Errorf("value %v at %d", math.Float64frombits(v), at)
	}
	b, err = version1(histogram(t)[:1])
	if err != nil {
		t.Fatal(err)
	}
	var h writev2.Histogram // the same fields in both versions
	if err := h.UnmarshalVT(field(t, field(t, b, 1), 4)); err != nil || h.GetCountInt() != 4 {
		t.Errorf("histogram %+v, %v", &h, err)
	}
}

// field returns the first field of a number.
func field(t *testing.T, b []byte, number protowire.Number) []byte {
	t.Helper()
	for len(b) > 0 {
		n, typ, k := protowire.ConsumeTag(b)
		m := protowire.ConsumeFieldValue(n, typ, b[k:])
		if k < 0 || m < 0 {
			t.Fatal("not a message")
		}
		if n == number {
			v, _ := protowire.ConsumeBytes(b[k:])
			return v
		}
		b = b[k+m:]
	}
	t.Fatalf("no field %d", number)
	return nil
}

func TestCredentials(t *testing.T) {
	if _, err := NewClient("http://user:secret@host/write", ""); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a password in the address: %v", err)
	}
	if _, err := NewClient("prometheus:9090", ""); err == nil {
		t.Error("an address without a scheme must be refused")
	}
	var user, password string
	r := &receiver{answer: func(w http.ResponseWriter, q *http.Request) { user, password, _ = q.BasicAuth(); stored(w, q) }}
	s := httptest.NewServer(r)
	defer s.Close()
	dir := t.TempDir()
	secret, file := filepath.Join(dir, "password"), filepath.Join(dir, "http.yml")
	for path, text := range map[string]string{secret: "hunter2\n", file: "basic_auth: {username: node, password_file: " + secret + "}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := NewClient(s.URL, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), one); err != nil || user != "node" || password != "hunter2" {
		t.Errorf("user %q, password %q, %v", user, password, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Send(ctx, one); err == nil || isRefused(err) {
		t.Errorf("after the end: %v", err)
	}
}
