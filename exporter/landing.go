package exporter

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"nodemeter/collector/metric"
)

//go:embed landing.html
var landingHTML string

// About is what the landing page says that does not change.
type About struct {
	Node, Version string
	Recording     string // where windows are written, or why not
	Started       time.Time
}

// page is the landing page's data.
type page struct {
	About
	Uptime  time.Duration
	Ready   error
	Tick    string
	Figures []figure
	Sources []source
}

type figure struct{ Name, Value, Note string }

type source struct {
	Name, State, Took string
	OK                bool
}

func (e *Exporter) landing(about About) http.Handler {
	t := template.Must(template.New("landing").Parse(landingHTML))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// An error here is a client that went away.
		_ = t.Execute(w, e.page(about))
	})
}

func (e *Exporter) page(about About) page {
	p := page{About: about, Uptime: time.Since(about.Started).Round(time.Second), Ready: e.Ready()}
	s, _, age := e.latest.get()
	if s == nil {
		return p
	}
	defer s.Release()
	p.Sources = sources(s)
	if age <= e.staleAfter() {
		p.Tick = s.Time.UTC().Format("2006-01-02 15:04:05.999 MST")
		p.Figures = figures(s)
	}
	return p
}

// figures are the four headline numbers; one that is absent says so.
func figures(s *metric.Sample) []figure {
	out := []figure{
		{Name: "CPU", Note: "busy share of all cores"},
		{Name: "Memory", Note: "share not available"},
		{Name: "GPU", Note: "mean over GPUs; a kernel was running, not how full the GPU was"},
		{Name: "Network", Note: "received + sent, physical links"},
	}
	node := s.Node()
	for i, c := range []string{"cpu_util", "memory_util", "gpu_util", "network_mbps"} {
		out[i].Value = "none"
		if node == nil {
			continue
		}
		p, ok := node.Get(c)
		state, told := node.Get("gpu_state")
		switch {
		case !ok && c == "gpu_util" && told:
			out[i].Value = state.StateName() // none, starting, failed, released
		case ok && p.Desc.Unit == metric.Ratio:
			out[i].Value = fmt.Sprintf("%.1f %%", 100*p.Float())
		case ok:
			out[i].Value = fmt.Sprintf("%.2f Mbit/s", p.Float())
		}
	}
	return out
}

func sources(s *metric.Sample) []source {
	out := make([]source, len(s.Sources))
	for i, st := range s.Sources {
		out[i] = source{Name: st.Name, State: "ok", OK: st.Err == nil, Took: st.Duration.Round(time.Microsecond).String()}
		if st.Err != nil {
			out[i].State = st.Err.Error()
		}
	}
	return out
}
