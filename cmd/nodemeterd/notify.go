package main

import (
	"log/slog"
	"strconv"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"nodemeter/collector"
	"nodemeter/collector/metric"
)

// notifier tells systemd how the daemon fares (sd_notify(3)). Without systemd
// every call does nothing.
type notifier struct {
	log   *slog.Logger
	every time.Duration // shortest time between two watchdog messages; 0 is no watchdog
	last  time.Time
}

// newNotifier reads what systemd asked for. A watchdog shorter than three times
// the most that samples may be apart would fire on a healthy daemon, so systemd
// is told to wait longer.
func newNotifier(interval time.Duration, log *slog.Logger) *notifier {
	n := &notifier{log: log}
	watchdog, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("watchdog off: systemd's request cannot be read", "err", err)
		return n
	}
	if watchdog == 0 {
		return n
	}
	if least := 3 * collector.LongestStep(interval); watchdog < least {
		n.send("WATCHDOG_USEC=" + usec(least))
		watchdog = least
	}
	n.every = watchdog / 4
	return n
}

func usecOf(t unix.Timespec) string { return usec(time.Duration(t.Nano())) }

func usec(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// tick is a sink of the tick loop: it pats the watchdog, so that a loop that
// is stuck gets the daemon restarted.
func (n *notifier) tick(*metric.Sample) {
	if n.every == 0 || time.Since(n.last) < n.every {
		return
	}
	n.last = time.Now()
	n.send(systemd.SdNotifyWatchdog)
}

func (n *notifier) ready(status string)    { n.send(systemd.SdNotifyReady + "\nSTATUS=" + status) }
func (n *notifier) stopping(status string) { n.send(systemd.SdNotifyStopping + "\nSTATUS=" + status) }

func (n *notifier) send(state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		n.log.Debug("sd_notify", "err", err)
	}
}
