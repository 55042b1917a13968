package window

import (
	"fmt"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// dawn begins an hour, as windows do.
var dawn = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

func TestFewEventsStayAsTheyAre(t *testing.T) {
	events := []metric.Event{{Kind: metric.EventStart, Time: dawn}, {Kind: metric.EventClockStep, Time: dawn, By: -time.Second}, {Kind: metric.EventClockStep, Time: dawn, By: time.Hour}}
	if got := fewerEvents(events, 3); len(got) != 3 || got[2] != events[2] {
		t.Errorf("%v", got)
	}
}

// TestManyEventsAreAddedUp: what is left out is in the counts, and the rare
// events between many of another kind stay.
func TestManyEventsAreAddedUp(t *testing.T) {
	for name, detail := range map[string]func(i int) string{
		"one reason":  func(int) string { return "budget" },
		"all differ":  func(i int) string { return fmt.Sprint("reason ", i) },
		"two reasons": func(i int) string { return fmt.Sprint("reason ", i%2) },
	} {
		events := []metric.Event{{Kind: metric.EventStart, Time: dawn}}
		for i := range 100_000 {
			events = append(events, metric.Event{Kind: metric.EventMissedTicks, Time: dawn.Add(time.Duration(i) * 36 * time.Millisecond), Count: 3, Detail: detail(i)})
		}
		events = append(events, metric.Event{Kind: metric.EventStop, Time: dawn.Add(time.Hour)})
		got := fewerEvents(events, maxEvents)
		sum := int64(0)
		for _, e := range got {
			sum += e.Count
		}
		if len(got) > maxEvents || sum != 300_000 || got[0].Kind != metric.EventStart || got[len(got)-1].Kind != metric.EventStop {
			t.Errorf("%s: %d events that sum up to %d, from %v to %v", name, len(got), sum, got[0], got[len(got)-1])
		}
	}
}

// TestWindowOfEventsIsSealedAndRead holds the footer of a window with an event
// a sample within what readers accept.
func TestWindowOfEventsIsSealedAndRead(t *testing.T) {
	meta := Meta{Node: "n", Interval: time.Second, From: dawn, To: dawn.Add(time.Hour)}
	for i := range 200_000 {
		meta.Events = append(meta.Events, metric.Event{Kind: metric.EventSourceFailed, Time: dawn.Add(time.Duration(i) * 18 * time.Millisecond), Detail: fmt.Sprintf("gpu: late: no answer for %d ms", i)})
	}
	kv, err := encodeMeta(&meta, coverage{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(kv[keyEvents]); n > 1<<20 {
		t.Errorf("%d bytes of events", n)
	}
}
