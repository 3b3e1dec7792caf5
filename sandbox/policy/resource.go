package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Limits of the control group files: the kernel's cgroup-v2 documentation.
const (
	minMemory     = 4096    // one page
	maxPids       = 1 << 22 // the kernel's PID_MAX_LIMIT
	cpuPeriod     = 100_000 // the kernel's default for cpu.max, microseconds
	minCPU        = 1_000   // the shortest quota and period, microseconds
	maxCPUPeriod  = 1_000_000
	maxCPUPercent = 1_000_000
	maxWeight     = 10_000
)

// resources reads the limits of the control group of each instance.
func (d *decoder) resources(n *node) []Resource {
	if n.kind != kindMap {
		d.wrongType(n, "a map such as {memory.max: 256M}")
		return nil
	}
	var limits []Resource
	for _, e := range n.entries {
		r := Resource{Key: e.key, Pos: e.at.pos}
		ok := false
		switch e.key {
		case "memory.max", "memory.high":
			ok = d.memoryMax(e.value, &r)
		case "memory.swap.max":
			ok = d.swapMax(e.value, &r)
		case "memory.oom.group":
			ok = d.oomGroup(e.value, &r)
		case "cpu.weight", "io.weight":
			r.Limit, ok = d.integer(e.value, r.Key, 1, maxWeight)
		case "io.max":
			limits = append(limits, d.ioMax(e.value, r)...)
		case "cpuset.cpus":
			ok = d.cpuset(e.value, &r)
		case "pids.max":
			ok = d.pidsMax(e.value, &r)
		case "cpu.max":
			ok = d.cpuMax(e.value, &r)
		default:
			d.unknownResource(e)
		}
		if ok {
			limits = append(limits, r)
		}
	}
	slices.SortStableFunc(limits, func(a, b Resource) int { return cmp.Compare(a.Key, b.Key) })
	return limits
}

// otherLimits are files of the kernel with names like those that we have. Source: the kernel's cgroup-v2 documentation.
var otherLimits = [...]string{"cpu.max.burst", "cpu.weight.nice", "cpuset.mems", "io.latency", "memory.low", "memory.min", "memory.swap.high",
	"memory.zswap.max"}

func (d *decoder) unknownResource(e entry) {
	controller, file, _ := strings.Cut(e.key, ".")
	known := ResourceKeys()
	if meant := meantResource(e.key); meant != "" {
		g := d.report(codeUnknownResource, e.at, "unknown control group file %q", e.key).hint(didYouMean(meant))
		if meant == "cpu.max" {
			g.help("100%% is one processor")
		}
		return
	}
	if slices.Contains(otherLimits[:], e.key) {
		d.report(codeNotYet, e.at, "`%s` is not in this version of supervisor; remove it", e.key).help("it has %s", strings.Join(known, ", "))
		return
	}
	switch controller {
	case "cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc", "cgroup":
		if file != "" && nearest(e.key, slices.Values(known)) == "" {
			d.report(codeNotYet, e.at, "`%s` is not in this version of supervisor; remove it", e.key).
				help("it has %s", strings.Join(known, ", "))
			return
		}
	}
	d.report(codeUnknownResource, e.at, "unknown control group file %q", e.key).suggest(e.key, known)
}

// isMax tells whether a value is the kernel's word for no limit.
func isMax(n *node) bool { return n.kind == kindScalar && n.text == "max" }

func (d *decoder) memoryMax(n *node, r *Resource) bool {
	if isMax(n) {
		r.Limit = -1
		return true
	}
	v, ok := d.size(n, r.Key)
	if ok && v < minMemory {
		d.report(codeRange, n.span, "%s is less than one page; no program can start", r.Key)
		return false
	}
	r.Limit = v
	return ok
}

func (d *decoder) swapMax(n *node, r *Resource) (ok bool) {
	if isMax(n) {
		r.Limit = -1
		return true
	}
	r.Limit, ok = d.size(n, r.Key)
	return ok
}

// oomGroup reads a switch of which only one position says something: the other is the kernel's own.
func (d *decoder) oomGroup(n *node, r *Resource) bool {
	r.Limit = 1
	if n.kind == kindScalar && n.plainKind() == plainBool && !d.boolean(n) {
		d.report(codeNoEffect, n.span, "memory.oom.group: false is what holds without it").help("remove it")
		return false
	}
	return d.boolean(n)
}

// cpuset reads a list of processors and keeps it as the kernel writes it.
func (d *decoder) cpuset(n *node, r *Resource) bool {
	before := len(d.diags)
	cpus := d.cpus(n, r.Key)
	if len(d.diags) > before || len(cpus) == 0 {
		return false
	}
	var parts []string
	for i := 0; i < len(cpus); {
		last := i
		for last+1 < len(cpus) && cpus[last+1].V == cpus[last].V+1 {
			last++
		}
		part := strconv.Itoa(cpus[i].V)
		if last > i {
			part += "-" + strconv.Itoa(cpus[last].V)
		}
		parts = append(parts, part)
		i = last + 1
	}
	r.Set = strings.Join(parts, ",")
	return true
}

func (d *decoder) pidsMax(n *node, r *Resource) bool {
	if isMax(n) {
		r.Limit = -1
		return true
	}
	v, ok := d.integer(n, "pids.max", 1, maxPids)
	r.Limit = v
	return ok
}

// cpuMax reads "50%" or the kernel's form "QUOTA PERIOD" in microseconds.
func (d *decoder) cpuMax(n *node, r *Resource) bool {
	r.Period = cpuPeriod
	if isMax(n) {
		r.Limit = -1
		return true
	}
	s, ok := d.word(n, `a share such as 50% or "50000 100000"`)
	if !ok {
		return false
	}
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		v, err := strconv.ParseInt(percent, 10, 64)
		if err != nil || !digits(percent) {
			d.report(codeMalformed, n.span, "cpu.max cannot be read: %q", s).help("write a whole number of percent of one processor, such as 50%% or 200%%")
			return false
		}
		if v < 1 || v > maxCPUPercent {
			d.report(codeRange, n.span, "cpu.max is %s; it must be from 1%% to %d%%", s, maxCPUPercent)
			return false
		}
		r.Limit = v * cpuPeriod / 100
		return true
	}
	if looksNumeric(s) {
		d.report(codeUnit, n.span, "cpu.max has no unit").hint(didYouMean(s + "%")).help(`a share is written 50%% or "50000 100000": microseconds in a period`)
		return false
	}
	quota, period, two := strings.Cut(s, " ")
	q, errQ := strconv.ParseInt(quota, 10, 64)
	p, errP := strconv.ParseInt(strings.TrimSpace(period), 10, 64)
	if quota == "max" {
		q, errQ = -1, nil
	}
	if !two || errQ != nil || errP != nil {
		d.report(codeMalformed, n.span, "cpu.max cannot be read: %q", s).help(`write 50%% of one processor, "50000 100000" (microseconds in a period), or max`)
		return false
	}
	if p < minCPU || p > maxCPUPeriod || q != -1 && q < minCPU || q > p*maxCPUPercent/100 {
		d.report(codeRange, n.span, "cpu.max is %q; the quota is at least %d and the period from %d to %d microseconds", s, minCPU, minCPU, maxCPUPeriod)
		return false
	}
	r.Limit, r.Period = q, p
	return true
}
