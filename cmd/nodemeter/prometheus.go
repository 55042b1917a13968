package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
	"nodemeter/analysis/prom"
	"nodemeter/collector/metric"
)

// serverFlags let a command ask a Prometheus-compatible server instead of
// reading windows.
type serverFlags struct {
	url, config, match string
	timeout            time.Duration
}

func (f *serverFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "prometheus", "", "ask the Prometheus-compatible server at `URL` instead of reading windows; without --from or --since for the last hour")
	cmd.Flags().StringVar(&f.config, "prometheus-config", "", "credentials and TLS for it: a `FILE` as promtool's --http.config.file; or set NODEMETER_PROMETHEUS_TOKEN, or _USER and _PASSWORD")
	cmd.Flags().StringVar(&f.match, "prometheus-match", "", "only series with these `LABELS`, such as cluster=\"hpc\"")
	cmd.Flags().DurationVar(&f.timeout, "prometheus-timeout", 2*time.Minute, "give up a single query after this `TIME`")
}

// paths are the windows to read: none when a server is asked.
func (f *serverFlags) paths(cmd *cobra.Command, args []string) ([]string, error) {
	if f.url == "" {
		return windowPaths(args, cmd.ErrOrStderr())
	}
	if len(args) > 0 {
		return nil, usagef("--prometheus and %s: give one of them", analysis.Escape(args[0]))
	}
	return nil, nil
}

// analyze reads windows, or asks the server that the flags name.
func (f *analyzeFlags) analyze(cmd *cobra.Command, o analysis.Options) (*analysis.Result, error) {
	if f.server.url == "" {
		return analysis.Analyze(cmd.Context(), o)
	}
	return f.server.result(cmd, o)
}

// result asks the server. o has the span, zone, nodes and table that the other
// flags say.
func (f *serverFlags) result(cmd *cobra.Command, o analysis.Options) (*analysis.Result, error) {
	if o.By != 0 && o.By != metric.Node && o.By != metric.GPU {
		return nil, usagef("--by %s with --prometheus: give node or gpu; the other tables need windows", cmp.Or(o.Group, o.By.String()))
	}
	client, err := prom.Connect(prom.Access{
		URL: f.url, ConfigFile: f.config, Timeout: f.timeout,
		Token: os.Getenv("NODEMETER_PROMETHEUS_TOKEN"), User: os.Getenv("NODEMETER_PROMETHEUS_USER"), Password: os.Getenv("NODEMETER_PROMETHEUS_PASSWORD"),
	})
	if err != nil {
		return nil, usageError{err}
	}
	if o.To.IsZero() {
		o.To = time.Now()
	}
	if o.From.IsZero() {
		o.From = o.To.Add(-time.Hour)
	}
	progress, end := progressOn(cmd.ErrOrStderr(), "asking "+f.url)
	defer end()
	return client.Summarize(cmd.Context(), prom.Question{
		From: o.From, To: o.To, Zone: o.Zone, By: o.By, Nodes: o.Nodes, Match: f.match, Progress: progress,
	})
}

// progressOn draws a percentage on a terminal; elsewhere it is silent.
func progressOn(w io.Writer, what string) (draw func(float64), end func()) {
	file, ok := w.(*os.File)
	if !ok {
		return nil, func() {}
	}
	if fi, err := file.Stat(); err != nil || fi.Mode()&os.ModeCharDevice == 0 {
		return nil, func() {}
	}
	return func(share float64) { fmt.Fprintf(w, "\r%s … %3.0f %%", what, 100*share) }, func() { fmt.Fprint(w, "\r\033[K") }
}
