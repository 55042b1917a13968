package exporter

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/expfmt"
)

// pageLife bounds the age of what a page tells of the daemon itself, which may
// change between two ticks. What it tells of the node changes with a tick, and
// so does the page.
const pageLife = time.Second

// pages is /metrics as bytes, made once for all scrapes of a tick: fifty
// scrapers cost what one does, but for sending.
type pages struct {
	export  *Exporter
	log     *slog.Logger
	formats []expfmt.Format
	places  chan struct{} // of scrapes that wait for a page

	turn     chan struct{} // holds one while a page is made; guards what follows
	from     uint64        // the number of the sample that is shown
	made     time.Time
	families []shown
	bodies   map[variant][]byte
	text     []byte // its memory is used again
	zip      *gzip.Writer
	zipped   bytes.Buffer
}

// variant is one of the forms of a page.
type variant struct {
	format expfmt.Format
	zip    bool
}

func (e *Exporter) pages(log *slog.Logger) *pages {
	// At the usual level compressing costs more than everything else in a scrape,
	// and saves little. The fastest of the levels keeps a table of hundreds of KiB,
	// cold at each scrape; this one keeps nothing and makes a page 2 % larger.
	z, err := gzip.NewWriterLevel(nil, gzip.StatelessCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &pages{export: e, log: log, formats: expfmt.DefaultOpenMetricsAcceptedFormats(), places: make(chan struct{}, maxScrapes), turn: make(chan struct{}, 1), zip: z}
}

// ServeHTTP sends a page. A client that reads slowly holds nothing that
// others wait for, and no copy of the page.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Accept, Accept-Encoding")
	v := variant{expfmt.NegotiateAccept(r.Header, p.formats...), acceptsGzip(r.Header.Values("Accept-Encoding"))}
	body, err := p.body(v, r)
	if errors.Is(err, errCrowded) {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if err != nil {
		http.Error(w, "An error has occurred while serving metrics:\n\n"+err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", string(v.format))
	if v.zip {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // an error here is a client that went away
}

var errCrowded = fmt.Errorf("%d scrapes are being answered, as many as may be: try again later", maxScrapes)

// body returns the page, or with ?name[]=… some families of it.
func (p *pages) body(v variant, r *http.Request) ([]byte, error) {
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		return nil, errCrowded
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if now := p.export.shows(); p.bodies == nil || now != p.from || time.Since(p.made) >= pageLife {
		if err := p.gather(now); err != nil {
			return nil, err
		}
	}
	if r.URL.RawQuery != "" {
		if names := r.URL.Query()["name[]"]; len(names) > 0 {
			return p.encode(v, slices.DeleteFunc(slices.Clone(p.families), func(f shown) bool { return !slices.Contains(names, f.name()) }))
		}
	}
	if body := p.bodies[v]; body != nil {
		return body, nil
	}
	body, err := p.encode(v, p.families)
	if err == nil {
		p.bodies[v] = body
	}
	return body, err
}

// gather makes families for a new page. What could be gathered is shown even if
// some could not. It is the caller's turn.
func (p *pages) gather(now uint64) error {
	families, err := p.export.gather()
	if err != nil {
		p.log.Warn("scrape", "err", err)
		if len(families) == 0 {
			return err
		}
	}
	p.from, p.made, p.families, p.bodies = now, time.Now(), families, map[variant][]byte{}
	return nil
}

// encode writes families in a form. It is the caller's turn.
func (p *pages) encode(v variant, families []shown) ([]byte, error) {
	var err error
	if p.text, err = appendFamilies(p.text[:0], v.format, families); err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	if !v.zip {
		return bytes.Clone(p.text), nil
	}
	p.zipped.Reset()
	p.zip.Reset(&p.zipped)
	if _, err := p.zip.Write(p.text); err != nil {
		return nil, fmt.Errorf("compress metrics: %w", err)
	}
	if err := p.zip.Close(); err != nil {
		return nil, fmt.Errorf("compress metrics: %w", err)
	}
	return bytes.Clone(p.zipped.Bytes()), nil
}

// appendFamilies writes the formats that servers ask for itself, and leaves the
// others, and kinds of families that this program has none of, to expfmt.
func appendFamilies(out []byte, format expfmt.Format, families []shown) ([]byte, error) {
	switch format.FormatType() {
	case expfmt.TypeProtoDelim:
		return appendMessages(out, families)
	case expfmt.TypeOpenMetrics, expfmt.TypeTextPlain:
		t := textWriter{open: format.FormatType() == expfmt.TypeOpenMetrics, out: out}
		if t.families(families) {
			return t.out, nil
		}
	}
	b := bytes.NewBuffer(out[:0])
	enc := expfmt.NewEncoder(b, format)
	for _, f := range families {
		if err := enc.Encode(f.message()); err != nil {
			return nil, err
		}
	}
	if c, ok := enc.(expfmt.Closer); ok {
		if err := c.Close(); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// families appends all of them; it reports false when there is one that it
// cannot write.
func (t *textWriter) families(all []shown) bool {
	for _, f := range all {
		if f.sample != nil {
			t.values(f.sample)
		} else if !t.family(f.own) {
			return false
		}
	}
	if t.open {
		t.out = append(t.out, "# EOF\n"...)
	}
	return true
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
