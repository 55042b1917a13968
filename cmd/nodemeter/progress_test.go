package main

import (
	"strings"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	var b strings.Builder
	at := time.Unix(0, 0)
	draw := progressLine(&b, func() time.Time { return at })
	step := func(d time.Duration, done int64) string {
		b.Reset()
		at = at.Add(d)
		draw(done, 100<<20)
		return b.String()
	}
	if s := step(900*time.Millisecond, 10<<20); s != "" {
		t.Errorf("drawn before a second has passed: %q", s)
	}
	if s := step(1100*time.Millisecond, 25<<20); s != "\r\x1b[Kreading 25 % of 100 MiB, 12.5 MiB/s, 6 s left" {
		t.Errorf("got %q", s)
	}
	if s := step(100*time.Millisecond, 30<<20); s != "" {
		t.Errorf("drawn again too soon: %q", s)
	}
	if s := step(time.Second, 100<<20); s != "\r\x1b[K" {
		t.Errorf("the line must be cleared at the end: %q", s)
	}
	if readProgress(&b, time.Now) != nil {
		t.Error("no progress but on a terminal")
	}
}
