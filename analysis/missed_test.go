package analysis

import (
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

func TestNotesSayWhySamplesAreMissing(t *testing.T) {
	r := &Result{Events: []metric.Event{
		{Kind: metric.EventMissedTicks, Count: 4, Detail: "budget"}, {Kind: metric.EventMissedTicks, Count: 8, Detail: "budget"},
		{Kind: metric.EventMissedTicks, Count: 1, Detail: "overrun"}, {Kind: metric.EventMissedTicks, Count: 2, Detail: "\x1b[31mnew"},
	}, Zone: time.UTC}
	got := strings.Join(r.clockNotes(), "\n")
	for _, want := range []string{"12 samples not taken: the agent left them out to stay within --max-cpu", "1 sample not taken: the agent did not get to run", "2 samples not taken: "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Error("a file's text steers the terminal")
	}
}
