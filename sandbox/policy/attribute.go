package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Attributes are what the kernel keeps of a process besides what it may do, and what it sees as the name and the clocks of the host.
type Attributes struct {
	Hostname    Value[string]        // default: the module's name; needs a uts namespace
	Domainname  Value[string]        // NIS domain name; default: the host's; needs a uts namespace
	Umask       Value[uint32]        // default 022
	Nice        Value[int]           // -20 to 19, default: the supervisor's
	OOMScoreAdj Value[int]           // -1000 to 1000, default: the supervisor's
	CPUAffinity []Value[int]         // processors, ascending; empty is all that the supervisor has
	Monotonic   Value[time.Duration] // added to CLOCK_MONOTONIC; needs a time namespace
	Boottime    Value[time.Duration] // added to CLOCK_BOOTTIME; needs a time namespace
}

const (
	defaultUmask = 0o022
	maxCPU       = 1023 // of the mask that glibc has, CPU_SETSIZE
	maxHostname  = 64   // __NEW_UTS_LEN
)

// attributes reads the keys of Attributes.
func (d *decoder) attributes(f fields, m *Module) {
	a := &m.Attributes
	if n := f.get("hostname"); n != nil {
		a.Hostname = d.hostname(n, "hostname")
	}
	if n := f.get("domainname"); n != nil {
		a.Domainname = d.hostname(n, "domainname")
	}
	if n := f.get("umask"); n != nil {
		a.Umask = d.mode(n, 0o777)
	}
	if n := f.get("nice"); n != nil {
		a.Nice = d.number(n, "nice", -20, 19)
	}
	if n := f.get("oom_score_adj"); n != nil {
		a.OOMScoreAdj = d.number(n, "oom_score_adj", -1000, 1000)
	}
	if n := f.get("cpu_affinity"); n != nil {
		a.CPUAffinity = d.cpus(n, "cpu_affinity")
	}
	if n := f.get("time_offsets"); n != nil {
		d.timeOffsets(n, a)
	}
}

// hostname reads a name as sethostname(2) and hosts(5) have it.
func (d *decoder) hostname(n *node, what string) Value[string] {
	v := d.value(n, "a name")
	if !v.Set() {
		return v
	}
	bad := v.V == "" || len(v.V) > maxHostname || strings.Trim(v.V, "-.") != v.V
	for _, r := range v.V {
		bad = bad || (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.'
	}
	if bad {
		d.report(codeMalformed, n.span, "%q cannot be a %s", v.V, what).
			help("letters, digits, '-' and '.', at most %d, the first and the last a letter or a digit", maxHostname)
		return Value[string]{}
	}
	return v
}

// cpus reads a list of processors: numbers and ranges such as 0-3.
func (d *decoder) cpus(n *node, what string) []Value[int] {
	var set []Value[int]
	for _, item := range d.list(n, "a list of processors such as [0, 2-3]") {
		s, ok := d.word(item, "a number or a range such as 2-3")
		if !ok {
			continue
		}
		low, high, ok := cpuRange(s)
		if !ok {
			d.report(codeMalformed, item.span, "%q is no processor and no range of processors", s).help("write numbers from 0 to %d, and ranges such as 2-3", maxCPU)
			continue
		}
		for cpu := low; cpu <= high; cpu++ {
			if i := slices.IndexFunc(set, func(v Value[int]) bool { return v.V == cpu }); i >= 0 {
				d.twice(item.span, fmt.Sprintf("processor %d", cpu), set[i].Pos)
				break
			}
			set = append(set, Value[int]{cpu, item.pos})
		}
	}
	if n.kind == kindList && len(n.items) == 0 && !d.partial {
		d.report(codeNoEffect, n.span, "%s has no effect: it is empty", what).help("remove it, or list processors")
	}
	slices.SortFunc(set, func(a, b Value[int]) int { return a.V - b.V })
	return set
}

func cpuRange(s string) (low, high int, ok bool) {
	first, last, several := strings.Cut(s, "-")
	if !several {
		last = first
	}
	low, err := strconv.Atoi(first)
	high, err2 := strconv.Atoi(last)
	return low, high, err == nil && err2 == nil && digits(first) && digits(last) && low <= high && high <= maxCPU
}

// timeOffsets reads what a time namespace adds to the host's clocks.
func (d *decoder) timeOffsets(n *node, a *Attributes) {
	f, ok := d.fields(n, "time_offsets", "a map such as {boottime: 24h}", "monotonic", "boottime")
	if !ok {
		return
	}
	if n := f.get("monotonic"); n != nil {
		a.Monotonic = d.offset(n, "monotonic")
	}
	if n := f.get("boottime"); n != nil {
		a.Boottime = d.offset(n, "boottime")
	}
	if n.kind == kindMap && len(n.entries) == 0 && !d.partial {
		d.report(codeNoEffect, n.span, "time_offsets has no effect: it is empty").help("remove it, or write monotonic and boottime")
	}
}

// offset reads a duration that may be negative.
func (d *decoder) offset(n *node, what string) Value[time.Duration] {
	rest, negative := strings.CutPrefix(n.text, "-")
	if n.kind != kindScalar || !negative {
		return d.duration(n, what)
	}
	positive := *n
	positive.text = rest
	v := d.duration(&positive, what)
	v.V = -v.V
	return v
}

// attributeContradictions reports attributes that need a namespace.
func (d *decoder) attributeContradictions(f fields, m *Module) {
	_, uts := m.has(unix.CLONE_NEWUTS)
	_, clocks := m.has(unix.CLONE_NEWTIME)
	for _, key := range []string{"hostname", "domainname"} {
		if e := f.n.entry(key); e != nil && !uts {
			d.report(codeNeedsNamespace, e.at, "%s needs a uts namespace: it would be the host's", key).help(`add "uts" to namespaces`)
		}
	}
	if e := f.n.entry("time_offsets"); e != nil && !clocks {
		d.report(codeNeedsNamespace, e.at, "time_offsets needs a time namespace").help(`add "time" to namespaces`)
	}
}

// sections adds one section for each key.
func (a *Attributes) sections(s *sections) {
	s.add("hostname", a.Hostname.Pos, plain(a.Hostname.V))
	s.add("domainname", a.Domainname.Pos, plain(a.Domainname.V))
	s.add("umask", a.Umask.Pos, fmt.Sprintf("%04o", a.Umask.V))
	number := func(v Value[int]) string {
		if !v.Set() && v.V == 0 {
			return ""
		}
		return strconv.Itoa(v.V)
	}
	s.add("nice", a.Nice.Pos, number(a.Nice))
	s.add("oom_score_adj", a.OOMScoreAdj.Pos, number(a.OOMScoreAdj))
	s.add("cpu_affinity", firstPos(a.CPUAffinity), each(a.CPUAffinity, func(v Value[int]) string { return strconv.Itoa(v.V) })...)
	s.add("time_offsets", either(a.Monotonic.Pos, a.Boottime.Pos), "monotonic "+a.Monotonic.V.String(), "boottime "+a.Boottime.V.String())
}
