package exporter

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector/metric"
)

func handler(e *Exporter) http.Handler {
	return e.Handler(About{Node: "<script>n1", Version: "1.2.3", Recording: "/var/lib/x & y", Started: time.Now()}, slog.New(slog.DiscardHandler))
}

func do(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStatusCodes(t *testing.T) {
	e := newExporter(t, nil)
	h := handler(e)
	check := func(method, path string, want int) {
		t.Helper()
		if w := do(h, method, path); w.Code != want {
			t.Errorf("%s %s: %d, want %d: %s", method, path, w.Code, want, w.Body)
		}
	}
	check("GET", "/-/ready", 503)
	check("GET", "/-/healthy", 200)
	check("GET", "/metrics", 200)
	check("GET", "/", 200)
	e.Publish(sample())
	check("GET", "/-/ready", 200)
	check("HEAD", "/metrics", 200)
	check("POST", "/metrics", 405)
	check("GET", "/nothing", 404)
}

func TestMetricsFormats(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	h := handler(e)
	w := do(h, "GET", "/metrics", "Accept", "application/openmetrics-text; version=1.0.0", "Accept-Encoding", "gzip")
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text") {
		t.Errorf("content type %q", got)
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil || !strings.HasSuffix(string(body), "# EOF\n") || !strings.Contains(string(body), "nodemeter_cpu_utilization_ratio 0.25\n") {
		t.Errorf("%v\n%s", err, body)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "deflate, gzip;q=1.0, *;q=0.5": true, "GZIP": true, "gzip;q=0.1": true,
		"": false, "gzip;q=0": false, "gzip; q=0.000": false, "zstd": false, "xgzip": false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// slowClient takes the answer only when told to.
type slowClient struct {
	httptest.ResponseRecorder
	take chan bool
}

func (c *slowClient) Write(b []byte) (int, error) {
	<-c.take
	return c.ResponseRecorder.Write(b)
}

// TestSlowReadersHoldNoPlace: more clients that do not read than there are
// places, and a good one is served.
func TestSlowReadersHoldNoPlace(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	h := handler(e)
	synctest.Test(t, func(t *testing.T) {
		take := make(chan bool)
		var wg sync.WaitGroup
		for range maxScrapes + 10 {
			wg.Go(func() {
				c := &slowClient{*httptest.NewRecorder(), take}
				h.ServeHTTP(c, httptest.NewRequest("GET", "/metrics", nil))
			})
			synctest.Wait() // it is being sent now
		}
		if w := do(h, "GET", "/metrics"); w.Code != 200 {
			t.Errorf("a good client got %d", w.Code)
		}
		close(take)
		wg.Wait()
	})
}

// TestConnectionsAreBounded: those who hold more than there may be lose their oldest,
// a request under way is not cut off, and others are served all the time.
func TestConnectionsAreBounded(t *testing.T) {
	const most = 4
	started, finish := make(chan bool), make(chan bool)
	limit := newConnections(most)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			started <- true
			<-finish
		}
		fmt.Fprint(w, "ok")
	}))
	idle := make(chan bool, 5*most)
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		limit.follow(c, state)
		if state == http.StateIdle {
			idle <- true
		}
	}
	s.Start()
	defer s.Close()
	dial := func(path string) (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil { // a connection that should end and does not
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		return c, bufio.NewReader(c)
	}
	answer := func(r *bufio.Reader) error {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	_, busy := dial("/busy")
	<-started
	var held []*bufio.Reader
	for i := range 3 * most {
		_, r := dial("/")
		if err := answer(r); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		<-idle // who is idle longest is then as they came
		held = append(held, r)
	}
	for i, r := range held[:2*most] { // the server has closed the oldest
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("connection %d is still there: %v", i, err)
		}
	}
	limit.mu.Lock()
	if n := len(limit.open); n > most {
		t.Errorf("%d connections, at most %d", n, most)
	}
	limit.mu.Unlock()
	close(finish)
	if err := answer(busy); err != nil {
		t.Errorf("the request under way: %v", err)
	}
}

func TestPlainWhereGzipIsNotTaken(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	w := do(handler(e), "GET", "/metrics")
	if w.Header().Get("Content-Encoding") != "" || !strings.Contains(w.Body.String(), "nodemeter_cpu_utilization_ratio 0.25\n") {
		t.Errorf("%v\n%s", w.Header(), w.Body)
	}
}

func TestLandingPageSaysWhatIsAndEscapes(t *testing.T) {
	e := newExporter(t, nil)
	s := sample()
	s.Sources[1].Err = io.ErrUnexpectedEOF
	e.Publish(s)
	body := do(handler(e), "GET", "/").Body.String()
	for _, want := range []string{"&lt;script&gt;n1", "/var/lib/x &amp; y", "25.0 %", "7.00 Mbit/s", "unexpected EOF", "2026-01-02 03:04:05 UTC"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in:\n%s", want, body)
		}
	}
	if strings.Contains(body, "<script>") {
		t.Error("the node's name is not escaped")
	}
}

func TestAbsentFiguresAreNotZero(t *testing.T) {
	for _, f := range figures(&metric.Sample{}) {
		if f.Value != "none" {
			t.Errorf("%s: %q", f.Name, f.Value)
		}
	}
}
