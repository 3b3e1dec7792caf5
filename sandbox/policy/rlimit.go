package policy

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// unlimited is RLIM_INFINITY.
const unlimited = ^uint64(0)

// rlimitUnit is what a resource limit counts.
type rlimitUnit uint8

const (
	countUnit  rlimitUnit = iota
	byteUnit              // written with K, M, G, T
	secondUnit            // written as a duration
	microUnit             // written as a duration
)

// rlimitKind is one of the limits of getrlimit(2).
type rlimitKind struct {
	name     string
	resource int
	unit     rlimitUnit
	highest  int64 // of a count
}

var rlimitKinds = [...]rlimitKind{
	{"as", unix.RLIMIT_AS, byteUnit, 0},
	{"core", unix.RLIMIT_CORE, byteUnit, 0},
	{"cpu", unix.RLIMIT_CPU, secondUnit, 0},
	{"data", unix.RLIMIT_DATA, byteUnit, 0},
	{"fsize", unix.RLIMIT_FSIZE, byteUnit, 0},
	{"locks", unix.RLIMIT_LOCKS, countUnit, math.MaxInt32},
	{"memlock", unix.RLIMIT_MEMLOCK, byteUnit, 0},
	{"msgqueue", unix.RLIMIT_MSGQUEUE, byteUnit, 0},
	{"nice", unix.RLIMIT_NICE, countUnit, 40},
	{"nofile", unix.RLIMIT_NOFILE, countUnit, 1 << 30},
	{"nproc", unix.RLIMIT_NPROC, countUnit, 1 << 22},
	{"rss", unix.RLIMIT_RSS, byteUnit, 0},
	{"rtprio", unix.RLIMIT_RTPRIO, countUnit, 99},
	{"rttime", unix.RLIMIT_RTTIME, microUnit, 0},
	{"sigpending", unix.RLIMIT_SIGPENDING, countUnit, math.MaxInt32},
	{"stack", unix.RLIMIT_STACK, byteUnit, 0},
}

// rlimits reads the resource limits of a module.
func (d *decoder) rlimits(n *node) []Rlimit {
	if n.kind != kindMap {
		d.wrongType(n, "a map such as {nofile: 1024}")
		return nil
	}
	var limits []Rlimit
	for _, e := range n.entries {
		i := slices.IndexFunc(rlimitKinds[:], func(k rlimitKind) bool { return k.name == e.key })
		if i < 0 {
			d.unknownRlimit(e)
			continue
		}
		l := Rlimit{Name: e.key, Resource: rlimitKinds[i].resource, Pos: e.at.pos}
		if d.softHard(e, rlimitKinds[i], &l) {
			limits = append(limits, l)
		}
	}
	slices.SortFunc(limits, func(a, b Rlimit) int { return cmp.Compare(a.Name, b.Name) })
	return limits
}

func (d *decoder) unknownRlimit(e entry) {
	names := make([]string, len(rlimitKinds))
	for i, k := range rlimitKinds {
		names[i] = k.name
	}
	g := d.report(codeUnknownRlimit, e.at, "unknown resource limit %q", e.key)
	lower := strings.TrimPrefix(strings.ToLower(e.key), "rlimit_")
	if slices.Contains(names, lower) {
		g.hint(didYouMean(lower))
		return
	}
	g.suggest(lower, names)
}

// softHard reads one limit: a value for both, or {soft, hard}.
func (d *decoder) softHard(e entry, k rlimitKind, l *Rlimit) bool {
	if e.value.kind != kindMap {
		v, ok := d.rlimit(e.value, k)
		l.Soft, l.Hard = v, v
		return ok
	}
	f, ok := d.fields(e.value, "a limit", "", "soft", "hard")
	if !ok {
		return false
	}
	soft := f.need("soft", e.value.span, "limit "+e.key, "soft: NUMBER")
	hard := f.need("hard", e.value.span, "limit "+e.key, "hard: NUMBER")
	if soft == nil || hard == nil {
		return false
	}
	var okSoft, okHard bool
	l.Soft, okSoft = d.rlimit(soft, k)
	l.Hard, okHard = d.rlimit(hard, k)
	if okSoft && okHard && l.Soft > l.Hard {
		d.report(codeSoftHard, soft.span, "the soft limit of %s is above the hard limit", e.key).help("the kernel refuses it: setrlimit(2)")
		return false
	}
	return okSoft && okHard
}

// rlimit reads the value of a limit in its unit.
func (d *decoder) rlimit(n *node, k rlimitKind) (uint64, bool) {
	if n.kind == kindScalar && n.text == "unlimited" {
		return unlimited, true
	}
	if n.kind == kindScalar && n.text == "infinity" {
		d.report(codeMalformed, n.span, "%s cannot be read: %q", k.name, n.text).hint(didYouMean("unlimited"))
		return 0, false
	}
	switch k.unit {
	case byteUnit:
		v, ok := d.size(n, k.name)
		return uint64(v), ok
	case secondUnit:
		v, ok := d.elapsed(n, k.name)
		if ok && (v == 0 || v%time.Second != 0) {
			d.report(codeRange, n.span, "%s counts whole seconds, at least 1", k.name)
			return 0, false
		}
		return uint64(v / time.Second), ok
	case microUnit:
		v, ok := d.elapsed(n, k.name)
		return uint64(v / time.Microsecond), ok
	}
	v, ok := d.integer(n, k.name, 0, k.highest)
	return uint64(v), ok
}

// rlimit returns the limit of a module with a name, nil when it has none.
func (m *Module) rlimit(name string) *Rlimit {
	for i := range m.Rlimits {
		if m.Rlimits[i].Name == name {
			return &m.Rlimits[i]
		}
	}
	return nil
}
