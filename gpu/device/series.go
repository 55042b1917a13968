package device

import "time"

// longestStep bounds how long one driver sample speaks for. The driver's own
// averaging period is 1/6 s to 1 s (nvml.h, nvmlUtilization_t).
const longestStep = 2 * time.Second

// Point is one sample of the driver's ring buffer: the average over the time
// from the sample before it to Time.
type Point struct {
	Time  time.Duration // wall clock since 1970; the driver's stamps are in microseconds
	Value float64       // a ratio, 0-1, or watts
}

// Series turns driver samples into the mean, minimum and maximum between two
// ticks, without counting any sample twice. The zero Series is ready for use.
type Series struct {
	last time.Duration // stamp of the newest sample used
}

// Since is the stamp to ask the driver for newer samples than; at the first
// time, and after the wall clock was set back, one tick back from now.
func (s *Series) Since(now time.Time, elapsed time.Duration) time.Duration {
	wall := time.Duration(now.UnixNano())
	if s.last == 0 || s.last > wall+longestStep {
		s.last = wall - elapsed
	}
	return s.last
}

// Span is what a run of samples amounts to.
type Span struct {
	Mean, Min, Max float64       // Mean is weighted by time
	Covered        time.Duration // the time the samples speak for
	Lost           time.Duration // the time before them whose samples the driver has overwritten
	Samples        int
}

// Integral is the mean times the time elapsed, in seconds. What is lost because a
// tick is longer than the driver's buffer counts as the samples that are left.
func (s Span) Integral(elapsed time.Duration) float64 {
	return s.Mean * max(s.Covered, min(s.Covered+s.Lost, elapsed)).Seconds()
}

// Take uses the samples newer than those taken before, which must ascend in
// time; older ones, repeated ones and those of the future are left out. full says
// that the driver gave all that it has room for, so that it may have had more.
func (s *Series) Take(points []Point, full bool, now time.Time) Span {
	var span Span
	var sum float64
	horizon := time.Duration(now.UnixNano()) + longestStep
	for _, p := range points {
		if p.Time <= s.last || p.Time > horizon {
			continue
		}
		step := min(p.Time-s.last, longestStep)
		if full && span.Samples == 0 {
			span.Lost = p.Time - s.last - step
		}
		s.last = p.Time
		sum += p.Value * step.Seconds()
		span.Covered += step
		if span.Samples == 0 {
			span.Min, span.Max = p.Value, p.Value
		}
		span.Min, span.Max = min(span.Min, p.Value), max(span.Max, p.Value)
		span.Samples++
	}
	if span.Covered > 0 {
		span.Mean = min(max(sum/span.Covered.Seconds(), span.Min), span.Max)
	}
	return span
}

// Gap is the time up to now that no sample will speak for: zero while the
// newest sample is recent, because the next one covers the time since. What it
// returns is thereby accounted for. Without any buffer it is the time elapsed.
func (s *Series) Gap(now time.Time, elapsed time.Duration) time.Duration {
	if s.last == 0 {
		return elapsed
	}
	gap := time.Duration(now.UnixNano()) - s.last
	if gap <= longestStep {
		return 0
	}
	s.last = time.Duration(now.UnixNano())
	return min(gap, elapsed+longestStep)
}
