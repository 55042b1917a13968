package exporter

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// compressed makes an answer in memory, in gzip where the client takes it, and
// then sends it. A client that reads slowly therefore holds a few kilobytes and
// none of the places that next limits. The level is the fastest: at the usual
// one compressing costs more than everything else in a scrape, and saves little.
func compressed(next http.Handler) http.Handler {
	pool := &sync.Pool{New: func() any {
		z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		return &answer{zip: z}
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := pool.Get().(*answer)
		defer pool.Put(a)
		a.begin(w, acceptsGzip(r.Header.Values("Accept-Encoding")))
		next.ServeHTTP(a, r)
		a.send()
	})
}

// answer is a response being made in memory.
type answer struct {
	to   http.ResponseWriter
	code int
	body bytes.Buffer
	zip  *gzip.Writer
	out  io.Writer // zip or body
}

func (a *answer) begin(w http.ResponseWriter, zipped bool) {
	a.to, a.code, a.out = w, http.StatusOK, &a.body
	a.body.Reset()
	w.Header().Add("Vary", "Accept-Encoding")
	if zipped {
		a.zip.Reset(&a.body)
		a.out = a.zip
		w.Header().Set("Content-Encoding", "gzip")
	}
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.to.Header() }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) { a.code = code }

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) { return a.out.Write(b) }

// send sends what was made. An error here is a client that went away.
func (a *answer) send() {
	if a.out == a.zip {
		_ = a.zip.Close() // writes to memory
	}
	a.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	a.to.WriteHeader(a.code)
	_, _ = a.to.Write(a.body.Bytes())
	a.to = nil
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
