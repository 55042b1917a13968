package host

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"nodemeter/collector/metric"
)

// The classes of links, as the label class shows them.
const (
	classPhysical    = "physical"    // a network card, or the machine's view of one
	classInfiniBand  = "infiniband"  // a port of an InfiniBand or Omni-Path adapter
	classRoCE        = "roce"        // RDMA over an Ethernet port; bytes the Ethernet link does not count
	classIPoIB       = "ipoib"       // IP over InfiniBand; the port counts the same bytes
	classMember      = "member"      // a card whose bytes another card's link counts (netvsc, failover)
	classRepresentor = "representor" // the switch's end of a virtual function
	classLoopback    = "loopback"
	classBridge      = "bridge"
	classBond        = "bond"
	classVLAN        = "vlan"
	classTun         = "tun"
	classUplink      = "uplink"  // a virtual link that leads out of this network namespace
	classVirtual     = "virtual" // any other link without hardware
	classUnknown     = "unknown" // not in sysfs: sysfs shows another network namespace
)

// The ARPHRD numbers of /sys/class/net/*/type that matter here (linux/if_arp.h).
const (
	arphrdEthernet   = "1"
	arphrdInfiniBand = "32"
	arphrdLoopback   = "772"
)

// classify says what a link of /proc/net/dev is, from its directory in
// /sys/class/net (Documentation/ABI/testing/sysfs-class-net). Hardware has a
// device; everything else is named by what only its kind has.
func classify(sys, name string) string {
	dir := filepath.Join(sys, name)
	if !exists(dir) {
		return classUnknown
	}
	switch readWord(filepath.Join(dir, "type")) {
	case arphrdLoopback:
		return classLoopback
	case arphrdInfiniBand:
		return classIPoIB
	}
	if exists(filepath.Join(dir, "device")) {
		return classifyCard(dir)
	}
	switch {
	case exists(filepath.Join(dir, "bridge")):
		return classBridge
	case exists(filepath.Join(dir, "bonding")):
		return classBond
	case exists(filepath.Join(dir, "tun_flags")):
		return classTun
	}
	switch devType(dir) {
	case "vlan":
		return classVLAN
	case "", "macvlan", "macvtap", "ipvlan":
		if isUplink(dir) {
			return classUplink
		}
	}
	return classVirtual
}

// devType is the kind of a virtual link as its uevent file names it; veth,
// dummy and ifb have none.
func devType(dir string) string {
	for line := range strings.Lines(readWord(filepath.Join(dir, "uevent"))) {
		if kind, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			return kind
		}
	}
	return ""
}

// classifyCard tells a card that counts its own traffic from one whose traffic
// is counted elsewhere too.
func classifyCard(dir string) string {
	// A switch's representor: pf0vf3, c1pf0sf2 (devlink port names).
	port := readWord(filepath.Join(dir, "phys_port_name"))
	if _, function, ok := strings.Cut(port, "pf"); ok && strings.ContainsAny(function, "vs") {
		return classRepresentor
	}
	// A card under another card (Hyper-V's netvsc, virtio failover) is counted
	// by its master; a bond or bridge has no device, so its members count themselves.
	if exists(filepath.Join(dir, "master", "device")) {
		return classMember
	}
	return classPhysical
}

// isUplink reports whether a virtual link leads out of this network namespace,
// as the inner end of a container's veth pair or a macvlan does: an Ethernet
// link that speaks ARP (dummy and ifb do not), is no port of a bridge here and
// lies on no link here. sysfs does not say where a veth's other end is.
func isUplink(dir string) bool {
	const noARP = 0x80 // IFF_NOARP
	flags, err := strconv.ParseUint(readWord(filepath.Join(dir, "flags")), 0, 32)
	if err != nil || flags&noARP != 0 || readWord(filepath.Join(dir, "type")) != arphrdEthernet {
		return false
	}
	if exists(filepath.Join(dir, "master")) || readWord(filepath.Join(dir, "iflink")) == "0" {
		return false
	}
	lower, err := filepath.Glob(filepath.Join(dir, "lower_*"))
	return err == nil && len(lower) == 0
}

// linkSpeed is what a link carries in one direction, in bytes a second; 0 where
// it is down or does not tell. Virtual links tell a figure that means nothing
// (a veth pair always 10 Gbit/s), so only hardware is asked, and bonds, whose
// figure is that of their members.
func linkSpeed(sys, name, class string) int64 {
	switch class {
	case classPhysical, classMember, classIPoIB, classBond:
	default:
		return 0
	}
	// In 10^6 bit/s; -1 or, on old kernels, 4294967295 where it is not known.
	mbit, err := strconv.ParseInt(readWord(filepath.Join(sys, name, "speed")), 10, 64)
	if err != nil || mbit <= 0 || mbit >= math.MaxInt32 {
		return 0
	}
	return mbit * 1e6 / 8
}

// counted says which classes make up the node's figures, so that no byte
// counts twice: hardware, and InfiniBand ports in place of the IP links upon
// them. In a network namespace without hardware (a container) it is what leads
// out of it: uplinks, or failing those tun and tap links (rootless containers).
func counted(classes map[string]bool) map[string]bool {
	for _, set := range [][]string{
		{classPhysical, classInfiniBand, classRoCE},
		{classUplink},
		{classTun},
	} {
		sum := map[string]bool{}
		for _, class := range set {
			if classes[class] {
				sum[class] = true
			}
		}
		if classes[classIPoIB] && !classes[classInfiniBand] {
			sum[classIPoIB] = true
		}
		if len(sum) > 0 {
			return sum
		}
	}
	return nil
}

// linkInfo is the identity of a link: its class and whether the node's figures
// contain it.
func linkInfo(class string, inSum bool) []metric.Label {
	info := []metric.Label{{Name: "class", Value: class}, {Name: "counted", Value: "false"}}
	if inSum {
		info[1].Value = "true"
	}
	return info
}
