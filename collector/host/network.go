package host

import (
	"context"
	"errors"
	"fmt"
	"time"

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
// are the same: one may have joined a bond, been made anew as another kind, or
// come up at another speed.
const classifyEvery = 30 * time.Second

// Network reads /proc/net/dev and the counters of InfiniBand ports: one entity
// a link, and the node's figures over the links that are counted.
type Network struct {
	cfg        Config
	other      *gopsutil
	file       file
	lines      []netLine
	ports      []*ibPort
	links      map[string]*link
	now, was   []*link // the links of this read and of the one before, in order
	classified time.Time
	pace       int       // by how much looking at links again is rarer
	last       time.Time // of the last read; zero before the first
	sum        [2]uint64 // bytes received and sent on counted links
	started    bool      // sum has its first value
	round      uint64
}

type link struct {
	name   string
	class  string
	entity *metric.Entity
	speed  int64   // bytes a second in one direction; 0: not known
	util   float64 // share of it that this read found used; negative: not known
	sum    bool    // counted in the node's figures
	round  uint64  // of the read that last saw it
	cur    linkCounters
	prev   linkCounters
	before uint64 // round of prev; 0: there is none
}

// NewNetwork makes the source of network counters.
func NewNetwork(cfg Config) *Network {
	return &Network{pace: 1, cfg: cfg, other: cfg.gopsutil(), file: newTable(cfg.proc("net/dev")), links: map[string]*link{}}
}

// SetPace makes looking at links again rarer by a factor, when the agent is over
// its budget.
func (n *Network) SetPace(factor int) { n.pace = factor }

// Read adds every link's counters and rates, then the node's. InfiniBand ports
// that fail leave the links alone, but not the node's figures, which would lack them.
func (n *Network) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := n.readDev(ctx); err != nil {
		return err
	}
	now := time.Now()
	gone, err := n.follow(now)
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

// readDev reads /proc/net/dev.
func (n *Network) readDev(ctx context.Context) error {
	data, err := n.file.read()
	if err != nil {
		return err
	}
	if n.lines, err = parseNetDev(data, n.lines[:0]); err == nil {
		err = n.once()
	}
	if err == nil && n.other != nil {
		n.lines, err = n.other.netDev(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", n.file.path, err)
	}
	return nil
}

// once reports a link that is there twice. The names of the read before were
// there once each.
func (n *Network) once() error {
	same := len(n.lines) <= len(n.now)
	for i := range n.lines {
		if !same {
			break
		}
		same = string(n.lines[i].name) == n.now[i].name
	}
	if same {
		return nil
	}
	seen := make(map[string]bool, len(n.lines))
	for i := range n.lines {
		name := string(n.lines[i].name)
		if seen[name] {
			return fmt.Errorf("line %d: %q is there twice", i+1+netDevHeader, name)
		}
		seen[name] = true
	}
	return nil
}

// follow takes the counters of every link and port, drops those that vanished
// and looks at links again where needed. gone: a counted link vanished.
func (n *Network) follow(now time.Time) (gone bool, err error) {
	n.round++
	n.now, n.was = n.was[:0], n.now
	changed := n.classified.IsZero() || now.Sub(n.classified) >= classifyEvery*time.Duration(n.pace)
	for i := range n.lines {
		l, isNew := n.link(n.lines[i].name)
		l.cur.v, l.cur.has = n.lines[i].counts, allLinkCounters
		// A counter that went back may be another link's under an old name.
		changed = changed || isNew || l.before != 0 && (l.cur.v[linkReceive] < l.prev.v[linkReceive] || l.cur.v[linkTransmit] < l.prev.v[linkTransmit])
	}
	if changed {
		ports, perr := findPorts(n.cfg.sys("class/infiniband"), n.ports)
		if err = perr; err == nil {
			n.ports = ports
		}
	}
	newPorts, perr := n.readPorts()
	gone = n.forget()
	if changed || newPorts || gone {
		n.classify(now)
	}
	if err != nil || perr != nil {
		err = errors.Join(err, perr)
		n.classified = time.Time{} // look again at the next read
	}
	return gone, err
}

func (n *Network) readPorts() (isNew bool, err error) {
	var errs []error
	for _, p := range n.ports {
		c, err := p.read()
		if err == errNoCounters {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			if l := n.links[p.name]; l != nil {
				l.round = n.round // there, though it has no points now
			}
			continue
		}
		l, fresh := n.link(p.key)
		l.cur, l.class, l.speed = c, p.class, p.speed
		isNew = isNew || fresh
	}
	return isNew, errors.Join(errs...)
}

// link finds or makes the link of a name and puts it on this read's list. It
// mostly is where it was on the list of the read before.
func (n *Network) link(name []byte) (l *link, isNew bool) {
	i := len(n.now)
	if i < len(n.was) && n.was[i].name == string(name) {
		l = n.was[i]
	} else if l = n.links[string(name)]; l == nil {
		l, isNew = &link{name: string(name)}, true
		n.links[l.name] = l
	}
	l.round = n.round
	n.now = append(n.now, l)
	return l, isNew
}

// forget drops the links that vanished and reports whether one was counted.
func (n *Network) forget() (counted bool) {
	if len(n.now) == len(n.links) {
		return false // all of them are on the list
	}
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
			sys := n.cfg.sys("class/net")
			l.class = classify(sys, l.name)
			l.speed = linkSpeed(sys, l.name, l.class)
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
	var points [linkCounts + 5]metric.Point
	n := 0
	l.util = -1
	for i, d := range linkDescs {
		if l.cur.v[i] > maxCounter {
			b.Reject()
		} else if l.cur.has&(1<<i) != 0 {
			points[n] = metric.Int(d, int64(l.cur.v[i]))
			n++
		}
	}
	if l.speed > 0 {
		points[n] = metric.Int(linkSpeedDesc, l.speed)
		n++
	}
	if l.consecutive() && elapsed > 0 {
		received, okR := l.delta(linkReceive)
		sent, okT := l.delta(linkTransmit)
		if okR {
			points[n] = metric.Float(linkReceiveMbps, mbps(received, elapsed))
			n++
		}
		if okT {
			points[n] = metric.Float(linkTransmitMbps, mbps(sent, elapsed))
			n++
		}
		if okR && okT {
			points[n] = metric.Float(linkMbps, mbps(received+sent, elapsed))
			n++
		}
		if okR && okT && l.speed > 0 {
			// The clock is read apart from the counters: a full link may come out above 1.
			l.util = min(float64(max(received, sent))/(float64(l.speed)*elapsed.Seconds()), 1)
			points[n] = metric.Float(linkUtil, l.util)
			n++
		}
	}
	b.Add(l.entity, points[:n]...)
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

// mbps is bytes over elapsed as 10^6 bits a second.
func mbps(bytes uint64, elapsed time.Duration) float64 {
	return float64(bytes) * 8 / 1e6 / elapsed.Seconds()
}

// addNode gives the node's bytes and rates. The counters start as the sum over
// counted links and grow by what each of these grows, so a link that comes,
// goes or restarts never makes them jump. Rates are given only when every
// counted link has one: without it the node's would be too low.
func (n *Network) addNode(b *metric.Batch, elapsed time.Duration, complete, all bool) {
	var deltas [2]uint64
	links, busiest := 0, -1.0
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
			busiest = max(busiest, l.util)
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
	if complete && elapsed > 0 {
		b.Add(n.cfg.Node, metric.Float(networkReceiveMbps, mbps(deltas[0], elapsed)),
			metric.Float(networkTransmitMbps, mbps(deltas[1], elapsed)), metric.Float(networkMbps, mbps(deltas[0]+deltas[1], elapsed)))
		if busiest >= 0 {
			b.Add(n.cfg.Node, metric.Float(networkBusiest, busiest))
		}
	}
}
