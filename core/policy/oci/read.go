package oci

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// profileReader makes a profile of JSON.
type profileReader struct {
	*reader
	opt Options
	p   *Profile
}

// Parse reads a profile: the runtime specification's linux.seccomp (or a whole config.json that has it), or Docker's form, for the
// host and the container of the options. All errors come at once, as an [exchange.Errors].
func Parse(source []byte, o Options) (*Profile, error) {
	v, r := readJSON(o.file(), source)
	pr := &profileReader{reader: r, opt: o, p: &Profile{File: o.file(), Closed: o.Closed}}
	if v != nil {
		pr.root(v)
	}
	if err := r.errs.Err(); err != nil {
		return nil, err
	}
	pr.p.Notes = exchange.Sorted(pr.p.Notes)
	return pr.p, nil
}

func (r *profileReader) note(at int, format string, args ...any) {
	r.p.Notes = append(r.p.Notes, exchange.Note{Pos: r.source.At(at), Text: fmt.Sprintf(format, args...)})
}

// root finds the profile in a file.
func (r *profileReader) root(v *value) {
	if v.kind != object {
		r.fail(v.at, "a profile is an object, and this is %s", v.kind)
		return
	}
	if v.get("ociVersion") != nil {
		linux := v.get("linux")
		if linux == nil || linux.kind != object || linux.get("seccomp") == nil {
			r.fail(v.at, "the configuration has no linux.seccomp")
			return
		}
		r.note(v.at, "only linux.seccomp, maskedPaths and readonlyPaths of the configuration are read")
		r.procLists(linux)
		v = linux.get("seccomp")
	}
	r.profile(v)
}

// keys checks that a value is an object with only these keys.
func (r *profileReader) keys(v *value, what string, allowed ...string) bool {
	if v.kind != object {
		r.fail(v.at, "%s is an object, and this is %s", what, v.kind)
		return false
	}
	for _, k := range v.keys {
		if !slices.Contains(allowed, k.name) {
			r.fail(k.at, "unknown key %q; %s has %s", k.name, what, strings.Join(allowed, ", "))
		}
	}
	return true
}

func (r *profileReader) profile(v *value) {
	if !r.keys(v, "a profile", "defaultAction", "defaultErrnoRet", "architectures", "archMap", "flags", "listenerPath", "listenerMetadata",
		"syscalls") {
		return
	}
	r.p.start = r.source.At(v.at)
	r.arches(v)
	if v.get("defaultAction") == nil {
		r.fail(v.at, "defaultAction is missing")
	} else {
		r.p.Default, _ = r.answer(v, "defaultAction", "defaultErrnoRet")
	}
	for _, flag := range r.list(v.get("flags"), "flags", text) {
		switch flag.scalar {
		case "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
			r.note(flag.at, "the flag %s is not carried: it is about loading and not about what is allowed", flag.scalar)
		default:
			r.fail(flag.at, "unknown flag %q", flag.scalar)
		}
	}
	for _, name := range []string{"listenerPath", "listenerMetadata"} {
		if s := v.get(name); s != nil && r.is(s, name, text) {
			r.note(s.at, "%s is not carried: nobody is asked about a call", name)
		}
	}
	for _, s := range r.list(v.get("syscalls"), "syscalls", object) {
		r.syscall(s)
	}
	r.conflicts()
}

func (r *profileReader) is(v *value, what string, want kind) bool {
	if v.kind != want {
		r.fail(v.at, "%s is %s, and this is %s", what, want, v.kind)
	}
	return v.kind == want
}

// list returns the items of an array that are of a kind.
func (r *profileReader) list(v *value, what string, want kind) []*value {
	if v == nil || !r.is(v, what, array) {
		return nil
	}
	var items []*value
	for _, item := range v.items {
		if r.is(item, "an item of "+what, want) {
			items = append(items, item)
		}
	}
	return items
}

// natural reads a number of at most a size.
func (r *profileReader) natural(v *value, what string, most uint64) (uint64, bool) {
	if !r.is(v, what, number) {
		return 0, false
	}
	n, err := strconv.ParseUint(v.scalar, 10, 64)
	if err != nil || n > most {
		r.fail(v.at, "%s is a whole number from 0 to %d, and this is %s", what, most, v.scalar)
		return 0, false
	}
	return n, true
}

// answer reads an action with its error number, which is EPERM when it is not written.
func (r *profileReader) answer(v *value, actionKey, errnoKey string) (uint32, bool) {
	word, errno := v.get(actionKey), v.get(errnoKey)
	if word == nil || !r.is(word, actionKey, text) {
		return 0, false
	}
	answer, carries, known := action(word.scalar)
	if !known {
		r.fail(word.at, "unknown action %q", word.scalar)
		return 0, false
	}
	number := uint64(1) // EPERM: config-linux.md
	if errno != nil {
		var ok bool
		if number, ok = r.natural(errno, errnoKey, bpf.MaxErrno); !ok {
			return 0, false
		}
		if !carries {
			r.note(errno.at, "%s has no effect with %s", errnoKey, word.scalar)
		}
	}
	if carries {
		answer |= uint32(number)
	}
	return answer, true
}

// arches reads which architectures are open.
func (r *profileReader) arches(v *value) {
	host := r.opt.arch()
	list, mapped := v.get("architectures"), v.get("archMap")
	if list != nil && len(list.items) > 0 && mapped != nil && len(mapped.items) > 0 {
		r.fail(mapped.at, "architectures and archMap are both there; Docker refuses it")
	}
	r.p.Arches = []seccomp.Arch{host}
	for _, name := range r.list(list, "architectures", text) {
		r.open(name)
	}
	for _, m := range r.list(mapped, "archMap", object) {
		r.keys(m, "an entry of archMap", "architecture", "subArchitectures")
		name := m.get("architecture")
		if name == nil {
			r.fail(m.at, "architecture is missing")
			continue
		}
		if !r.is(name, "architecture", text) {
			continue
		}
		arch, known := archOf(name.scalar)
		subs := r.list(m.get("subArchitectures"), "subArchitectures", text)
		switch {
		case !known:
			r.fail(name.at, "unknown architecture %q", name.scalar)
		case arch != host:
			r.note(name.at, "the entry for %s is left out: the host is %s", name.scalar, host.Name())
		default:
			for _, sub := range subs {
				r.open(sub)
			}
		}
	}
}

// open opens an architecture.
func (r *profileReader) open(name *value) {
	arch, known := archOf(name.scalar)
	switch {
	case !known:
		r.fail(name.at, "unknown architecture %q", name.scalar)
	case arch == 0:
		r.note(name.at, "%s is left closed: there is no table of its calls", name.scalar)
	case !slices.Contains(r.p.Arches, arch):
		r.p.Arches = append(r.p.Arches, arch)
	}
}

// syscall reads an entry of syscalls.
func (r *profileReader) syscall(v *value) {
	r.keys(v, "an entry of syscalls", "names", "name", "action", "errnoRet", "args", "comment", "includes", "excludes")
	names := r.list(v.get("names"), "names", text)
	if name := v.get("name"); name != nil && r.is(name, "name", text) {
		if len(names) > 0 {
			r.fail(name.at, "name and names are both there; Docker refuses it")
		}
		names = []*value{name}
	}
	if c := v.get("comment"); c != nil {
		r.is(c, "comment", text)
	}
	if len(names) == 0 {
		r.fail(v.at, "an entry of syscalls without names")
	}
	if v.get("action") == nil {
		r.fail(v.at, "an entry of syscalls without an action")
	}
	answer, ok := r.answer(v, "action", "errnoRet")
	alternatives := r.args(v.get("args"))
	why := cmp.Or(r.left(v.get("includes"), true), r.left(v.get("excludes"), false))
	if !ok {
		return
	}
	if why != "" {
		r.note(v.at, "the rule for %s is left out: %s", naming(names), why)
		return
	}
	if answer == r.p.Default {
		r.note(v.at, "the rule for %s has no effect: it answers as the default does", naming(names))
	}
	for _, name := range names {
		if len(r.p.Rules) == maxRules && len(r.errs) > 0 {
			return
		}
		r.rules(name, answer, alternatives)
	}
}

// naming names the first calls of an entry.
func naming(names []*value) string {
	var words []string
	for i, n := range names {
		if i == 4 {
			words = append(words, fmt.Sprintf("%d more", len(names)-i))
			break
		}
		words = append(words, strconv.Quote(n.scalar))
	}
	return strings.Join(words, ", ")
}

// maxRules is how many rules a profile has at most, each name of an entry counted. Docker's own has some 400.
const maxRules = 20_000

// rules adds the rules for one name.
func (r *profileReader) rules(name *value, answer uint32, alternatives [][]Comparison) {
	if !slices.ContainsFunc(r.p.Arches, func(a seccomp.Arch) bool { _, has := a.Number(name.scalar); return has }) {
		r.note(name.at, "%q is left out: no open architecture has such a call in the table", name.scalar)
		return
	}
	for _, compare := range alternatives {
		if len(r.p.Rules) == maxRules {
			r.fail(name.at, "more than %d rules", maxRules)
			return
		}
		r.p.Rules = append(r.p.Rules, Rule{Call: name.scalar, Answer: answer, Compare: compare, Pos: r.source.At(name.at)})
	}
}

// args reads the comparisons of an entry: alternatives of which each must hold as a whole.
func (r *profileReader) args(v *value) [][]Comparison {
	var all []Comparison
	twice := -1
	for _, a := range r.list(v, "args", object) {
		r.keys(a, "an entry of args", "index", "value", "valueTwo", "op")
		if c, ok := r.comparison(a); ok {
			if slices.ContainsFunc(all, func(other Comparison) bool { return other.Arg == c.Arg }) {
				twice = a.at
			}
			all = append(all, c)
		}
	}
	if twice < 0 {
		return [][]Comparison{all}
	}
	r.note(twice, "two comparisons of one argument: container runtimes then take all comparisons of the rule for alternatives, and so does this")
	var out [][]Comparison
	for _, c := range all {
		out = append(out, []Comparison{c})
	}
	return out
}

func (r *profileReader) comparison(a *value) (Comparison, bool) {
	c := Comparison{Mask: ^uint64(0), Pos: r.source.At(a.at)}
	index, op := a.get("index"), a.get("op")
	if index == nil || op == nil {
		r.fail(a.at, "a comparison needs index, value and op")
		return c, false
	}
	i, ok := r.natural(index, "index", 5)
	if !ok || !r.is(op, "op", text) {
		return c, false
	}
	c.Arg = int(i)
	first, ok1 := r.optional(a, "value")
	second, ok2 := r.optional(a, "valueTwo")
	relation, masked, known := relation(op.scalar)
	if !known {
		r.fail(op.at, "unknown operator %q", op.scalar)
		return c, false
	}
	c.Op, c.Value = relation, first
	if masked {
		c.Mask, c.Value = first, first&second
		if second&^first != 0 {
			r.note(a.get("valueTwo").at, "the bits %#x of valueTwo are outside of the mask and have no effect", second&^first)
		}
	} else if second != 0 {
		r.note(a.get("valueTwo").at, "valueTwo has no effect with %s", op.scalar)
	}
	return c, ok1 && ok2
}

// optional reads a number that is 0 when it is not written, as the runtimes have it.
func (r *profileReader) optional(v *value, name string) (uint64, bool) {
	if n := v.get(name); n != nil {
		return r.natural(n, name, ^uint64(0))
	}
	return 0, true
}

// left tells why a rule is left out on this host, "" when it is not: it needs all of includes and none of excludes.
func (r *profileReader) left(v *value, include bool) (why string) {
	if v == nil || !r.keys(v, "a filter", "caps", "arches", "minKernel") {
		return ""
	}
	say := func(has bool, format string, args ...any) {
		if has != include && why == "" {
			why = map[bool]string{true: "it is only for ", false: "it is not for "}[include] + fmt.Sprintf(format, args...)
		}
	}
	if arches := r.list(v.get("arches"), "arches", text); len(arches) > 0 {
		host := dockerArch(r.opt.arch())
		has := slices.ContainsFunc(arches, func(a *value) bool { return a.scalar == host })
		say(has, "%s, and the host is %s", naming(arches), host)
	}
	caps := r.opt.Capabilities
	if caps == nil {
		caps = DockerCapabilities()
	}
	for _, c := range r.list(v.get("caps"), "caps", text) {
		say(slices.Contains(caps, c.scalar), "containers with %s", c.scalar)
	}
	if k := v.get("minKernel"); k != nil && r.is(k, "minKernel", text) && k.scalar != "" {
		major, minor, ok := strings.Cut(k.scalar, ".")
		a, err1 := strconv.ParseUint(major, 10, 8)
		b, err2 := strconv.ParseUint(minor, 10, 8)
		if !ok || err1 != nil || err2 != nil {
			r.fail(k.at, "%q is not a kernel version such as 4.8", k.scalar)
			return why
		}
		have := r.opt.Kernel
		newer := have == policy.KernelVersion{} || have.Major > int(a) || have.Major == int(a) && have.Minor >= int(b)
		say(newer, "kernels from %s", k.scalar)
	}
	return why
}
