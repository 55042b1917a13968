package exporter

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What a client may cost. A scrape takes well under a millisecond, so that
// more than maxScrapes at once means clients that do not read.
const (
	maxConnections    = 256 // of about 20 KB each
	maxScrapes        = 64
	maxHeaderBytes    = 16 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
)

// Handler serves /metrics, /-/healthy, /-/ready and the landing page.
func (e *Exporter) Handler(about About, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.InstrumentMetricHandler(e.registry, e.pages(log)))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "nodemeterd is running.")
	})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := e.Ready(); err != nil {
			http.Error(w, "nodemeterd is not ready: "+err.Error()+".", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "nodemeterd is ready.")
	})
	mux.Handle("GET /{$}", e.landing(about))
	return mux
}

// NewServer puts the handler behind the limits above.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         newConnections(maxConnections).follow,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // handshakes of port scanners
	}
}
