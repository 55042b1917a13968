package tasks

import (
	"errors"
	"fmt"
	"time"
)

// stamp is a wall-clock reading as it stands in a file.
type stamp struct {
	civil   int64 // seconds from 1970-01-01 00:00:00 on the same clock
	nanos   int64
	zoned   bool  // the text had Z or an offset
	seconds int64 // offset east of UTC, where zoned
}

var errStamp = errors.New("not a time like 2025-12-30 14:02:07.118402")

// parseStamp reads YYYY-MM-DD, a space or T, HH:MM:SS, an optional fraction and an
// optional Z, +HH:MM or +HHMM.
func parseStamp(b []byte) (stamp, error) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || (b[10] != ' ' && b[10] != 'T') || b[13] != ':' || b[16] != ':' {
		return stamp{}, errStamp
	}
	year, month, day := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return stamp{}, errStamp
	}
	s := stamp{civil: daysFromCivil(year, month, day)*86400 + int64(hour*3600+minute*60+second)}
	rest := b[19:]
	if len(rest) > 0 && rest[0] == '.' {
		n := 0
		for n+1 < len(rest) && rest[n+1] >= '0' && rest[n+1] <= '9' {
			n++
		}
		if n == 0 {
			return stamp{}, errStamp
		}
		scale := int64(100_000_000)
		for _, c := range rest[1 : n+1] {
			s.nanos += int64(c-'0') * scale
			scale /= 10
		}
		rest = rest[n+1:]
	}
	return s.zone(rest)
}

// zone reads what may follow the seconds.
func (s stamp) zone(rest []byte) (stamp, error) {
	if len(rest) == 0 {
		return s, nil
	}
	s.zoned = true
	if len(rest) == 1 && rest[0] == 'Z' {
		return s, nil
	}
	if rest[0] != '+' && rest[0] != '-' {
		return stamp{}, errStamp
	}
	sign, rest := rest[0], rest[1:]
	if len(rest) == 5 && rest[2] == ':' {
		rest = []byte{rest[0], rest[1], rest[3], rest[4]}
	}
	if len(rest) != 4 {
		return stamp{}, errStamp
	}
	hours, minutes := digits(rest[:2]), digits(rest[2:])
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return stamp{}, errStamp
	}
	s.seconds = int64(hours*3600 + minutes*60)
	if sign == '-' {
		s.seconds = -s.seconds
	}
	return s, nil
}

// digits is the number that b spells; -1 when it is not all digits.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysFromCivil counts days since 1970-01-01 in the Gregorian calendar, with the
// year starting in March so that the leap day comes last.
func daysFromCivil(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469)
}

// clock turns naive stamps into instants of one time zone. It keeps the span in which
// the zone's offset is constant, so that most stamps cost a subtraction.
type clock struct {
	zone     *time.Location
	from, to int64 // civil seconds well inside one offset
	offset   int64
	known    bool
	counts
}

// counts is what a clock has seen.
type counts struct {
	naive      int
	ambiguous  int // stamps that occur twice, when clocks are set back
	firstTwice string
}

// instants returns the nanoseconds since the epoch that a stamp may mean: one,
// two where clocks are set back, or an error where clocks are set forward and it
// never occurs.
func (c *clock) instants(s stamp) (first, second int64, err error) {
	if s.zoned {
		t := (s.civil-s.seconds)*1e9 + s.nanos
		return t, t, nil
	}
	c.naive++
	if c.known && s.civil >= c.from && s.civil < c.to {
		t := (s.civil-c.offset)*1e9 + s.nanos
		return t, t, nil
	}
	return c.slow(s)
}

// slow tries every offset in force within a day of the stamp.
func (c *clock) slow(s stamp) (first, second int64, err error) {
	const day = 86400
	found := false
	for _, around := range []int64{s.civil - day, s.civil, s.civil + day} {
		_, off := time.Unix(around, 0).In(c.zone).Zone()
		t := s.civil - int64(off)
		if _, real := time.Unix(t, 0).In(c.zone).Zone(); real != off {
			continue
		}
		ns := t*1e9 + s.nanos
		if !found {
			first, second, found = ns, ns, true
		}
		first, second = min(first, ns), max(second, ns)
	}
	switch {
	case !found:
		return 0, 0, fmt.Errorf("%s does not exist in %s, where clocks were set forward: is the time zone right?", civilText(s.civil), c.zone)
	case first != second:
		c.ambiguous++
		if c.firstTwice == "" {
			c.firstTwice = civilText(s.civil)
		}
	default:
		c.remember(first / 1e9)
	}
	return first, second, nil
}

// remember keeps the span of one offset, a day short of each end.
func (c *clock) remember(unix int64) {
	const day = 86400
	t := time.Unix(unix, 0).In(c.zone)
	_, off := t.Zone()
	c.offset, c.known = int64(off), true
	start, end := t.ZoneBounds()
	c.from, c.to = -beyond, beyond
	if !start.IsZero() {
		c.from = start.Unix() + c.offset + day
	}
	if !end.IsZero() {
		c.to = end.Unix() + c.offset - day
	}
}

// beyond is beyond any civil second that parseStamp accepts.
const beyond = 1 << 40

func civilText(civil int64) string {
	return time.Unix(civil, 0).UTC().Format(time.DateTime)
}
