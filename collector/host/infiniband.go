package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
)

// ibPort is one port of an RDMA adapter that counts its bytes.
type ibPort struct {
	name  string // mlx5_0:1, as UCX and NCCL write it
	class string
	// receive and transmit count 4-byte words (IBTA spec., PortRcvData and
	// PortXmitData; Documentation/ABI/stable/sysfs-class-infiniband).
	receive, transmit file
	receivePackets    file
	transmitPackets   file
}

const ibWord = 4

// findPorts lists the ports below /sys/class/infiniband that have counters. A
// machine without that directory has none.
func findPorts(sys string) ([]*ibPort, error) {
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
			if p := newPort(filepath.Join(dir, n.Name()), a.Name()+":"+n.Name()); p != nil {
				ports = append(ports, p)
			}
		}
	}
	return ports, nil
}

// newPort returns nil for a port that counts nothing, such as a software
// device (rxe, siw), whose bytes the link beneath it counts.
func newPort(dir, name string) *ibPort {
	p := &ibPort{name: name, class: classInfiniBand}
	if readWord(filepath.Join(dir, "link_layer")) == "Ethernet" {
		p.class = classRoCE
	}
	counter := func(short, long string) file {
		// Old adapters keep 32 bits in counters/, which stop at their
		// maximum, and 64 in counters_ext/.
		if path := filepath.Join(dir, "counters_ext", long); exists(path) {
			return file{path: path}
		}
		return file{path: filepath.Join(dir, "counters", short)}
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

// read returns the port's counters: bytes, and packets where it counts them.
// errNoCounters means that the port will not tell.
func (p *ibPort) read() (linkCounters, error) {
	c := linkCounters{has: 1<<linkReceive | 1<<linkTransmit}
	for _, w := range []struct {
		file  *file
		to    int
		scale uint64
	}{
		{&p.receive, linkReceive, ibWord}, {&p.transmit, linkTransmit, ibWord},
		{&p.receivePackets, linkReceivePackets, 1}, {&p.transmitPackets, linkTransmitPackets, 1},
	} {
		data, err := w.file.read()
		if w.scale == 1 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
			return c, errNoCounters
		}
		if err != nil {
			return c, err
		}
		v, err := parseIBCounter(data, w.scale)
		if errors.Is(err, errNoCounters) {
			return c, err
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", w.file.path, err)
		}
		c.v[w.to], c.has = v, c.has|1<<w.to
	}
	return c, nil
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
