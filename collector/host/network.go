package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/net"

	"nodemeter/collector/metric"
)

// What is counted on a link.
const (
	linkReceive = iota
	linkTransmit
	linkReceivePackets
	linkTransmitPackets
	linkReceiveErrors
	linkTransmitErrors
	linkReceiveDrops
	linkTransmitDrops
	linkCounts
)

// linkCounters are the counters of a link since it came up: bytes, packets.
type linkCounters struct {
	v   [linkCounts]uint64
	has uint16 // bit i: v[i] is known; InfiniBand ports count less than links
}

const allLinkCounters = 1<<linkCounts - 1

// classifyEvery is how often links are looked at again although their names
// are the same: one may have joined a bond, or been made anew as another kind.
const classifyEvery = 30 * time.Second

// Network reads /proc/net/dev and the counters of InfiniBand ports: one entity
// a link, and the node's figures over the links that are counted.
type Network struct {
	cfg        Config
	env        common.EnvMap
	dev        file
	ports      []*ibPort
	links      map[string]*link
	now        []*link // the links of this read, in order
	classified time.Time
	last       time.Time // of the last read; zero before the first
	sum        [2]uint64 // bytes received and sent on counted links
	started    bool      // sum has its first value
	round      uint64
}

type link struct {
	name   string
	class  string
	entity *metric.Entity
	sum    bool   // counted in the node's figures
	round  uint64 // of the read that last saw it
	cur    linkCounters
	prev   linkCounters
	before uint64 // round of prev; 0: there is none
}

// NewNetwork makes the source of network counters.
func NewNetwork(cfg Config) *Network {
	return &Network{cfg: cfg, env: cfg.env(), dev: file{path: cfg.proc("net/dev")}, links: map[string]*link{}}
}

// Read adds every link's counters and rates, then the node's. InfiniBand ports
// that fail leave the links alone, but not the node's figures, which would lack them.
func (n *Network) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stats, err := n.readDev(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	gone, err := n.follow(stats, now)
	elapsed := time.Duration(0)
	if !n.last.IsZero() {
		elapsed = now.Sub(n.last)
	}
	for _, l := range n.now {
		l.add(b, elapsed)
	}
	n.addNode(b, elapsed, !gone && err == nil, err == nil)
	n.last = now
	return err
}

// follow takes the counters of every link and port, drops those that vanished
// and looks at links again where needed. gone: a counted link vanished.
func (n *Network) follow(stats []net.IOCountersStat, now time.Time) (gone bool, err error) {
	n.round++
	n.now = n.now[:0]
	changed := n.classified.IsZero() || now.Sub(n.classified) >= classifyEvery
	for i := range stats {
		l, isNew := n.link(stats[i].Name)
		l.cur = countersOf(&stats[i])
		changed = changed || isNew
	}
	if changed {
		ports, perr := findPorts(n.cfg.sys("class/infiniband"))
		if err = perr; err == nil {
			n.ports = ports
		}
	}
	newPorts, perr := n.readPorts()
	gone = n.forget()
	if changed || newPorts || gone {
		n.classify(now)
	}
	if err = errors.Join(err, perr); err != nil {
		n.classified = time.Time{} // look again at the next read
	}
	return gone, err
}

// readDev checks /proc/net/dev and reads it: gopsutil panics on a short line.
func (n *Network) readDev(ctx context.Context) ([]net.IOCountersStat, error) {
	data, err := n.dev.read()
	if err != nil {
		return nil, err
	}
	if err := checkNetDev(data); err != nil {
		return nil, fmt.Errorf("%s: %w", n.dev.path, err)
	}
	stats, err := net.IOCountersWithContext(context.WithValue(ctx, common.EnvKey, n.env), true)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.dev.path, err)
	}
	return stats, nil
}

// checkNetDev wants the two header lines, then "name: " and sixteen numbers a
// link (net/core/net-procfs.c). Every network namespace has a loopback link.
// A number that no counter reaches is a driver's garbage, not damage: it is
// refused alone, later.
func checkNetDev(data []byte) error {
	seen := map[string]bool{}
	count := 0
	for n, line := range lines(data) {
		count = n
		if n <= 2 {
			if bytes.Count(line, []byte{'|'}) != 2 {
				return fmt.Errorf("line %d: %.40q, want a header", n, line)
			}
			continue
		}
		at := bytes.IndexByte(line, ':')
		if at < 0 {
			return fmt.Errorf("line %d: %.40q, want \"link: numbers\"", n, line)
		}
		name := string(bytes.TrimSpace(line[:at]))
		if name == "" || strings.ContainsAny(name, " \t") || seen[name] {
			return fmt.Errorf("line %d: %q is no link's name, or there twice", n, name)
		}
		seen[name] = true
		got, err := countNumbers(line[at+1:], math.MaxUint64)
		if err == nil && got != 16 {
			err = fmt.Errorf("%d numbers, want 16", got)
		}
		if err != nil {
			return fmt.Errorf("line %d (%s): %w", n, name, err)
		}
	}
	if count < 3 {
		return errors.New("cut short: want two header lines and a link")
	}
	return nil
}

func countersOf(s *net.IOCountersStat) linkCounters {
	return linkCounters{has: allLinkCounters, v: [linkCounts]uint64{
		s.BytesRecv, s.BytesSent, s.PacketsRecv, s.PacketsSent, s.Errin, s.Errout, s.Dropin, s.Dropout}}
}

func (n *Network) readPorts() (isNew bool, err error) {
	var errs []error
	for _, p := range n.ports {
		c, err := p.read()
		if errors.Is(err, errNoCounters) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			if l := n.links[p.name]; l != nil {
				l.round = n.round // there, though it has no points now
			}
			continue
		}
		l, fresh := n.link(p.name)
		l.cur, l.class = c, p.class
		isNew = isNew || fresh
	}
	return isNew, errors.Join(errs...)
}

// link finds or makes the link of a name and puts it on this read's list.
func (n *Network) link(name string) (l *link, isNew bool) {
	l = n.links[name]
	if isNew = l == nil; isNew {
		l = &link{name: name}
		n.links[name] = l
	}
	l.round = n.round
	n.now = append(n.now, l)
	return l, isNew
}

// forget drops the links that vanished and reports whether one was counted.
func (n *Network) forget() (counted bool) {
	for name, l := range n.links {
		if l.round != n.round {
			delete(n.links, name)
			counted = counted || l.sum
		}
	}
	return counted
}

// classify looks at every link again and makes a new entity where its
// identity changed. The counters go on.
func (n *Network) classify(now time.Time) {
	n.classified = now
	classes := map[string]bool{}
	for _, l := range n.links {
		if l.class != classInfiniBand && l.class != classRoCE {
			l.class = classify(n.cfg.sys("class/net"), l.name)
		}
		classes[l.class] = true
	}
	sums := counted(classes)
	for _, l := range n.links {
		info := linkInfo(l.class, sums[l.class])
		if l.entity == nil || l.entity.Info[0] != info[0] || l.entity.Info[1] != info[1] {
			l.entity = &metric.Entity{Kind: metric.NIC, ID: l.name, Info: info}
		}
		l.sum = sums[l.class]
	}
}

// add gives a link's counters and, after the first read, its rates. A counter
// that stepped back (a driver reloaded, a 32-bit counter that wrapped) has none.
func (l *link) add(b *metric.Batch, elapsed time.Duration) {
	for i, d := range linkDescs {
		if l.cur.v[i] > maxCounter {
			b.Reject()
		} else if l.cur.has&(1<<i) != 0 {
			b.Add(l.entity, metric.Int(d, int64(l.cur.v[i])))
		}
	}
	if !l.consecutive() {
		return
	}
	received, okR := l.delta(linkReceive)
	sent, okT := l.delta(linkTransmit)
	if okR {
		addRate(b, l.entity, linkReceiveMbps, received, elapsed)
	}
	if okT {
		addRate(b, l.entity, linkTransmitMbps, sent, elapsed)
	}
	if okR && okT {
		addRate(b, l.entity, linkMbps, received+sent, elapsed)
	}
}

// consecutive reports whether the read before had this link too, so that the
// difference belongs to this interval alone.
func (l *link) consecutive() bool { return l.before != 0 && l.before == l.round-1 }

func (l *link) delta(i int) (uint64, bool) {
	if l.before == 0 || l.cur.v[i] < l.prev.v[i] || l.cur.v[i] > maxCounter {
		return 0, false
	}
	return l.cur.v[i] - l.prev.v[i], true
}

// addRate gives bytes over elapsed as 10^6 bits a second.
func addRate(b *metric.Batch, e *metric.Entity, d *metric.Desc, bytes uint64, elapsed time.Duration) {
	if elapsed > 0 {
		b.Add(e, metric.Float(d, float64(bytes)*8/1e6/elapsed.Seconds()))
	}
}

// addNode gives the node's bytes and rates. The counters start as the sum over
// counted links and grow by what each of these grows, so a link that comes,
// goes or restarts never makes them jump. Rates are given only when every
// counted link has one: without it the node's would be too low.
func (n *Network) addNode(b *metric.Batch, elapsed time.Duration, complete, all bool) {
	var deltas [2]uint64
	links := 0
	for _, l := range n.now {
		for i := range deltas {
			d, ok := l.delta(i)
			if l.sum && ok {
				deltas[i] += d
			}
			complete = complete && (!l.sum || ok && l.consecutive())
			if l.sum && !n.started && all && l.cur.v[i] <= maxCounter {
				n.sum[i] = min(n.sum[i]+l.cur.v[i], maxCounter)
			}
		}
		if l.sum {
			links++
		}
		l.prev, l.before = l.cur, l.round
	}
	if links == 0 || (!n.started && !all) {
		return
	}
	if n.started {
		n.sum[0], n.sum[1] = n.sum[0]+deltas[0], n.sum[1]+deltas[1]
	}
	n.started = true
	b.Add(n.cfg.Node, metric.Int(networkDescs[0], int64(n.sum[0])), metric.Int(networkDescs[1], int64(n.sum[1])))
	if complete {
		addRate(b, n.cfg.Node, networkReceiveMbps, deltas[0], elapsed)
		addRate(b, n.cfg.Node, networkTransmitMbps, deltas[1], elapsed)
		addRate(b, n.cfg.Node, networkMbps, deltas[0]+deltas[1], elapsed)
	}
}
