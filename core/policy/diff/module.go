package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/effective"
	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// pair is one module in two policies.
type pair struct {
	*Report
	of   string
	a, b *policy.Module

	setA, setB *reach.Set // the filters
}

func (r *Report) module(a, b *policy.Module) error {
	p := pair{Report: r, of: "module " + a.Name, a: a, b: b}
	var err error
	if p.setA, err = reach.New(a.Seccomp); err != nil {
		return fmt.Errorf("%s of %s: %w", p.of, a.Pos.File, err)
	}
	if p.setB, err = reach.New(b.Seccomp); err != nil {
		return fmt.Errorf("%s of %s: %w", p.of, b.Pos.File, err)
	}
	err = p.seccomp()
	layers := map[string]func(){
		"filesystem": p.filesystem, "network": p.network, "network.scope": p.scope,
		"network.connect": func() { p.tcp("network.connect", "connect", p.a.Connect, p.b.Connect) },
		"network.bind":    func() { p.tcp("network.bind", "bind", p.a.Bind, p.b.Bind) },
		"capabilities":    p.capabilities, "namespaces": p.namespaces, "rlimits": p.rlimits,
		"resources": p.resources, "user": p.user, "group_add": p.groupAdd, "best_effort": p.bestEffort, "listeners": p.listenerRefs, "environment": p.environment,
		"replicas": p.replicas, "command": p.command,
		// The decision functions were compared; how they are written is no difference.
		"seccomp.architectures": func() {}, "seccomp.default": func() {}, "seccomp.denied": func() {}, "seccomp.allow": func() {},
		"seccomp.deny": func() {},
	}
	r.sections(p.of, a.Sections(), b.Sections(), func(key string) bool {
		layer, known := layers[key]
		if known {
			layer()
		}
		return known
	})
	return err
}

// change adds a change of a key; what has no place is at the module.
func (p pair) change(d Direction, key string, a, b policy.Pos, format string, args ...any) {
	p.add(d, p.of, key, fmt.Sprintf(format, args...), or(a, p.a.Pos), or(b, p.b.Pos))
}

// entries compares two lists by a name that each entry has. New entries have one direction, those that are gone the opposite.
func entries[T any](a, b []T, name func(T) string, gone, added func(T), both func(a, b T)) {
	byName := map[string]T{}
	for _, v := range b {
		byName[name(v)] = v
	}
	in := map[string]bool{}
	for _, v := range a {
		in[name(v)] = true
		if after, there := byName[name(v)]; there {
			both(v, after)
		} else {
			gone(v)
		}
	}
	for _, v := range b {
		if !in[name(v)] {
			added(v)
		}
	}
}

func (p pair) filesystem() {
	const key = "filesystem"
	entries(p.a.Filesystem, p.b.Filesystem, func(m policy.Mount) string { return m.Path },
		func(m policy.Mount) {
			p.change(Narrower, key, m.Pos, policy.Pos{}, "%s is not there any more", m.Path)
			p.show("it is there", "ENOENT", example.There(m.Path))
		},
		func(m policy.Mount) {
			p.change(Wider, key, policy.Pos{}, m.Pos, "%s is there, with access %s", m.Path, m.Access)
			p.show("it is there", "ENOENT", example.There(m.Path))
		},
		func(a, b policy.Mount) {
			change := func(d Direction, format string, args ...any) {
				p.change(d, key, a.Pos, b.Pos, "%s: "+format, append([]any{a.Path}, args...)...)
			}
			if a.Kind != b.Kind {
				change(Other, "something else is mounted there")
				return
			}
			if a.Source != b.Source {
				change(Other, "shows %s of the host, before: %s", cmp.Or(b.Source, b.Path), cmp.Or(a.Source, a.Path))
			}
			if a.Access != b.Access {
				change(subset(uint32(a.Access), uint32(b.Access)), "access %s, before: %s", b.Access, a.Access)
				p.showAccess(a.Path, a.Access^b.Access)
			}
			if a.Size != b.Size {
				change(ordered(a.Size, b.Size), "%s, before: %s", effective.Size(b.Size), effective.Size(a.Size))
				p.show("0", "ENOSPC", example.Space(a.Path, min(a.Size, b.Size)))
			}
			if a.Mode != b.Mode {
				change(subset(a.Mode&0o777, b.Mode&0o777), "mode %04o, before: %04o", b.Mode, a.Mode)
			}
			if a.Subset != b.Subset {
				change(direction(b.Subset == "all"), "subset %s, before: %s", b.Subset, a.Subset)
			}
			if a.Hide != b.Hide {
				change(ordered(openness(a.Hide), openness(b.Hide)), "hidepid %s, before: %s", cmp.Or(b.Hide, "off"), cmp.Or(a.Hide, "off"))
			}
			p.procPaths(a, b, change)
			if a.Optional != b.Optional {
				change(Other, "if_exists: %t, before: %t", b.Optional, a.Optional)
			}
			if a.NoSymFollow != b.NoSymFollow {
				change(direction(a.NoSymFollow), "nosymfollow: %t, before: %t", b.NoSymFollow, a.NoSymFollow)
			}
		})
}

// procPaths compares what of a proc cannot be looked into or written to. Other subsets and another access are said already.
func (p pair) procPaths(a, b policy.Mount, change func(d Direction, format string, args ...any)) {
	if a.Subset != b.Subset || a.Access != b.Access {
		return
	}
	for _, l := range [...]struct {
		says     string
		has, not []policy.Value[string]
		d        Direction
		lesser   policy.Access
	}{
		{"no longer masked", a.MaskedPaths(), b.MaskedPaths(), Wider, policy.AccessRead},
		{"masked", b.MaskedPaths(), a.MaskedPaths(), Narrower, policy.AccessRead},
		// what is masked cannot be written to either
		{"no longer read-only", a.ReadOnlyPaths(), append(b.ReadOnlyPaths(), b.MaskedPaths()...), Wider, policy.AccessWrite},
		{"read-only", b.ReadOnlyPaths(), append(a.ReadOnlyPaths(), a.MaskedPaths()...), Narrower, policy.AccessWrite},
	} {
		for _, v := range l.has {
			if !slices.ContainsFunc(l.not, func(o policy.Value[string]) bool { return o.V == v.V }) {
				change(l.d, "%s is %s", v.V, l.says)
				p.showAccess(a.Path+"/"+v.V, l.lesser)
			}
		}
	}
}

// openness orders the values of hidepid. Only ptraceable leaves no group out, proc(5).
func openness(hide string) int64 {
	return map[string]int64{"": 3, "noaccess": 2, "invisible": 1, "ptraceable": 0}[hide]
}

func direction(wider bool) Direction {
	if wider {
		return Wider
	}
	return Narrower
}

func (p pair) network() {
	p.change(ordered(p.a.Network.V, p.b.Network.V), "network", p.a.Network.Pos, p.b.Network.Pos, "mode %s, before: %s", p.b.Network.V, p.a.Network.V)
	p.showNetwork()
}

// tcp compares the ports of connect or bind. No list is all of them.
func (p pair) tcp(key, call string, a, b policy.Value[[]uint16]) {
	amount := func(v policy.Value[[]uint16]) string {
		switch {
		case !v.Set():
			return "any port"
		case len(v.V) == 0:
			return "no port"
		}
		return policy.Ports(v.V)
	}
	beyond := func(a, b policy.Value[[]uint16]) (uint16, bool) { // a port of b that a does not have
		for port := range uint16(65535) {
			if in := func(v policy.Value[[]uint16]) bool { return !v.Set() || slices.Contains(v.V, port+1) }; in(b) && !in(a) {
				return port + 1, true
			}
		}
		return 0, false
	}
	more, wider := beyond(a, b)
	less, narrower := beyond(b, a)
	if !wider {
		more = less
	}
	direction := map[bool]Direction{true: Wider, false: Narrower}[wider]
	if wider == narrower {
		direction = Other
	}
	p.change(direction, key, a.Pos, b.Pos, "%s, before: %s", amount(b), amount(a))
	p.show("past Landlock", "EACCES", example.Port(call, more))
}

// scope compares what Landlock keeps to the module. Nothing said is everything.
func (p pair) scope() {
	in := func(v policy.Value[[]string], s string) bool { return !v.Set() || slices.Contains(v.V, s) }
	for _, s := range policy.Vocabulary(policy.TypeScopes) {
		if a, b := in(p.a.Scope, s), in(p.b.Scope, s); a != b {
			p.change(direction(a), "network.scope", p.a.Scope.Pos, p.b.Scope.Pos, "%s: %s, before: %s", s,
				map[bool]string{true: "kept to the module", false: "not kept to it any more"}[b], map[bool]string{true: "kept to it", false: "not kept to it"}[a])
			p.show("reaches it", "EPERM", example.Scope(s))
		}
	}
}

func (p pair) capabilities() {
	entries(p.a.Capabilities, p.b.Capabilities, func(v policy.Value[policy.Capability]) string { return v.V.String() },
		func(v policy.Value[policy.Capability]) {
			p.change(Narrower, "capabilities", v.Pos, policy.Pos{}, "%s is gone", v.V)
			p.show("permitted by "+v.V.String(), "EPERM", example.Capability(v.V))
		},
		func(v policy.Value[policy.Capability]) {
			p.change(Wider, "capabilities", policy.Pos{}, v.Pos, "%s is new", v.V)
			p.show("permitted by "+v.V.String(), "EPERM", example.Capability(v.V))
		},
		func(_, _ policy.Value[policy.Capability]) {})
}

// namespaces: one less is wider, because the host's is there instead. A user namespace takes powers and gives others.
func (p pair) namespaces() {
	how := func(v policy.Namespace, d Direction) Direction {
		if v == unix.CLONE_NEWUSER {
			return Other
		}
		return d
	}
	entries(p.a.Namespaces, p.b.Namespaces, func(v policy.Value[policy.Namespace]) string { return v.V.String() },
		func(v policy.Value[policy.Namespace]) {
			p.change(how(v.V, Wider), "namespaces", v.Pos, policy.Pos{}, "no %s namespace of its own any more", v.V)
			p.showNamespace(v.V)
		},
		func(v policy.Value[policy.Namespace]) {
			p.change(how(v.V, Narrower), "namespaces", policy.Pos{}, v.Pos, "a %s namespace of its own", v.V)
			p.showNamespace(v.V)
		},
		func(_, _ policy.Value[policy.Namespace]) {})
}

func (p pair) rlimits() {
	const key = "rlimits"
	entries(p.a.Rlimits, p.b.Rlimits, func(l policy.Rlimit) string { return l.Name },
		func(l policy.Rlimit) {
			p.change(Wider, key, l.Pos, policy.Pos{}, "%s has no limit of its own any more", l.Name)
			p.showRlimit(l.Name, l.Hard, ^uint64(0))
		},
		func(l policy.Rlimit) {
			p.change(Narrower, key, policy.Pos{}, l.Pos, "%s has a limit of %d", l.Name, l.Hard)
			p.showRlimit(l.Name, l.Hard, ^uint64(0))
		},
		func(a, b policy.Rlimit) {
			switch {
			case a.Hard != b.Hard:
				p.change(ordered(a.Hard, b.Hard), key, a.Pos, b.Pos, "%s: at most %d, before: %d", a.Name, b.Hard, a.Hard)
				p.showRlimit(a.Name, min(a.Hard, b.Hard), max(a.Hard, b.Hard))
			case a.Soft != b.Soft:
				p.change(Other, key, a.Pos, b.Pos, "%s: %d at first, before: %d; the module may raise it to %d", a.Name, b.Soft, a.Soft, a.Hard)
			}
		})
}

func (p pair) resources() {
	const key = "resources"
	entries(p.a.Resources, p.b.Resources, policy.Resource.Name,
		func(l policy.Resource) {
			p.change(Wider, key, l.Pos, policy.Pos{}, "no %s any more", l.Name())
			p.showResource(l.Key, l.Limit)
		},
		func(l policy.Resource) {
			p.change(Narrower, key, policy.Pos{}, l.Pos, "%s is new", l.Name())
			p.showResource(l.Key, l.Limit)
		},
		func(a, b policy.Resource) {
			if a.Set != b.Set {
				p.change(Other, key, a.Pos, b.Pos, "%s: %s, before: %s", a.Key, b.Set, a.Set)
				p.showResource(a.Key, 0)
			}
			p.rates(key, a, b)
			if a.Limit != b.Limit || a.Period != b.Period {
				p.change(ordered(share(a), share(b)), key, a.Pos, b.Pos, "%s: %s, before: %s", a.Key, amount(b), amount(a))
				low := a.Limit
				if share(b) < share(a) {
					low = b.Limit
				}
				p.showResource(a.Key, low)
			}
		})
}

// rates compares the limits of one disk: each that is higher, or gone, is wider.
func (p pair) rates(key string, a, b policy.Resource) {
	before, after := a.Rates.List(), b.Rates.List()
	for i, name := range policy.RateNames() {
		amount := func(v int64) (uint64, string) {
			switch {
			case v <= 0:
				return ^uint64(0), "max"
			case policy.RateType(name) == policy.TypeSize:
				return uint64(v), effective.Size(v)
			}
			return uint64(v), fmt.Sprint(v)
		}
		x, was := amount(before[i])
		y, is := amount(after[i])
		if x != y {
			p.change(ordered(x, y), key, a.Pos, b.Pos, "%s: %s %s, before: %s", a.Name(), name, is, was)
			p.showResource(a.Key, int64(min(x, y)))
		}
	}
}

// share returns a limit as a number of which more permits more.
func share(l policy.Resource) float64 {
	switch {
	case l.Limit < 0:
		return 1 << 63
	case l.Period > 0:
		return float64(l.Limit) / float64(l.Period)
	}
	return float64(l.Limit)
}

func amount(l policy.Resource) string {
	switch {
	case l.Limit < 0:
		return "max"
	case l.Period > 0:
		return fmt.Sprintf("%d/%d", l.Limit, l.Period)
	}
	return fmt.Sprint(l.Limit)
}

// user: root may do more than any other; who may do more of two others is not known here.
func (p pair) user() {
	text := func(m *policy.Module) string {
		switch {
		case m.DynamicUser.V:
			return "dynamic"
		case m.User.V == "":
			return "the supervisor's"
		}
		return m.User.V
	}
	root := func(m *policy.Module) bool {
		return !m.DynamicUser.V && (m.User.V == "root" || m.User.V == "0" || m.User.V == "")
	}
	d := Other
	if root(p.a) != root(p.b) {
		d = direction(root(p.b))
	}
	p.change(d, "user", or(p.a.User.Pos, p.a.DynamicUser.Pos), or(p.b.User.Pos, p.b.DynamicUser.Pos), "user: %s, before: %s", text(p.b), text(p.a))
	p.Changes[len(p.Changes)-1].Example = &Example{Text: "getuid()", A: text(p.a), B: text(p.b)}
}

// groupAdd: what belongs to a group is open to whoever is in it.
func (p pair) groupAdd() {
	show := func(d Direction, a, b policy.Pos, format, group string) {
		p.change(d, "group_add", a, b, format, group)
		p.show("with "+group, "without "+group, []string{"getgroups()"})
	}
	entries(p.a.GroupAdd, p.b.GroupAdd, func(v policy.Value[string]) string { return v.V },
		func(v policy.Value[string]) { show(Narrower, v.Pos, policy.Pos{}, "not in the group %s any more", v.V) },
		func(v policy.Value[string]) { show(Wider, policy.Pos{}, v.Pos, "in the group %s", v.V) },
		func(_, _ policy.Value[string]) {})
}

func (p pair) bestEffort() {
	entries(p.a.BestEffort, p.b.BestEffort, func(v policy.Value[string]) string { return v.V },
		func(v policy.Value[string]) {
			p.change(Narrower, "best_effort", v.Pos, policy.Pos{}, "%s is required", v.V)
			p.showBestEffort(v.V)
		},
		func(v policy.Value[string]) {
			p.change(Wider, "best_effort", policy.Pos{}, v.Pos, "%s may be missing", v.V)
			p.showBestEffort(v.V)
		},
		func(_, _ policy.Value[string]) {})
}

func (p pair) listenerRefs() {
	entries(p.a.Listeners, p.b.Listeners, func(l policy.ListenerRef) string { return l.Name },
		func(l policy.ListenerRef) {
			p.change(Narrower, "listeners", l.Pos, policy.Pos{}, "%s is not handed over any more", l.Name)
			p.show("a connection", "EBADF", example.Descriptor(l.FD))
		},
		func(l policy.ListenerRef) {
			p.change(Wider, "listeners", policy.Pos{}, l.Pos, "%s is handed over", l.Name)
			p.show("a connection", "EBADF", example.Descriptor(l.FD))
		},
		func(a, b policy.ListenerRef) {
			if a.FD != b.FD {
				p.change(Other, "listeners", a.Pos, b.Pos, "%s is descriptor %d, before: %d", a.Name, b.FD, a.FD)
			}
		})
}

func (p pair) environment() {
	entries(p.a.Environment, p.b.Environment, func(v policy.EnvVar) string { return v.Name },
		func(v policy.EnvVar) {
			p.change(Other, "environment", v.Pos, policy.Pos{}, "%s is not set any more", v.Name)
		},
		func(v policy.EnvVar) { p.change(Other, "environment", policy.Pos{}, v.Pos, "%s is set", v.Name) },
		func(a, b policy.EnvVar) {
			if a.Value != b.Value {
				p.change(Other, "environment", a.Pos, b.Pos, "%s has another value", a.Name)
			}
		})
}

func (p pair) replicas() {
	p.change(Other, "replicas", p.a.Replicas.Pos, p.b.Replicas.Pos, "%d replicas, before: %d", p.b.Replicas.V, p.a.Replicas.V)
}

func (p pair) command() {
	words := func(m *policy.Module) string {
		quoted := make([]string, len(m.Command))
		for i, w := range m.Command {
			quoted[i] = w.V
		}
		return strings.Join(quoted, " ")
	}
	first := func(m *policy.Module) (pos policy.Pos) {
		if len(m.Command) > 0 {
			pos = m.Command[0].Pos
		}
		return pos
	}
	p.change(Other, "command", first(p.a), first(p.b), "%s, before: %s", words(p.b), words(p.a))
	p.showLaunch(execveText(p.b), "not made", "started")
}
