package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// timeFlag is a point in time on the command line: RFC 3339, a local date with
// or without a time of day, "now", or a duration before now such as 2h or 30m.
// The zero flag is "not given".
type timeFlag struct {
	Time time.Time
	text string
	now  func() time.Time
}

var _ pflag.Value = (*timeFlag)(nil)

// timeRange is the --from, --to and --since of a command.
type timeRange struct {
	from, to, since timeFlag
}

// timeHelp is what the three flags accept, for help texts.
const timeHelp = `RFC 3339, local "2026-01-02 15:04[:05]" or "2026-01-02", a time ago such as 2h, or @SECONDS since 1970`

// add registers --from and --to, and --since as another way to say --from.
func (r *timeRange) add(flags *pflag.FlagSet) {
	flags.Var(&r.from, "from", "leave out what was before `TIME`: "+timeHelp)
	flags.Var(&r.to, "to", "leave out `TIME` and what came after it")
	flags.Var(&r.since, "since", "the same as --from, for a duration before now: 90m, 2h, 3d")
}

// bounds returns the half-open range asked for; a zero time is unbounded. What
// is before or after every time that samples can have is brought to their edge.
func (r *timeRange) bounds() (from, to time.Time, err error) {
	from, to = r.from.Time, r.to.Time
	if r.since.text != "" {
		if r.from.text != "" {
			return from, to, usagef("--from and --since say the same thing: give one of them")
		}
		from = r.since.Time
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, usagef("the range is empty: from %s is not before to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return representable(from), representable(to), nil
}

// representable is the nearest time whose nanoseconds since 1970 fit 64 bits,
// as those of samples do; the zero time stays.
func representable(t time.Time) time.Time {
	first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
	switch {
	case t.IsZero():
		return t
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

// Set parses a time; local forms are in the zone of TZ.
func (f *timeFlag) Set(s string) error {
	now := time.Now
	if f.now != nil {
		now = f.now
	}
	t, err := parseTime(s, now(), time.Local)
	if err != nil {
		return err
	}
	f.Time, f.text = t, s
	return nil
}

// String is what was given, with the zone that was assumed.
func (f *timeFlag) String() string {
	if f == nil || f.text == "" {
		return ""
	}
	return f.Time.Format("2006-01-02 15:04:05 -0700 MST")
}

// Type names the value in help texts.
func (f *timeFlag) Type() string { return "time" }

// parseTime understands what timeHelp says. A local time that does not exist
// (the hour skipped in spring) is refused rather than moved, and one that was twice
// rather than chosen.
func parseTime(s string, now time.Time, local *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "now" {
		return now, nil
	}
	if seconds, ok := strings.CutPrefix(s, "@"); ok {
		v, err := strconv.ParseFloat(seconds, 64)
		if err != nil || !(math.Abs(v) <= 1e11) {
			return time.Time{}, fmt.Errorf("%q is not @SECONDS since 1970", s)
		}
		whole, part := math.Modf(v)
		return time.Unix(int64(whole), int64(part*1e9)), nil
	}
	if d, err := parseAgo(s); err == nil {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"} {
		t, err := time.ParseInLocation(layout, s, local)
		if err != nil {
			continue
		}
		if t.Format(layout) != s {
			return time.Time{}, fmt.Errorf("%q does not exist in zone %s (the clock skipped it); give it with an offset, as in %s", s, local, t.Format(time.RFC3339))
		}
		_, before := t.Add(-24 * time.Hour).Zone()
		_, after := t.Add(24 * time.Hour).Zone()
		back := time.Duration(before-after) * time.Second // by how much the clock was set back that day
		for _, first := range []time.Time{t, t.Add(-back)} {
			if second := first.Add(back); back > 0 && strings.Contains(layout, "15") && first.Format(layout) == s && second.Format(layout) == s {
				return time.Time{}, fmt.Errorf("%q was twice in zone %s (the clock was set back); say which: %s or %s", s, local, first.Format(time.RFC3339), second.Format(time.RFC3339))
			}
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("cannot read %q as a time; give %s", s, timeHelp)
}

// parseAgo reads a duration, with days (3d) beside Go's own units, and with or
// without the word "ago".
func parseAgo(s string) (time.Duration, error) {
	s = strings.TrimSpace(strings.TrimSuffix(s, "ago"))
	var days int
	rest := s
	if before, after, ok := strings.Cut(s, "d"); ok {
		if _, err := fmt.Sscanf(before+" ", "%d ", &days); err != nil || before != fmt.Sprint(days) {
			return 0, fmt.Errorf("bad number of days in %q", s)
		}
		rest = after
	}
	d := time.Duration(days) * 24 * time.Hour
	if rest != "" {
		r, err := time.ParseDuration(rest)
		if err != nil {
			return 0, err
		}
		d += r
	} else if days == 0 {
		return 0, fmt.Errorf("empty duration")
	}
	if d < 0 || days < 0 || days > 36500 {
		return 0, fmt.Errorf("duration %q is out of range", s)
	}
	return d, nil
}
