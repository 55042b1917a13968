package main

import (
	"fmt"
	"io"
	"time"

	"nodemeter/analysis"
)

// readProgress draws how far reading has come on a terminal: percent, rate and
// time left, once reading has taken a second. Elsewhere it is nil: silent.
func readProgress(w io.Writer, now func() time.Time) func(done, total int64) {
	if _, onTerminal := terminalWidth(w); !onTerminal {
		return nil
	}
	return progressLine(w, now)
}

// progressLine draws without asking what w is.
func progressLine(w io.Writer, now func() time.Time) func(done, total int64) {
	const first, every = time.Second, 200 * time.Millisecond
	start := now()
	last := start
	drawn := false
	return func(done, total int64) {
		t := now()
		elapsed := t.Sub(start)
		switch {
		case done >= total:
			if drawn {
				fmt.Fprint(w, "\r\x1b[K")
			}
			return
		case elapsed < first || t.Sub(last) < every || done == 0:
			return
		}
		last, drawn = t, true
		rate := float64(done) / elapsed.Seconds()
		left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(w, "\r\x1b[Kreading %.0f %% of %s, %s/s, %s left", 100*float64(done)/float64(total), analysis.FormatBytes(float64(total)), analysis.FormatBytes(rate), analysis.FormatDuration(left))
	}
}
