package exporter

import (
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// compressed answers in gzip where the client takes it, at the fastest level:
// at the usual one compressing costs more than everything else in a scrape, and
// saves a few per cent of the bytes.
func compressed(next http.Handler) http.Handler {
	pool := &sync.Pool{New: func() any {
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		return w
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if r.Method == http.MethodHead || !acceptsGzip(r.Header.Values("Accept-Encoding")) {
			next.ServeHTTP(w, r)
			return
		}
		z := pool.Get().(*gzip.Writer)
		defer pool.Put(z)
		z.Reset(w)
		// Close fails only when the client has gone.
		defer z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		next.ServeHTTP(gzipped{w, z}, r)
	})
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3); a weight of 0
// refuses.
func acceptsGzip(header []string) bool {
	for _, line := range header {
		for part := range strings.SplitSeq(line, ",") {
			coding, weight, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q=")
				return !ok || strings.Trim(q, "0.") != ""
			}
		}
	}
	return false
}

// gzipped is a response whose body is compressed.
type gzipped struct {
	http.ResponseWriter
	body *gzip.Writer
}

// WriteHeader implements http.ResponseWriter: the length said is not that of
// what is sent.
func (g gzipped) WriteHeader(code int) {
	g.Header().Del("Content-Length")
	g.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (g gzipped) Write(b []byte) (int, error) {
	g.Header().Del("Content-Length")
	return g.body.Write(b)
}
