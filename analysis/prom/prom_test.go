package prom

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
)

// fake is a server that answers by the family a query names. It refuses ranges
// longer than most, as a server with a limit on samples does.
type fake struct {
	t          *testing.T
	most       time.Duration
	native     bool
	mixed      bool    // only n1 has histograms
	sum, count float64 // of the gauge of memory, as answered
	queries    []string
	auth       string
}

var ranges = regexp.MustCompile(`\[(\d+)ms\]`)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.FormValue("query")
	f.queries = append(f.queries, query)
	f.auth = r.Header.Get("Authorization")
	var span time.Duration
	if m := ranges.FindStringSubmatch(query); m != nil {
		span, _ = time.ParseDuration(m[1] + "ms")
	}
	w.Header().Set("Content-Type", "application/json")
	if span > f.most {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`)
		return
	}
	kind := "vector"
	result := f.instant(query, r.FormValue("time"), span)
	if strings.HasSuffix(r.URL.Path, "query_range") {
		kind, result = "matrix", f.over(query, r.FormValue("start"), r.FormValue("end"))
	}
	b, err := json.Marshal(map[string]any{"status": "success", "data": map[string]any{"resultType": kind, "result": result}})
	if err != nil {
		f.t.Error(err)
	}
	w.Write(b)
}

// Two nodes at 1 Hz. n1 is half busy, n2 a quarter; n2 has one GPU.
func (f *fake) instant(query, at string, span time.Duration) []any {
	now, _ := time.ParseDuration(at + "s")
	end, seconds := now.Seconds(), span.Seconds()
	values := func(n1, n2 float64) []any {
		return []any{
			map[string]any{"metric": map[string]string{"instance": "n1"}, "value": []any{end, fmt.Sprint(n1)}},
			map[string]any{"metric": map[string]string{"instance": "n2"}, "value": []any{end, fmt.Sprint(n2)}},
		}
	}
	has := func(s string) bool { return strings.Contains(query, s) }
	switch {
	case has("samples_") && !f.native:
		return []any{}
	case has("samples_") && f.mixed:
		return []any{f.histogram("n1", seconds, 0.5)}
	case has("sum_over_time(nodemeter_memory_utilization_ratio"):
		level := []float64{0.1, 0.5, 0.9}[int((end-1)/(2*3600))%3] // two hours each
		f.sum, f.count = f.sum+level*seconds, f.count+seconds
		return values(level*seconds, level*seconds)
	case has("count_over_time(nodemeter_memory_utilization_ratio"):
		return values(seconds, seconds)
	case has("_over_time(") && has("nodemeter_memory_utilization_ratio"):
		level := []float64{0.1, 0.5, 0.9}[int((end-1)/(2*3600))%3]
		return values(level, level)
	case has("nodemeter_cpu_utilization_samples_ratio"):
		return []any{f.histogram("n1", seconds, 0.5), f.histogram("n2", seconds, 0.25)}
	case has("quantile_over_time(0.95, nodemeter_cpu_utilization_ratio"):
		return values(0.7, 0.3)
	case has("over_time(nodemeter_cpu_utilization_ratio"):
		return values(0.5, 0.25)
	case has("nodemeter_ticks_total"), has("delta(nodemeter_last_tick"):
		return values(seconds, seconds)
	case has("min_over_time(nodemeter_last_tick"):
		return values(end-seconds+1, end-seconds+1)
	case has("max_over_time(nodemeter_last_tick"):
		return values(end, end)
	case has("count_over_time(nodemeter_last_tick"):
		return values(seconds/15, seconds/15)
	case has("nodemeter_interval_seconds"):
		return values(1, 1)
	case has(`nodemeter_cpu_seconds_total{mode!~`):
		return values(2*seconds, 1*seconds)
	case has("nodemeter_cpu_seconds_total"):
		return values(4*seconds, 4*seconds)
	case has("nodemeter_network_receive_bytes_total"):
		return values(1e6*seconds, 0)
	case has("nodemeter_network_transmit_bytes_total"):
		return values(0, 0)
	case has("nodemeter_gpu_energy_joules_total"):
		return []any{map[string]any{"metric": map[string]string{"instance": "n2", "uuid": "GPU-1"}, "value": []any{end, fmt.Sprint(100 * seconds)}}}
	case has("nodemeter_gpu_info"):
		return []any{map[string]any{"metric": map[string]string{"instance": "n2", "uuid": "GPU-1", "name": "NVIDIA H200"}, "value": []any{end, "1"}}}
	}
	return []any{}
}

// histogram has a value of each second, all the same, in one bucket.
func (f *fake) histogram(node string, n, value float64) any {
	lower, upper := value/1.05, value*1.04
	return map[string]any{"metric": map[string]string{"instance": node}, "histogram": []any{0, map[string]any{
		"count": fmt.Sprint(n), "sum": fmt.Sprint(n * value), "buckets": []any{[]any{0, fmt.Sprint(lower), fmt.Sprint(upper), fmt.Sprint(n)}}}}}
}

func (f *fake) over(query, start, end string) []any {
	if !strings.Contains(query, "nodemeter_cpu_seconds_total") {
		return []any{}
	}
	from, _ := time.ParseDuration(start + "s")
	to, _ := time.ParseDuration(end + "s")
	var values []any
	for t := from; t <= to; t += time.Minute {
		values = append(values, []any{t.Seconds(), "0.5"})
	}
	return []any{map[string]any{"metric": map[string]string{"instance": "n1"}, "values": values}}
}

func summarize(t *testing.T, f *fake, q Question) (*analysis.Result, error) {
	t.Helper()
	f.t = t
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	c, err := Connect(Access{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	q.From, q.To = time.Unix(1_700_000_000, 0), time.Unix(1_700_000_000, 0).Add(6*time.Hour)
	return c.Summarize(t.Context(), q)
}

func near(t *testing.T, what string, got analysis.Number, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 1e-3*math.Abs(want) {
		t.Errorf("%s is %g, want %g", what, float64(got), want)
	}
}

// TestSummaryOfTwoNodes: means exact, quantiles to a bucket, in one piece and
// in the pieces that a server with limits asks for.
func TestSummaryOfTwoNodes(t *testing.T) {
	for _, most := range []time.Duration{24 * time.Hour, time.Hour} {
		f := &fake{most: most, native: true}
		share := 0.0
		r, err := summarize(t, f, Question{Progress: func(s float64) {
			if s < share || s > 1 {
				t.Errorf("progress went from %g to %g", share, s)
			}
			share = s
		}})
		if err != nil {
			t.Fatal(err)
		}
		nodes := r.Nodes()
		if len(nodes) != 2 || nodes[0].Entity.Node != "n1" || len(r.Entities) != 3 {
			t.Fatalf("entities %+v", r.Entities)
		}
		n1 := nodes[0].Stats
		near(t, "mean", n1["cpu_util"].Mean, 0.5)
		if p := float64(n1["cpu_util"].P95); p < 0.5/1.05 || p > 0.5*1.04 {
			t.Errorf("p95 %g is not in the bucket of 0.5", p)
		}
		near(t, "network", n1["network_mbps"].Mean, 8)
		near(t, "mean of all", r.Overall["cpu_util"].Mean, 0.375)
		near(t, "core-hours", r.Use.CoreHoursUsed, 3*6)
		near(t, "energy", analysis.Number(r.Entities[2].Increase["gpu_energy_joules"].Total), 100*6*3600)
		if c := nodes[0].Presence.Coverage(); c < 0.999 {
			t.Errorf("coverage %g", c)
		}
		if x := nodes[0].Series["cpu_util"]; x == nil || x.Mean[len(x.Mean)/2] != 0.5 {
			t.Errorf("no series of the CPU in the middle: %+v", x)
		}
		if share == 0 {
			t.Error("no progress was told")
		}
	}
}

// TestWithoutNativeHistograms falls back to scrapes and says so.
func TestWithoutNativeHistograms(t *testing.T) {
	r, err := summarize(t, &fake{most: 24 * time.Hour}, Question{})
	if err != nil {
		t.Fatal(err)
	}
	st := r.Nodes()[0].Stats["cpu_util"]
	near(t, "mean", st.Mean, 0.5)
	near(t, "p95", st.P95, 0.7)
	if st.Percentiles != methodScrapes || !strings.Contains(strings.Join(r.Notes, "\n"), "no native histograms") {
		t.Errorf("%q, notes %q", st.Percentiles, r.Notes)
	}
}

// TestSomeWithoutNativeHistograms: those without fall back, the others do not.
func TestSomeWithoutNativeHistograms(t *testing.T) {
	r, err := summarize(t, &fake{most: 24 * time.Hour, native: true, mixed: true}, Question{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{methodBucket, methodScrapes} {
		st := r.Nodes()[i].Stats["cpu_util"]
		if st == nil || st.Percentiles != want {
			t.Errorf("node %d: %+v, want percentiles %s", i+1, st, want)
		}
	}
	for _, column := range []string{"cpu_util", "memory_util"} {
		st := r.Overall[column]
		if st.Mean != st.SampleMean || st.Min > st.Mean || st.Max < st.Mean || !st.P50.IsNaN() {
			t.Errorf("%s of all nodes: %+v", column, st)
		}
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "some nodes or GPUs have no native histograms") || strings.Contains(notes, "the server has no native") {
		t.Errorf("notes %q", r.Notes)
	}
}

// TestScrapesOverChunks: means add up; percentiles of pieces are not those of the whole.
func TestScrapesOverChunks(t *testing.T) {
	f := &fake{most: 2 * time.Hour}
	r, err := summarize(t, f, Question{})
	if err != nil {
		t.Fatal(err)
	}
	st := r.Nodes()[0].Stats["memory_util"]
	near(t, "mean", st.Mean, f.sum/f.count)
	near(t, "least", st.Min, 0.1)
	near(t, "greatest", st.Max, 0.9)
	if !st.P50.IsNaN() || !st.P95.IsNaN() {
		t.Errorf("percentiles %v and %v of three pieces", st.P50, st.P95)
	}
}

func TestSelectors(t *testing.T) {
	f := &fake{most: 24 * time.Hour, native: true}
	r, err := summarize(t, f, Question{Nodes: []string{"n1", "n.9"}, Match: `{cluster="hpc"}`, By: metric.Node})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range f.queries {
		if !strings.Contains(q, `cluster="hpc",instance=~"n1|n\\.9"`) {
			t.Errorf("%s is not narrowed", q)
		}
	}
	if len(r.Missing) != 1 || r.Missing[0] != "n.9" {
		t.Errorf("missing %q", r.Missing)
	}
}

func TestServersThatCannotBeUsed(t *testing.T) {
	answer := func(code int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); fmt.Fprint(w, body) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, c := range map[string]struct{ url, want string }{
		"nothing recorded":    {answer(200, `{"status":"success","data":{"resultType":"vector","result":[]}}`), "no samples of nodemeter"},
		"not a Prometheus":    {answer(200, `<html>`), "Prometheus-compatible"},
		"password is missing": {answer(401, `Unauthorized`), "credentials"},
		"bad expression":      {answer(400, `{"status":"error","errorType":"bad_data","error":"parse error"}`), "parse error"},
		"nobody there":        {"http://127.0.0.1:1", "ask http://127.0.0.1:1"},
	} {
		client, err := Connect(Access{URL: c.url})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Summarize(t.Context(), Question{From: time.Unix(0, 0), To: time.Unix(3600, 0)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestCredentials(t *testing.T) {
	for name, a := range map[string]Access{
		"in the address": {URL: "http://user:secret@prometheus"}, "no scheme": {URL: "prometheus:9090"}, "twice": {URL: "http://p", ConfigFile: "x", Token: "secret"},
		"no such file": {URL: "http://p", ConfigFile: "/no/such/file"},
	} {
		if _, err := Connect(a); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "http.yml")
	if err := os.WriteFile(file, []byte("authorization: {credentials: token-of-file}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]Access{"Bearer token-of-file": {ConfigFile: file}, "Bearer abc": {Token: "abc"}, "Basic dTpw": {User: "u", Password: "p"}} {
		f := &fake{most: 24 * time.Hour, native: true, t: t}
		s := httptest.NewServer(f)
		a.URL = s.URL
		c, err := Connect(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.instant(t.Context(), "up", time.Unix(0, 0)); err != nil || f.auth != want {
			t.Errorf("sent %q, want %q (%v)", f.auth, want, err)
		}
		s.Close()
	}
}

func TestQuantiles(t *testing.T) {
	h := newHistogram()
	h.buckets = map[[2]float64]float64{{}: 2, {0.25, 0.5}: 4, {0.5, 1}: 4}
	h.count, h.sum = 10, 5
	b := h.sorted()
	for p, want := range map[float64]float64{0: 0, 0.2: 0, 0.4: math.Sqrt(0.25 * 0.5), 0.6: 0.5, 1: 1} {
		if got := quantile(b, p); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %g is %g, want %g", p, got, want)
		}
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("a quantile of nothing must not exist")
	}
	var sum int64
	for _, n := range percent(b) {
		sum += n
	}
	if sum != 10 {
		t.Errorf("the histogram of percent has %d values, want 10", sum)
	}
	if x := h.box(b, 0, 1); x.Median < 0.25 || x.Median > 0.5 || x.N != 10 {
		t.Errorf("box %+v", x)
	}
}
