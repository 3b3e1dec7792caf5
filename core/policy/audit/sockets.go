package audit

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Why a family of sockets is a weakness.
const (
	notNamespaced = "reaches beyond the network namespace: the host of a virtual machine, or the machine's neighbours"
	otherSource   = "the kernel loads the family's code for whoever asks; little used and seldom read"
)

// socketFamily is a family of socket(2) that a module seldom needs.
type socketFamily struct {
	name     string
	value    uint64
	severity Severity
	gives    string
	source   string
}

var socketFamilies = []socketFamily{
	{"AF_PACKET", unix.AF_PACKET, High, "sees and forges every packet of its network, with CAP_NET_RAW there",
		"packet(7); CVE-2017-7308, CVE-2020-14386"},
	{"AF_ALG", unix.AF_ALG, High, "reaches the kernel's ciphers, whose modules are loaded for it", "CVE-2013-7421, CVE-2017-17805"},
	{"AF_VSOCK", unix.AF_VSOCK, High, notNamespaced, "vsock(7); CVE-2021-26708"},
	{"AF_NETLINK", unix.AF_NETLINK, Medium, "reads and, with CAP_NET_ADMIN in a user namespace, changes routes, packet filters and traffic control",
		"netlink(7); CVE-2022-32250, CVE-2024-1086"},
	{"AF_XDP", unix.AF_XDP, High, "shares rings of packets with drivers", "the kernel's Documentation/networking/af_xdp.rst"},
	{"AF_KEY", unix.AF_KEY, High, otherSource, "CVE-2022-1353"},
	{"AF_RDS", unix.AF_RDS, High, otherSource, "CVE-2010-3904, CVE-2019-11815"},
	{"AF_TIPC", unix.AF_TIPC, High, otherSource, "CVE-2021-43267"},
	{"AF_CAN", unix.AF_CAN, High, otherSource, "CVE-2021-3609"},
	{"AF_BLUETOOTH", unix.AF_BLUETOOTH, High, notNamespaced, "CVE-2021-3573"},
	{"AF_NFC", unix.AF_NFC, High, otherSource, "CVE-2021-23134"},
	{"AF_PPPOX", unix.AF_PPPOX, High, otherSource, "CVE-2014-4943"},
	{"AF_LLC", unix.AF_LLC, High, otherSource, "CVE-2017-6345"},
	{"AF_X25", unix.AF_X25, High, otherSource, "CVE-2010-4164"},
	{"AF_AX25", unix.AF_AX25, High, otherSource, "CVE-2022-1204"},
	{"AF_NETROM", unix.AF_NETROM, High, otherSource, "CVE-2023-32269"},
	{"AF_ROSE", unix.AF_ROSE, High, otherSource, "CVE-2022-2961"},
	{"AF_APPLETALK", unix.AF_APPLETALK, High, otherSource, "CVE-2023-51781"},
	{"AF_PHONET", unix.AF_PHONET, High, otherSource, "CVE-2010-4347"},
	{"AF_IEEE802154", unix.AF_IEEE802154, High, otherSource, "CVE-2021-3659"},
	{"AF_CAIF", unix.AF_CAIF, High, otherSource, "socket(2)"},
	{"AF_KCM", unix.AF_KCM, High, otherSource, "the kernel's Documentation/networking/kcm.rst"},
	{"AF_QIPCRTR", unix.AF_QIPCRTR, High, otherSource, "CVE-2021-29647"},
	{"AF_SMC", unix.AF_SMC, High, otherSource, "socket(2)"},
	{"AF_MPLS", unix.AF_MPLS, High, otherSource, "socket(2)"},
	{"AF_IB", unix.AF_IB, High, otherSource, "socket(2)"},
}

// sockets reports families of sockets (C08), all of one severity as one finding.
func (c *check) sockets() {
	if o, found := c.allowed("socketcall", nil); found {
		c.add(o, Finding{Rule: "C08", Severity: High, Subject: "socketcall", Message: "may call socketcall, which makes sockets of every family",
			Gives: "its arguments are in memory, where no filter sees the family", Source: "socketcall(2)", Fix: c.fix(o, "")})
	}
	for _, severity := range [...]Severity{High, Medium} {
		c.socketFamilies(severity)
	}
	c.internet()
}

func (c *check) socketFamilies(severity Severity) {
	var open []opened
	var list []socketFamily
	for _, f := range socketFamilies {
		if f.severity != severity {
			continue
		}
		if o, found := c.allowed("socket", family32(f.value)); found {
			open, list = append(open, o), append(list, f)
		}
	}
	if len(open) == 0 {
		return
	}
	text := list[0].name
	if len(list) > 1 {
		rest := make([]string, 0, 4)
		for _, f := range list[1:min(len(list), 4)] {
			rest = append(rest, f.name)
		}
		text += ", " + strings.Join(rest, ", ")
	}
	if more := len(list) - 4; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	c.add(open[0], Finding{Rule: "C08", Severity: severity, Subject: "families " + severity.String(), Message: "may open sockets of " + text,
		Gives: list[0].gives, Source: list[0].source, Fix: c.fix(open[0], keepFamilies)})
}

// internet reports sockets of the Internet where there is nothing to connect to, and datagrams, which need neither connect nor accept, on
// the host's network.
func (c *check) internet() {
	for _, f := range [...]struct {
		name  string
		value uint64
	}{{"AF_INET", unix.AF_INET}, {"AF_INET6", unix.AF_INET6}} {
		switch c.module.Network.V {
		case policy.NetworkNone:
			if o, found := c.allowed("socket", family32(f.value)); found {
				c.add(o, Finding{Rule: "C08", Severity: Info, Subject: f.name, Message: "may open sockets of " + f.name + ", and has no network",
					Gives: "reaches the code of the network's protocols, and nobody over it", Source: "socket(2)",
					Fix: c.fix(o, keepUnix)})
			}
		default:
			for _, kind := range [...]struct {
				name     string
				value    uint64
				severity Severity
				gives    string
			}{
				{"SOCK_DGRAM", unix.SOCK_DGRAM, Low, "sends datagrams: a way out through name servers, and to what trusts its network"},
				{"SOCK_RAW", unix.SOCK_RAW, Low, "forges packets, with CAP_NET_RAW"},
			} {
				region := reach.And(family32(f.value), reach.Masked(1, asInt, 0xf, kind.value))
				if o, found := c.allowed("socket", region); found {
					severity := kind.severity
					if kind.value == unix.SOCK_RAW && c.has(unix.CAP_NET_RAW) {
						severity = High
					}
					c.add(o, Finding{Rule: "C08", Severity: severity, Subject: f.name + " " + kind.name, Message: fmt.Sprintf("may open %s sockets of %s",
						kind.name, f.name),
						Gives: kind.gives, Source: "ip(7), raw(7)", Fix: c.fix(o, keepStream)})
				}
			}
		}
	}
}

// family32 is the region of socket(2) with a family.
func family32(value uint64) *policy.Condition { return reach.Equal(0, asInt, value) }
