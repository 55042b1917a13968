package host

import "nodemeter/collector/metric"

// mbpsStep is a kilobit per second, below a frame a second.
const mbpsStep = 0.001

const overLinks = " over the node's counted links: network cards and InfiniBand ports; in a network namespace without any, the links that lead out of it"

var (
	networkMbps = mbpsDesc(metric.Node, "network_mbps", "Received and sent, 10^6 bits per second"+overLinks+".")

	networkReceiveMbps  = mbpsDesc(metric.Node, "network_receive_mbps", "Received, 10^6 bits per second"+overLinks+".")
	networkTransmitMbps = mbpsDesc(metric.Node, "network_transmit_mbps", "Sent, 10^6 bits per second"+overLinks+".")

	linkMbps         = mbpsDesc(metric.NIC, "network_mbps", "Received and sent on this link, 10^6 bits per second.")
	linkReceiveMbps  = mbpsDesc(metric.NIC, "network_receive_mbps", "Received on this link, 10^6 bits per second.")
	linkTransmitMbps = mbpsDesc(metric.NIC, "network_transmit_mbps", "Sent on this link, 10^6 bits per second.")
)

var networkDescs = [2]*metric.Desc{
	networkDesc("network_receive_bytes", "Bytes received"),
	networkDesc("network_transmit_bytes", "Bytes sent"),
}

var linkDescs = [linkCounts]*metric.Desc{
	linkReceive:         linkDesc("receive_bytes", metric.Bytes, "Bytes received on this link (/proc/net/dev; InfiniBand: port_rcv_data x 4)."),
	linkTransmit:        linkDesc("transmit_bytes", metric.Bytes, "Bytes sent on this link (/proc/net/dev; InfiniBand: port_xmit_data x 4)."),
	linkReceivePackets:  linkDesc("receive_packets", metric.Count, "Packets received on this link (/proc/net/dev; InfiniBand: port_rcv_packets)."),
	linkTransmitPackets: linkDesc("transmit_packets", metric.Count, "Packets sent on this link (/proc/net/dev; InfiniBand: port_xmit_packets)."),
	linkReceiveErrors:   linkDesc("receive_errors", metric.Count, "Packets received on this link with an error (/proc/net/dev)."),
	linkTransmitErrors:  linkDesc("transmit_errors", metric.Count, "Packets that this link failed to send (/proc/net/dev)."),
	linkReceiveDrops:    linkDesc("receive_drops", metric.Count, "Packets received on this link and dropped for want of room or of a taker (/proc/net/dev)."),
	linkTransmitDrops:   linkDesc("transmit_drops", metric.Count, "Packets dropped before this link sent them (/proc/net/dev)."),
}

// linkSpeedDesc is named after node_exporter's node_network_speed_bytes.
var linkSpeedDesc = &metric.Desc{On: metric.NIC, Column: "network_speed_bytes", Metric: "nodemeter_network_device_speed_bytes",
	Help: "What this link carries in one direction, bytes per second (speed of /sys/class/net, rate of an InfiniBand port), as of half a minute ago at most.",
	Unit: metric.Bytes, Kind: metric.Gauge, Type: metric.TypeInt, Absent: "the link is down, virtual, or does not tell its speed"}

// The busier direction counts, since links carry both at once: two directions
// at half their speed fill no link.
var (
	linkUtil = utilDesc(metric.NIC, "network_util", "nodemeter_network_device_utilization_ratio",
		"Share of this link's speed that the busier of its directions used over the interval.", "first read, a counter stepped back, or the link's speed is not known")
	networkBusiest = utilDesc(metric.Node, "network_busiest_util", "nodemeter_network_busiest_link_utilization_ratio",
		"Utilization of the busiest of the node's counted links whose speed is known: the busier direction's share of the speed over the interval.",
		"first read, or no counted link tells its speed, or one of them came, went, restarted or could not be read in the interval")
)

func utilDesc(on metric.EntityKind, column, family, help, absent string) *metric.Desc {
	return &metric.Desc{On: on, Column: column, Metric: family, Help: help,
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep, Absent: absent}
}

// Descs lists the metrics of the node and of each link.
func (n *Network) Descs() []*metric.Desc {
	d := []*metric.Desc{networkMbps, networkReceiveMbps, networkTransmitMbps, networkBusiest}
	d = append(d, networkDescs[:]...)
	d = append(d, linkMbps, linkReceiveMbps, linkTransmitMbps)
	return append(append(d, linkDescs[:]...), linkSpeedDesc, linkUtil)
}

func mbpsDesc(on metric.EntityKind, column, help string) *metric.Desc {
	absent := "first read, or a counter stepped back in the interval"
	if on == metric.Node {
		absent = "first read, no counted link, or one of them came, went, restarted or could not be read in the interval"
	}
	return &metric.Desc{On: on, Column: column, Help: help,
		Unit: metric.Mbps, Kind: metric.Gauge, Type: metric.TypeFloat, Step: mbpsStep, Absent: absent}
}

func networkDesc(column, what string) *metric.Desc {
	return &metric.Desc{On: metric.Node, Column: column, Metric: "nodemeter_" + column + "_total",
		Help: what + overLinks + ". Starts as the sum of their counters and grows by what each of them grows, so links that come, go or restart make no jump.",
		Unit: metric.Bytes, Kind: metric.Counter, Type: metric.TypeInt, Absent: "no counted link, or /proc/net/dev could not be read"}
}

func linkDesc(name string, unit metric.Unit, help string) *metric.Desc {
	return &metric.Desc{On: metric.NIC, Column: "network_" + name, Metric: "nodemeter_network_device_" + name + "_total",
		Help: help, Unit: unit, Kind: metric.Counter, Type: metric.TypeInt, Absent: "the link does not count it, or could not be read"}
}
