package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ibPort is one port of an RDMA adapter that counts its bytes.
type ibPort struct {
	name  string // mlx5_0:1, as UCX and NCCL write it
	key   []byte // name
	class string
	speed int64 // bytes a second in one direction; 0: not known
	// receive and transmit count 4-byte words (IBTA spec., PortRcvData and
	// PortXmitData; Documentation/ABI/stable/sysfs-class-infiniband).
	receive, transmit file
	receivePackets    file
	transmitPackets   file
}

const ibWord = 4

// findPorts lists the ports below /sys/class/infiniband that have counters. A
// machine without that directory has none. Ports that are known go on with
// their open files.
func findPorts(sys string, known []*ibPort) ([]*ibPort, error) {
	adapters, err := os.ReadDir(sys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ports []*ibPort
	for _, a := range adapters {
		dir := filepath.Join(sys, a.Name(), "ports")
		numbers, err := os.ReadDir(dir)
		if err != nil {
			continue // an adapter that is being removed
		}
		for _, n := range numbers {
			p := newPort(filepath.Join(dir, n.Name()), a.Name()+":"+n.Name())
			if p == nil {
				continue
			}
			for _, k := range known {
				if k.samePort(p) {
					k.speed = p.speed
					p = k
				}
			}
			ports = append(ports, p)
		}
	}
	return ports, nil
}

// newPort returns nil for a port that counts nothing, such as a software
// device (rxe, siw), whose bytes the link beneath it counts.
func newPort(dir, name string) *ibPort {
	p := &ibPort{name: name, key: []byte(name), class: classInfiniBand, speed: portSpeed(dir)}
	if readWord(filepath.Join(dir, "link_layer")) == "Ethernet" {
		p.class = classRoCE
	}
	counter := func(short, long string) file {
		// Old adapters keep 32 bits in counters/, which stop at their
		// maximum, and 64 in counters_ext/.
		if path := filepath.Join(dir, "counters_ext", long); exists(path) {
			return newFile(path, 64)
		}
		return newFile(filepath.Join(dir, "counters", short), 64)
	}
	p.receive = counter("port_rcv_data", "port_rcv_data_64")
	p.transmit = counter("port_xmit_data", "port_xmit_data_64")
	p.receivePackets = counter("port_rcv_packets", "port_rcv_packets_64")
	p.transmitPackets = counter("port_xmit_packets", "port_xmit_packets_64")
	if !exists(p.receive.path) || !exists(p.transmit.path) {
		return nil
	}
	return p
}

// samePort reports whether two ports are read from the same files.
func (p *ibPort) samePort(q *ibPort) bool {
	return p.name == q.name && p.class == q.class && p.receive.path == q.receive.path && p.transmit.path == q.transmit.path &&
		p.receivePackets.path == q.receivePackets.path && p.transmitPackets.path == q.transmitPackets.path
}

// portSpeed is what the file rate says ("100 Gb/sec (4X EDR)"), in bytes a
// second; 0 where it says nothing, and for a port that is not active ("4:
// ACTIVE"), whose rate is that of no link.
func portSpeed(dir string) int64 {
	figure, _, ok := strings.Cut(readWord(filepath.Join(dir, "rate")), " Gb/sec")
	gigabits, err := strconv.ParseFloat(figure, 64)
	if !ok || err != nil || !(gigabits > 0 && gigabits < 1e6) || !strings.HasSuffix(readWord(filepath.Join(dir, "state")), " ACTIVE") {
		return 0
	}
	return int64(gigabits * 1e9 / 8)
}

// read returns the port's counters: bytes, and packets where it counts them.
// errNoCounters means that the port will not tell.
func (p *ibPort) read() (linkCounters, error) {
	c := linkCounters{has: 1<<linkReceive | 1<<linkTransmit}
	err := p.receive.readCounter(&c.v[linkReceive], ibWord)
	if err == nil {
		err = p.transmit.readCounter(&c.v[linkTransmit], ibWord)
	}
	if err == nil {
		err = c.readOptional(linkReceivePackets, &p.receivePackets)
	}
	if err == nil {
		err = c.readOptional(linkTransmitPackets, &p.transmitPackets)
	}
	return c, err
}

// readOptional reads a counter that not every adapter has.
func (c *linkCounters) readOptional(i int, f *file) error {
	err := f.readCounter(&c.v[i], 1)
	if err == nil {
		c.has |= 1 << i
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readCounter reads the one number of a file and multiplies it by scale.
func (f *file) readCounter(to *uint64, scale uint64) error {
	data, err := f.read()
	if err == nil {
		*to, err = parseIBCounter(data, scale)
		if err != nil && err != errNoCounters {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
		return errNoCounters
	}
	return err
}

// errNoCounters: a virtual function, or an adapter without counters or with
// ones that have stopped. It is a property, not a failure.
var errNoCounters = errors.New("the port gives no counters")

// parseIBCounter reads one counter file and multiplies by scale.
func parseIBCounter(data []byte, scale uint64) (uint64, error) {
	data = bytes.TrimSpace(data)
	if bytes.HasPrefix(data, []byte("N/A")) {
		return 0, errNoCounters
	}
	v, err := number(data)
	switch {
	case err != nil:
		return 0, err
	case v == math.MaxUint32:
		return 0, errNoCounters // a 32-bit counter at its end stays there
	case v > maxCounter/scale:
		return 0, fmt.Errorf("%d is too large to be a counter", v)
	}
	return v * scale, nil
}
