package main

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// configuration is how the settings came about, so that they can be read again.
type configuration struct {
	args []string
	env  lookup
	// level is the log's, the one setting that changes while the daemon runs,
	// besides what is in the web configuration.
	level *slog.LevelVar
}

// read resolves all settings anew, checks them as far as a start would without
// touching anything, and returns them by name.
func (c *configuration) read() (map[string]string, error) {
	s := &settings{}
	fs := pflag.NewFlagSet("nodemeterd", pflag.ContinueOnError)
	for _, g := range s.flags() {
		fs.AddFlagSet(g.flags)
	}
	if err := fs.Parse(c.args); err != nil {
		return nil, err
	}
	if err := s.resolve(fs, c.env); err != nil {
		return nil, err
	}
	if err := s.startable(c.env); err != nil {
		return nil, err
	}
	out := map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) { out[f.Name] = f.Value.String() })
	return out, nil
}

// startable makes everything of a daemon that can be made beside a running one,
// so that a setting that a start would refuse is refused by a reload.
func (s *settings) startable(env lookup) error {
	name, err := s.nodeName()
	if err != nil {
		return err
	}
	d := &daemon{settings: s, log: slog.New(slog.DiscardHandler), node: &metric.Entity{Kind: metric.Node, ID: name}}
	if s.recordWindows {
		if _, err := s.dir(env, os.Getuid()); err != nil {
			return err
		}
	}
	if s.webConfigFile != "" && s.serves() {
		if _, err := readWebConfig(s.webConfigFile); err != nil {
			return err
		}
	}
	if _, err := d.compatible(); err != nil {
		return err
	}
	_, err = d.pushing()
	return err
}

// reloader reads the configuration again on SIGHUP. A bad one keeps the old.
type reloader struct {
	*configuration
	now    map[string]string // in effect
	web    *webConfig
	renew  string // what was wrong with the web configuration when it was looked at last
	log    *slog.Logger
	notify *notifier
	count  *prometheus.CounterVec
}

// newReloads counts reloads by result.
func newReloads() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nodemeter_reloads_total", Help: "Times the configuration was read again on SIGHUP, by result.",
	}, []string{"result"})
	v.WithLabelValues("ok")
	v.WithLabelValues("failed")
	return v
}

func newReloader(c *configuration, w *webConfig, n *notifier, count *prometheus.CounterVec, log *slog.Logger) *reloader {
	now, err := c.read()
	if err != nil {
		log.Error("configuration", "err", err) // it was read without one a moment ago
	}
	return &reloader{configuration: c, now: now, web: w, log: log, notify: n, count: count}
}

// caught are signals from now on. It is called before anything that takes time:
// until then each of them ends the process.
func caught(which ...os.Signal) <-chan os.Signal {
	c := make(chan os.Signal, 16)
	signal.Notify(c, which...)
	return c
}

// renewal is how often certificates are looked at: those that are renewed
// without a word are in use soon after.
const renewal = time.Minute

// run reloads at each of the signals until ctx is done.
func (r *reloader) run(ctx context.Context, signals <-chan os.Signal) {
	var look <-chan time.Time
	if r.web != nil {
		t := time.NewTicker(renewal)
		defer t.Stop()
		look = t.C
	}
	for {
		select {
		case <-look:
			r.lookAtWeb()
		case <-ctx.Done():
			return // later ones are let go: the default would end the process while it seals
		case <-signals:
			r.notify.reloading()
			r.reload()
			r.notify.send(systemd.SdNotifyReady)
		}
	}
}

// lookAtWeb takes a web configuration that has changed, and says once what is
// wrong with one.
func (r *reloader) lookAtWeb() {
	changed, err := r.web.reload()
	wrong := ""
	if err != nil {
		wrong = err.Error()
	}
	switch {
	case changed:
		r.log.Info("web configuration or certificates have changed: in use from now on", "file", r.web.path)
	case wrong != "" && wrong != r.renew:
		r.log.Error("web configuration cannot be used: the old one stays", "err", err)
	}
	r.renew = wrong
}

// reload puts into effect what can be, and names what takes a restart.
func (r *reloader) reload() {
	fresh, err := r.read()
	renewed := false
	if err == nil {
		renewed, err = r.web.reload()
	}
	if err != nil {
		r.log.Error("configuration not reloaded: the old one stays", "err", err)
		r.count.WithLabelValues("failed").Inc()
		return
	}
	var applied, later []string
	if renewed {
		applied = append(applied, "web.config.file (what it says)")
	}
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		switch {
		case fresh[name] == r.now[name]:
		case name == "log.level" && r.level.UnmarshalText([]byte(fresh[name])) == nil:
			r.now[name] = fresh[name]
			applied = append(applied, name+"="+fresh[name])
		default:
			later = append(later, name+"="+withoutPassword(fresh[name]))
		}
	}
	none := func(list []string) string { return cmp.Or(strings.Join(list, " "), "none") }
	r.log.Info("configuration reloaded", "changed", none(applied), "at_next_start", none(later))
	r.count.WithLabelValues("ok").Inc()
}

// withoutPassword is a setting as a log may show it. The start refuses an
// address with a password in it, which does not mean that nobody writes one; and
// what stands behind a question mark may be one.
func withoutPassword(value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil && strings.Contains(value, "@"):
		return "(not shown)"
	case err != nil || u.User == nil && (u.Host == "" || u.RawQuery == ""):
		return value
	}
	if u.RawQuery != "" {
		u.RawQuery = "(not shown)"
	}
	return u.Redacted()
}

// reloading tells systemd that a reload has begun, which it wants with the time
// (sd_notify(3), RELOADING=1).
func (n *notifier) reloading() {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return
	}
	n.send(systemd.SdNotifyReloading + "\nMONOTONIC_USEC=" + usecOf(now))
}
