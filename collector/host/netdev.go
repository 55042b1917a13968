package host

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// netLine is a line of /proc/net/dev.
type netLine struct {
	name   []byte // valid until the next read
	counts [linkCounts]uint64
}

// netDevHeader is how many lines stand before the first link.
const netDevHeader = 2

// parseNetDev wants the two header lines, then "name: " and sixteen numbers a
// link (net/core/net-procfs.c). Every network namespace has a loopback link.
// A number that no counter reaches is a driver's garbage, not damage: it is
// refused alone, later.
func parseNetDev(data []byte, to []netLine) ([]netLine, error) {
	count := 0
	for n, at := 1, 0; at < len(data); n++ {
		count = n
		if n <= netDevHeader {
			end := lineEnd(data, at)
			if bytes.Count(data[at:end], []byte{'|'}) != 2 {
				return to[:0], fmt.Errorf("line %d: %.40q, want a header", n, data[at:end])
			}
			at = end + 1
			continue
		}
		if len(to) < cap(to) {
			to = to[:len(to)+1]
		} else {
			to = append(to, netLine{})
		}
		end, err := to[len(to)-1].parse(data, at)
		if err != nil {
			return to[:0], fmt.Errorf("line %d%w", n, err)
		}
		at = end + 1
	}
	if count <= netDevHeader {
		return to[:0], errors.New("cut short: want two header lines and a link")
	}
	return to, nil
}

// parse reads the line at at and says where it ends. Its error goes on where
// the line is named.
func (l *netLine) parse(data []byte, at int) (end int, err error) {
	for at < len(data) && data[at] == ' ' {
		at++
	}
	stop := at
	for stop < len(data) && data[stop] != ':' && data[stop] > ' ' {
		stop++
	}
	if stop == len(data) || data[stop] != ':' || stop == at {
		return 0, oddName(data[at:lineEnd(data, at)])
	}
	l.name = data[at:stop]
	var v [netColumns]uint64
	got, end, err := numbers(data, stop+1, v[:], math.MaxUint64)
	if err == nil && got != netColumns {
		err = fmt.Errorf("%d numbers, want %d", got, netColumns)
	}
	if err != nil {
		return 0, fmt.Errorf(" (%s): %w", l.name, err)
	}
	// bytes packets errs drop fifo frame compressed multicast, and the same
	// eight of what was sent, which ends in colls carrier compressed
	l.counts = [linkCounts]uint64{
		linkReceive: v[0], linkReceivePackets: v[1], linkReceiveErrors: v[2], linkReceiveDrops: v[3],
		linkTransmit: v[8], linkTransmitPackets: v[9], linkTransmitErrors: v[10], linkTransmitDrops: v[11]}
	return end, nil
}

const netColumns = 16

// oddName says what is wrong with a line that does not begin with a name.
func oddName(line []byte) error {
	name, _, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		return fmt.Errorf(": %.40q, want \"link: numbers\"", line)
	}
	return fmt.Errorf(": %.40q is no link's name", name)
}
