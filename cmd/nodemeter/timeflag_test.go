package main

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ in, want string }{
		{"2026-01-02T15:04:05Z", "2026-01-02T15:04:05Z"},
		{"2026-01-02T15:04:05.25+02:00", "2026-01-02T13:04:05.25Z"},
		{"2026-01-02 15:04", "2026-01-02T14:04:00Z"},
		{"2026-01-02 15:04:05", "2026-01-02T14:04:05Z"},
		{"2026-07-02", "2026-07-01T22:00:00Z"},
		{"now", "2026-03-30T12:00:00Z"},
		{"@1767366245.5", "2026-01-02T15:04:05.5Z"},
		{"2h", "2026-03-30T10:00:00Z"},
		{"90m ago", "2026-03-30T10:30:00Z"},
		{"1d12h", "2026-03-29T00:00:00Z"},
		{"3d", "2026-03-27T12:00:00Z"},
		{"2026-03-29 02:30", "error"}, // skipped by summer time in Berlin
		{"2026-10-25 02:30", "error"}, // twice
		{"2026-10-25 01:59:59", "2026-10-24T23:59:59Z"},
		{"2026-10-25 03:00", "2026-10-25T02:00:00Z"},
		{"2026-10-25", "2026-10-24T22:00:00Z"},
		{"@NaN", "error"},
		{"@inf", "error"},
		{"yesterday", "error"},
		{"-2h", "error"},
		{"d", "error"},
		{"", "error"},
		{"99999999d", "error"},
	} {
		got := "error"
		if tm, err := parseTime(c.in, now, berlin); err == nil {
			got = tm.UTC().Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

// TestHalfAnHourBack: not every clock is set back by an hour.
func TestHalfAnHourBack(t *testing.T) {
	zone, err := time.LoadLocation("Australia/Lord_Howe")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{"2026-04-05 01:45": "", "2026-04-05 01:20": "2026-04-04T14:20:00Z", "2026-04-05 02:10": "2026-04-04T15:40:00Z"} {
		tm, err := parseTime(in, time.Now(), zone)
		if (err != nil) != (want == "") || err == nil && tm.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v, want %q", in, tm.UTC(), err, want)
		}
	}
}

func TestTimeRange(t *testing.T) {
	at := func(s string) timeFlag {
		tm, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return timeFlag{Time: tm, text: s}
	}
	early, late := at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z")
	if from, to, err := (&timeRange{from: early, to: late}).bounds(); err != nil || !from.Equal(early.Time) || !to.Equal(late.Time) {
		t.Errorf("got %v %v %v", from, to, err)
	}
	if _, _, err := (&timeRange{from: late, to: early}).bounds(); err == nil {
		t.Error("an empty range must be refused")
	}
	if _, _, err := (&timeRange{from: early, since: late}).bounds(); err == nil {
		t.Error("--from with --since must be refused")
	}
}

// Samples' times are nanoseconds in 64 bits: a bound beyond them must not wrap around.
func TestTimeRangeBeyondSamples(t *testing.T) {
	r := timeRange{
		from: timeFlag{Time: time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC), text: "1500-01-01"},
		to:   timeFlag{Time: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), text: "9999-01-01"},
	}
	from, to, err := r.bounds()
	if err != nil || from.UnixNano() >= 0 || to.UnixNano() <= 0 {
		t.Errorf("from %d to %d ns (%v): want a negative and a positive number", from.UnixNano(), to.UnixNano(), err)
	}
}
