package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"nodemeter/collector/metric"
)

// AllNotes are the things about the recording itself that a reader must know:
// what was missing, repeated, moved or damaged. Names in them are escaped.
func (r *Result) AllNotes() []string {
	notes := slices.Clone(r.Notes)
	if len(r.Problems) > 0 {
		notes = append(notes, fmt.Sprintf("DAMAGE: %s while reading; the figures are of what survives", countOf(int64(len(r.Problems)), "problem")))
	}
	for _, n := range r.Missing {
		notes = append(notes, "nothing was recorded on "+Escape(n))
	}
	notes = append(notes, r.presenceNotes()...)
	return append(notes, r.clockNotes()...)
}

// presenceNotes name gaps, repeats, and nodes that were there for a part only.
func (r *Result) presenceNotes() []string {
	var gaps, late, repeated []string
	for _, e := range r.Nodes() {
		p := &e.Presence
		name := Escape(e.Entity.Label())
		if g, missing := longestGap(p); missing > 0 {
			gaps = append(gaps, fmt.Sprintf("%s: %s missing in %s, the longest %s from %s", name, countOf(missing, "sample"), countOf(int64(p.GapCount), "gap"),
				FormatDuration(g.To.Sub(g.From)), r.clock(g.From)))
		}
		if g, n := stopped(p); n > 0 {
			gaps = append(gaps, fmt.Sprintf("%s: the agent was stopped for %s in all, %s, the longest from %s (not counted as missing)", name, FormatDuration(g), countOf(int64(n), "time"), r.clock(longestStop(p))))
		}
		if p.Repeated > 0 {
			repeated = append(repeated, fmt.Sprintf("%s: %s left out, being no later than one that was read before (two recordings of the same time: read them apart; or a clock set back)", name, countOf(p.Repeated, "row")))
		}
		slack := max(r.To.Sub(r.From)/100, 2*r.Interval)
		if p.First.Sub(r.From) > slack || r.To.Sub(p.Last) > slack {
			late = append(late, fmt.Sprintf("%s: seen only from %s to %s", name, r.clock(p.First), r.clock(p.Last)))
		}
	}
	out := firstFew(gaps, "nodes with gaps")
	out = append(out, firstFew(late, "nodes seen for a part of the time only")...)
	return append(out, firstFew(repeated, "nodes with repeated rows")...)
}

// firstFew keeps a list readable.
func firstFew(notes []string, rest string) []string {
	const few = 5
	if len(notes) <= few {
		return notes
	}
	return append(notes[:few:few], fmt.Sprintf("and %d more %s", len(notes)-few, rest))
}

func longestGap(p *Presence) (longest Gap, missing int64) {
	for _, g := range p.Gaps {
		if g.Stopped {
			continue
		}
		missing += g.Missing
		if g.Missing > longest.Missing {
			longest = g
		}
	}
	return longest, missing
}

func stopped(p *Presence) (total time.Duration, n int) {
	for _, g := range p.Gaps {
		if g.Stopped {
			total += g.To.Sub(g.From)
			n++
		}
	}
	return total, n
}

func longestStop(p *Presence) time.Time {
	var longest Gap
	for _, g := range p.Gaps {
		if g.Stopped && g.Missing > longest.Missing {
			longest = g
		}
	}
	return longest.From
}

// clock writes an instant, or an offset where there is no clock.
func (r *Result) clock(t time.Time) string {
	if r.Frame != nil && r.Frame.NoClock {
		return "offset " + FormatDuration(time.Duration(t.UnixNano()))
	}
	return t.In(r.Zone).Format("2006-01-02 15:04:05")
}

// missedNotes say why ticks were not taken, where the agent knew.
func (r *Result) missedNotes() []string {
	because := map[string]int64{}
	for _, e := range r.Events {
		if e.Kind == metric.EventMissedTicks {
			because[e.Detail] += e.Count
		}
	}
	var notes []string
	for _, reason := range slices.Sorted(maps.Keys(because)) {
		words := map[string]string{
			"budget":     "the agent left them out to stay within --max-cpu",
			"overrun":    "the agent did not get to run in time",
			"suspend":    "the machine was suspended",
			"clock_step": "the clock was set forward",
		}[reason]
		if words == "" {
			words = Escape(reason)
		}
		notes = append(notes, fmt.Sprintf("%s not taken: %s", countOf(because[reason], "sample"), words))
	}
	return notes
}

// clockNotes tell what happened to the clocks and to the recording.
func (r *Result) clockNotes() []string {
	var notes []string
	counts := map[metric.EventKind]int64{}
	for _, e := range r.Events {
		counts[e.Kind]++
		switch e.Kind {
		case metric.EventClockStep:
			notes = append(notes, fmt.Sprintf("the clock was set by %s at %s", FormatDuration(e.By), r.clock(e.Time)))
		case metric.EventSuspend:
			notes = append(notes, fmt.Sprintf("the machine slept for %s at %s", FormatDuration(e.By), r.clock(e.Time)))
		case metric.EventWriteLost:
			notes = append(notes, strings.TrimSpace(fmt.Sprintf("%s not written at %s %s", countOf(e.Count, "sample"), r.clock(e.Time), Escape(e.Detail))))
		}
	}
	notes = append(firstFew(notes, "notes of this kind"), r.missedNotes()...)
	if n := counts[metric.EventRecovered]; n > 0 {
		notes = append(notes, fmt.Sprintf("%s recovered after the agent ended without warning", countOf(n, "window")))
	}
	return notes
}
