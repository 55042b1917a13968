package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"nodemeter/collector/metric"
)

// Pressure reads /proc/pressure: how long tasks waited for processors, memory
// and I/O (pressure stall information, Documentation/accounting/psi.rst).
type Pressure struct {
	node    *metric.Entity
	files   [len(pressureSubjects)]stalls
	without int // reads until the files are looked for again, where there were none
}

var pressureSubjects = [...]string{"cpu", "memory", "io"}

// stalls is one file of /proc/pressure.
type stalls struct {
	file file
	some stall
	full *stall // nil for processors: the kernel's figure has no meaning for a whole node
	last pressure
	at   time.Time // of the last read; zero before the first
}

type stall struct {
	seconds, ratio *metric.Desc
}

// NewPressure makes the source of pressure stall information.
func NewPressure(cfg Config) *Pressure {
	p := &Pressure{node: cfg.Node}
	for i, subject := range pressureSubjects {
		p.files[i] = stalls{file: newFile(cfg.proc("pressure", subject), 256), some: pressureDescs[i].some}
		if subject != "cpu" {
			p.files[i].full = &pressureDescs[i].full
		}
	}
	return p
}

// Descs lists the stall times and their shares of the interval.
func (p *Pressure) Descs() []*metric.Desc {
	var d []*metric.Desc
	for i := range p.files {
		d = append(d, p.files[i].some.seconds, p.files[i].some.ratio)
		if f := p.files[i].full; f != nil {
			d = append(d, f.seconds, f.ratio)
		}
	}
	return d
}

// Read adds the figures of each file that can be read; the error joins those
// of the others. A kernel without pressure stall information, as some
// distributions have it, has none of them, and nothing is added.
func (p *Pressure) Read(ctx context.Context, b *metric.Batch) error {
	if p.without > 0 {
		p.without--
		return ctx.Err()
	}
	var errs [len(pressureSubjects)]error
	absent := 0
	for i := range p.files {
		if errs[i] = ctx.Err(); errs[i] != nil {
			break
		}
		errs[i] = p.files[i].read(b, p.node)
		if missing := errors.Is(errs[i], fs.ErrNotExist) || errors.Is(errs[i], syscall.EOPNOTSUPP); missing && p.files[i].at.IsZero() {
			absent++
		}
	}
	if absent == len(errs) {
		p.without = reopenEvery
		return nil
	}
	return errors.Join(errs[:]...)
}

func (s *stalls) read(b *metric.Batch, node *metric.Entity) error {
	data, err := s.file.read()
	now := time.Now()
	if err != nil {
		return err
	}
	got, err := parsePressure(data)
	if err == nil && s.full != nil && !got.hasFull {
		err = errors.New("no full line")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.file.path, err)
	}
	elapsed := now.Sub(s.at)
	if s.at.IsZero() {
		elapsed = 0
	}
	s.some.add(b, node, got.some, s.last.some, elapsed)
	if s.full != nil {
		s.full.add(b, node, got.full, s.last.full, elapsed)
	}
	s.last, s.at = got, now
	return nil
}

// add gives the stall time since boot and, given the time since the last read,
// its share of that time. The kernel's clock and ours are read apart, so a
// share may come out a little above 1 and is then 1; far above it is refused.
func (s *stall) add(b *metric.Batch, node *metric.Entity, now, last time.Duration, elapsed time.Duration) {
	b.Add(node, metric.Float(s.seconds, now.Seconds()))
	if elapsed <= 0 || now < last {
		return
	}
	delta := now - last
	if delta > elapsed+elapsed/10+10*time.Millisecond {
		b.Reject()
		return
	}
	b.Add(node, metric.Float(s.ratio, min(delta.Seconds()/elapsed.Seconds(), 1)))
}

// pressure is the total stall time of one file: some task waited, and all
// tasks waited.
type pressure struct {
	some, full time.Duration
	hasFull    bool // kernels before 5.13 have no full line for processors
}

// parsePressure reads a file of /proc/pressure:
//
//	some avg10=0.00 avg60=0.00 avg300=0.00 total=1234
//	full avg10=0.00 avg60=0.00 avg300=0.00 total=567
//
// Totals are in microseconds. The averages are not used: they are the kernel's
// own, over its own periods.
func parsePressure(data []byte) (pressure, error) {
	var p pressure
	hasSome := false
	for n, at := 1, 0; at < len(data); n++ {
		end := lineEnd(data, at)
		line := data[at:end]
		at = end + 1
		kind, rest, _ := bytes.Cut(line, []byte{' '})
		value := bytes.Index(rest, []byte("total="))
		if value < 0 {
			return pressure{}, fmt.Errorf("line %d: %.40q, want a total", n, line)
		}
		us, err := number(rest[value+len("total="):])
		if err == nil && us > maxMicroseconds {
			err = fmt.Errorf("%d microseconds is too long", us)
		}
		if err != nil {
			return pressure{}, fmt.Errorf("line %d: total: %w", n, err)
		}
		total := time.Duration(us) * time.Microsecond
		switch {
		case string(kind) == "some" && !hasSome:
			p.some, hasSome = total, true
		case string(kind) == "full" && !p.hasFull:
			p.full, p.hasFull = total, true
		default:
			return pressure{}, fmt.Errorf("line %d: %.40q, want one line some and one full", n, line)
		}
	}
	if !hasSome {
		return pressure{}, errors.New("no some line")
	}
	return p, nil
}

const maxMicroseconds = uint64(1<<63-1) / 1000 // what a time.Duration holds: 292 years

type pressureSet struct{ some, full stall }

var pressureDescs = [3]pressureSet{
	{some: stallDescs("cpu", "some", "at least one task waited for a processor")},
	{some: stallDescs("memory", "some", "at least one task waited for memory"), full: stallDescs("memory", "full", "all tasks that had work waited for memory at once")},
	{some: stallDescs("io", "some", "at least one task waited for I/O"), full: stallDescs("io", "full", "all tasks that had work waited for I/O at once")},
}

func stallDescs(subject, kind, what string) stall {
	name := "pressure_" + subject + "_" + kind
	source := kind + " of /proc/pressure/" + subject
	return stall{
		seconds: &metric.Desc{On: metric.Node, Column: name + "_seconds", Metric: "nodemeter_" + name + "_seconds_total",
			Help: "Time in which " + what + ", since boot: total of " + source + ".",
			Unit: metric.Seconds, Kind: metric.Counter, Type: metric.TypeFloat, Step: 1e-6,
			Absent: "the kernel gives no pressure stall information"},
		ratio: &metric.Desc{On: metric.Node, Column: name + "_ratio", Metric: "nodemeter_" + name + "_ratio",
			Help: "Share of the interval in which " + what + ": increase of the total of " + source + " over the time between reads.",
			Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep,
			Absent: "first read, or the kernel gives no pressure stall information"},
	}
}
