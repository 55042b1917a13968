package exporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"nodemeter/collector/host"
	"nodemeter/collector/metric"
)

// formats are those that servers ask for.
func formats() []expfmt.Format {
	return []expfmt.Format{expfmt.FmtText, expfmt.FmtOpenMetrics_0_0_1, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtProtoDelim, expfmt.FmtProtoText, expfmt.FmtProtoCompact}
}

// theirs is what expfmt writes.
func theirs(t testing.TB, format expfmt.Format, families []*dto.MetricFamily) string {
	t.Helper()
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.(expfmt.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func same(t testing.TB, format expfmt.Format, all []shown) {
	t.Helper()
	got, err := appendFamilies(nil, format, all)
	if err != nil {
		t.Fatal(err)
	}
	families := make([]*dto.MetricFamily, len(all))
	for i, f := range all {
		families[i] = f.message()
	}
	if want := theirs(t, format, families); string(got) != want {
		a, b := strings.Split(string(got), "\n"), strings.Split(want, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("%s, line %d:\n%q\nwant\n%q", format, i+1, a[i], b[i])
			}
		}
		t.Fatalf("%s: %d lines, want %d", format, len(a), len(b))
	}
}

// oddCollectors have everything that the formats treat in a way of their own.
func oddCollectors() []prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "g", Help: `a \ "b"` + "\nc"}, []string{"a", "b"})
	for i, v := range []float64{0, math.Copysign(0, -1), 1, -1, 7, 999999, 1e6, -1e6, 1234567, 1e21, 1.5, 1e-5, 0.1, 1 << 53, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		g.WithLabelValues(strconv.Itoa(i), "\\ \" \n é").Set(v)
	}
	n := prometheus.NewCounter(prometheus.CounterOpts{Name: "n", Help: "no _total"})
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "c_total"})
	classic := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "classic", Help: "h", Buckets: []float64{0.1, 1, 1e7}})
	whole := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "whole", Help: "h", Buckets: []float64{1, math.Inf(1)}})
	native := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "native", Help: "h", NativeHistogramBucketFactor: 1.1}, []string{"x"})
	summary := prometheus.NewSummary(prometheus.SummaryOpts{Name: "s", Help: "h", Objectives: map[float64]float64{0.5: 0.1, 1: 0}})
	for _, v := range []float64{0.01, 0.5, 3, 1e9} {
		classic.Observe(v)
		whole.Observe(v)
		native.WithLabelValues("y").Observe(v)
		summary.Observe(v)
	}
	c.Add(12)
	return []prometheus.Collector{g, n, c, classic, whole, native, summary}
}

func odd(t testing.TB) []shown {
	r := prometheus.NewRegistry()
	r.MustRegister(oddCollectors()...)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []shown
	for _, f := range families {
		out = append(out, shown{own: ownOf(f)})
	}
	return out
}

func ownOf(f *dto.MetricFamily) *ownShown {
	o := &ownFamily{name: f.GetName(), help: f.GetHelp()}
	o.is(f.GetType())
	return &ownShown{o, f}
}

// TestFormatsAreWhatExpfmtWrites: our own writing of the formats, byte for byte.
func TestFormatsAreWhatExpfmtWrites(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.ClassicHistograms, o.Span = true, time.Second })
	feed(e, 0.1, 0.9, 0.5)
	live, err := e.gather()
	if err != nil {
		t.Fatal(err)
	}
	for name, families := range map[string][]shown{"live": live, "odd": odd(t), "none": nil} {
		t.Run(name, func(t *testing.T) {
			for _, f := range formats() {
				same(t, f, families)
			}
		})
	}
	untyped := dto.MetricType_UNTYPED
	name, one := "u", 1.0
	for _, f := range formats() { // a kind that is left to expfmt
		same(t, f, append(odd(t), shown{own: ownOf(&dto.MetricFamily{Name: &name, Type: &untyped, Metric: []*dto.Metric{{Untyped: &dto.Untyped{Value: &one}}}})}))
	}
}

func FuzzFormats(f *testing.F) {
	f.Add("help", "value", 1.5)
	f.Add("\n\\\"", "\xff\n", math.Inf(-1))
	f.Add("", "", 1e6)
	f.Fuzz(func(t *testing.T, help, text string, v float64) {
		d := desc(metric.Desc{On: metric.NIC, Column: "x", Metric: "nodemeter_x_total", Labels: []metric.Label{{Name: "a", Value: text}, {Name: "state", Value: help}}})
		e := &metric.Entity{Kind: metric.NIC, ID: text}
		labels := newEntityLabels(e).series(e, d)[0]
		for _, kind := range []dto.MetricType{dto.MetricType_GAUGE, dto.MetricType_COUNTER} {
			fam := &family{name: d.Metric, help: help, kind: kind}
			fam.describe()
			f := &sampleFamily{fam, []value{{labels, v}, {labels, 1}}}
			own := f.message()
			for _, format := range formats()[:4] {
				if utf8.ValidString(help) || format.FormatType() != expfmt.TypeProtoDelim {
					same(t, format, []shown{{sample: f}, {own: ownOf(own)}})
				}
			}
		}
	})
}

// TestPageIsMadeOnceATick: scrapes of one tick get the same bytes, whoever they
// are; the next tick, or a second, brings others.
func TestPageIsMadeOnceATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gathered := prometheus.NewCounter(prometheus.CounterOpts{Name: "times_total", Help: "h"})
		e := newExporter(t, func(o *Options) {
			o.Extra = []prometheus.Collector{prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "gathered_total", Help: "h"}, func() float64 { gathered.Inc(); return 0 })}
		})
		h := handler(e)
		made := func(want float64) {
			t.Helper()
			var m dto.Metric
			if err := gathered.Write(&m); err != nil || m.Counter.GetValue() != want {
				t.Errorf("gathered %v times, want %v", m.Counter.GetValue(), want)
			}
		}
		e.Publish(sample())
		var all sync.WaitGroup
		var mu sync.Mutex
		pages := map[string]int{}
		for range 50 {
			all.Go(func() {
				body := do(h, "GET", "/metrics").Body.String()
				mu.Lock()
				pages[body]++
				mu.Unlock()
			})
		}
		all.Wait()
		if len(pages) != 1 {
			t.Errorf("%d different pages", len(pages))
		}
		do(h, "GET", "/metrics", "Accept", string(expfmt.FmtProtoDelim), "Accept-Encoding", "gzip")
		made(1)
		s := sample()
		s.Readings[0].Points[0] = sample().Readings[0].Points[0]
		e.Publish(s)
		do(h, "GET", "/metrics")
		made(2)
		<-time.After(pageLife - time.Nanosecond)
		do(h, "GET", "/metrics")
		made(2)
		<-time.After(time.Nanosecond)
		do(h, "GET", "/metrics")
		made(3)
	})
}

// TestFamiliesAreOfOneTick: a sample that comes in while a page is made does not
// tear it.
func TestFamiliesAreOfOneTick(t *testing.T) {
	meanwhile := func() {}
	e := newExporter(t, func(o *Options) {
		o.Extra = []prometheus.Collector{prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "meanwhile", Help: "h"}, func() float64 { meanwhile(); return 0 })}
	})
	s := sample()
	s.Time = time.Unix(100, 0)
	s.Readings[0].Points[1] = metric.Float(user, 100)
	e.Publish(s)
	meanwhile = func() {
		meanwhile = func() {}
		s := sample()
		s.Time = time.Unix(101, 0)
		s.Readings[0].Points[1] = metric.Float(user, 101)
		e.Publish(s)
	}
	got := do(handler(e), "GET", "/metrics").Body.String()
	for _, want := range []string{"nodemeter_last_tick_timestamp_seconds 101\n", "nodemeter_cpu_seconds_total{mode=\"user\"} 101\n", "nodemeter_ticks_total 2\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestSlowedDownIsNotStale: samples that are far apart on purpose are shown in
// between.
func TestSlowedDownIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stretch := 30
		e := newExporter(t, func(o *Options) { o.Stretch = func() int { return stretch } })
		e.Publish(sample())
		<-time.After(80 * time.Second)
		if got := do(handler(e), "GET", "/metrics").Body.String(); !strings.Contains(got, "nodemeter_cpu_utilization_ratio 0.25\n") || e.Ready() != nil {
			t.Errorf("%v:\n%s", e.Ready(), got)
		}
		stretch = 1
		if got := do(handler(e), "GET", "/metrics").Body.String(); strings.Contains(got, "nodemeter_cpu_utilization_ratio 0.25\n") || e.Ready() == nil {
			t.Errorf("%v:\n%s", e.Ready(), got)
		}
	})
}

func TestSomeFamiliesByName(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	h := handler(e)
	whole := do(h, "GET", "/metrics").Body.String()
	got := do(h, "GET", "/metrics?name[]=nodemeter_cpu_utilization_ratio&name[]=none").Body.String()
	if strings.Count(got, "# TYPE") != 1 || !strings.Contains(got, "nodemeter_cpu_utilization_ratio 0.25\n") {
		t.Errorf("got:\n%s", got)
	}
	if again := do(h, "GET", "/metrics?other=1").Body.String(); strings.Count(again, "# TYPE") != strings.Count(whole, "# TYPE") {
		t.Errorf("the whole page has changed:\n%s", again)
	}
}

// TestCrowdIsTurnedAway: scrapes beyond the limit wait for nothing.
func TestCrowdIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan bool)
		e := newExporter(t, func(o *Options) {
			o.Extra = []prometheus.Collector{prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "slow", Help: "h"}, func() float64 { <-open; return 0 })}
		})
		h := handler(e)
		var all sync.WaitGroup
		for range maxScrapes {
			all.Go(func() {
				if w := do(h, "GET", "/metrics"); w.Code != 200 {
					t.Errorf("one within the limit got %d", w.Code)
				}
			})
		}
		synctest.Wait()
		if w := do(h, "GET", "/metrics"); w.Code != 503 {
			t.Errorf("one too many got %d", w.Code)
		}
		close(open)
		all.Wait()
	})
}

func TestGzipHoldsThePage(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	h := handler(e)
	for range 2 { // made, and kept
		w := do(h, "GET", "/metrics", "Accept-Encoding", "gzip")
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if want := do(h, "GET", "/metrics").Body.String(); err != nil || string(got) != want {
			t.Errorf("%v:\n%s\nwant\n%s", err, got, want)
		}
	}
}

// scraperEnv makes this test binary a client: an address, a number of scrapes
// and the Accept header.
const scraperEnv = "NODEMETER_TEST_SCRAPER"

func TestMain(m *testing.M) {
	if job := os.Getenv(scraperEnv); job != "" {
		if err := scrapeMany(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func scrapeMany(job string) error {
	part := strings.SplitN(job, " ", 3)
	n, err := strconv.Atoi(part[1])
	if err != nil {
		return err
	}
	for range n {
		r, err := http.NewRequest("GET", part[0], nil)
		if err != nil {
			return err
		}
		r.Header.Set("Accept", part[2])
		r.Header.Set("Accept-Encoding", "gzip")
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, w.Body); err != nil || w.StatusCode != http.StatusOK {
			return fmt.Errorf("%s, %w", w.Status, err)
		}
		w.Body.Close()
	}
	return nil
}

// BenchmarkScrape is the processor time, user and system, that the server spends
// on a scrape, over a real connection to a client that is another process, on one
// thread as the daemon has: the page of this machine's own host sources (190
// series on two cores without GPUs), in the formats of Prometheus without and
// with native histograms, at the first scrape after a tick, and again; and of
// 190 links (300 series with the daemon's own).
func BenchmarkScrape(b *testing.B) {
	const plain = "text/plain;version=0.0.4"
	for _, c := range []struct {
		name, accept string
		make         func(testing.TB) (*Exporter, *metric.Sample)
		again        bool
	}{
		{"text", plain, hostExporter, false},
		{"openmetrics", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5", hostExporter, false},
		{"protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;q=0.6", hostExporter, false},
		{"again", plain, hostExporter, true},
		{"links", plain, wideExporter, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			e, s := c.make(b)
			h := handler(e)
			server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !c.again {
					e.latest.put(s, time.Now())
				}
				h.ServeHTTP(w, r)
			}), slog.New(slog.DiscardHandler))
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			go server.Serve(l)
			defer server.Close()
			e.latest.put(s, time.Now())
			client := exec.Command(os.Args[0])
			client.Env = append(os.Environ(), fmt.Sprintf("%s=http://%s/metrics %d %s", scraperEnv, l.Addr(), b.N, c.accept))
			before, _ := cpuSeconds()
			b.ReportAllocs()
			b.ResetTimer()
			if out, err := client.CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.StopTimer()
			after, _ := cpuSeconds()
			after -= (client.ProcessState.UserTime() + client.ProcessState.SystemTime()).Seconds() // children are counted
			b.ReportMetric((after-before)/float64(b.N)*1e6, "server-cpu-us/op")
			families, err := e.Gather()
			if err != nil {
				b.Fatal(err)
			}
			series := 0
			for _, f := range families {
				series += len(f.Metric)
			}
			b.ReportMetric(float64(series), "series")
		})
	}
}

func wideExporter(t testing.TB) (*Exporter, *metric.Sample) {
	e := newExporter(t, nil)
	feed(e, 0.5, 0.6, 0.7) // histograms
	return e, wide(190)
}

// hostExporter has read the host sources three times.
func hostExporter(t testing.TB) (*Exporter, *metric.Sample) {
	t.Helper()
	sources := host.Sources(host.Config{Node: node})
	e := newExporter(t, func(o *Options) {
		o.Descs = nil
		for _, n := range sources {
			o.Descs = append(o.Descs, n.Source.Descs()...)
		}
	})
	a := metric.NewAssembler()
	var s *metric.Sample
	for i := range 3 {
		var batches []*metric.Batch
		var states []metric.SourceStatus
		for _, n := range sources {
			b := &metric.Batch{}
			if err := n.Source.Read(context.Background(), b); err != nil {
				t.Fatal(err)
			}
			batches = append(batches, b)
			states = append(states, metric.SourceStatus{Name: n.Name, LastSuccess: time.Now()})
		}
		s = a.Assemble(batches)
		s.Time, s.Interval, s.Sources = time.Unix(int64(i), 0), time.Second, states
		e.Publish(s)
	}
	return e, s
}
