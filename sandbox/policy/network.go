package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// NetworkRules are what Landlock restricts of the network that a module sees. What is not set is not restricted, but for the scopes.
type NetworkRules struct {
	Connect Value[[]uint16] // the TCP ports that it may connect to, ascending
	Bind    Value[[]uint16] // the TCP ports that it may bind, ascending; 0 is one that the kernel chooses
	Scope   Value[[]string] // what it does not reach outside of itself; default: every scope that the kernel has
}

// maxPorts is how many ports a list may have: each is a rule of its own in the kernel.
const maxPorts = 1024

// scopeNames are the scopes of Landlock, as the kernel has them in lower case. Source: landlock(7), scope flags.
func scopeNames() []string { return []string{"abstract_unix_socket", "signal"} }

// networkModes are the names of the modes, in the order of their values.
func networkModes() []string { return []string{"none", "loopback", "host"} }

// network reads which network a module sees, and what of it.
func (d *decoder) network(n *node, rules *NetworkRules) Value[NetworkMode] {
	if n.kind == kindScalar && slices.Contains(networkModes(), n.text) {
		d.wrongType(n, "a map such as {mode: none}").hint(didYouMean("{mode: " + n.text + "}"))
		return Value[NetworkMode]{}
	}
	f, ok := d.fields(n, "network", "a map such as {mode: none}", "mode", "connect", "bind", "scope")
	if !ok {
		return Value[NetworkMode]{}
	}
	if n := f.get("connect"); n != nil {
		rules.Connect = d.ports(n, "connect")
	}
	if n := f.get("bind"); n != nil {
		rules.Bind = d.ports(n, "bind")
	}
	if n := f.get("scope"); n != nil {
		rules.Scope = d.scope(n)
	}
	mode := f.need("mode", n.span, "network", "mode: none, mode: loopback or mode: host")
	if mode == nil {
		return Value[NetworkMode]{}
	}
	v := d.choice(mode, "network mode", networkModes()...)
	if !v.Set() {
		return Value[NetworkMode]{}
	}
	m := Value[NetworkMode]{NetworkMode(slices.Index(networkModes(), v.V)), v.Pos}
	for _, key := range []string{"connect", "bind"} {
		if e := n.entry(key); e != nil && m.V == NetworkNone {
			d.report(codeNoEffect, e.at, "%s has no effect: with mode none nothing can be bound or connected", key).help("remove it, or write mode: host or mode: loopback")
		}
	}
	return m
}

// ports reads a list such as [{tcp: [5432, 8000-8009]}].
func (d *decoder) ports(n *node, what string) Value[[]uint16] {
	v := Value[[]uint16]{V: []uint16{}, Pos: n.pos}
	for _, item := range d.list(n, "a list such as [{tcp: [5432]}]") {
		f, ok := d.fields(item, "an entry of ports", "a map such as {tcp: [5432]}", "tcp")
		if !ok {
			continue
		}
		tcp := f.need("tcp", item.span, "the entry", "tcp: [5432]")
		if tcp == nil {
			continue
		}
		for _, port := range d.list(tcp, "a list of ports such as [5432, 8000-8009]") {
			d.port(port, what, &v.V)
		}
	}
	slices.Sort(v.V)
	return v
}

func (d *decoder) port(n *node, what string, set *[]uint16) {
	s, ok := d.word(n, "a port or a range such as 8000-8009")
	if !ok {
		return
	}
	first, last, several := strings.Cut(s, "-")
	if !several {
		last = first
	}
	low, err := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(last, 10, 16)
	switch {
	case err != nil || err2 != nil || !digits(first) || !digits(last) || low > high:
		d.report(codeMalformed, n.span, "%q is no port and no range of ports", s).help("write numbers from 0 to 65535, and ranges such as 8000-8009")
		return
	case low == 0 && what == "connect":
		d.report(codeRange, n.span, "nothing listens on port 0").help("write a port from 1 to 65535")
		return
	case len(*set)+int(high-low) >= maxPorts:
		d.report(codeTooMuch, n.span, "%s has more than %d ports", what, maxPorts).help("leave %s out to permit all, or name fewer", what)
		return
	}
	for p := low; p <= high; p++ {
		if slices.Contains(*set, uint16(p)) {
			d.report(codeTwice, n.span, "port %d is listed twice", p).help("remove one of them")
			return
		}
		*set = append(*set, uint16(p))
	}
}

func (d *decoder) scope(n *node) Value[[]string] {
	v := Value[[]string]{V: []string{}, Pos: n.pos}
	d.words(n, "scope", "a list of scopes", func(item *node, word string) bool {
		if !slices.Contains(scopeNames(), word) {
			d.report(codeChoice, item.span, "unknown scope %q", word).suggest(word, scopeNames())
			return false
		}
		v.V = append(v.V, word)
		return true
	})
	slices.Sort(v.V)
	return v
}

// sections adds one section for each of the rules.
func (r *NetworkRules) sections(s *sections) {
	list := func(key string, v Value[[]uint16]) {
		if !v.Set() && v.V == nil {
			s.add(key, v.Pos, "all")
			return
		}
		s.add(key, v.Pos, "tcp "+Ports(v.V))
	}
	list("network.connect", r.Connect)
	list("network.bind", r.Bind)
	scope := "all"
	if r.Scope.Set() || r.Scope.V != nil {
		scope = fmt.Sprintf("%q", r.Scope.V)
	}
	s.add("network.scope", r.Scope.Pos, scope)
}

// Ports writes ascending ports with ranges: "80, 8000-8009".
func Ports(ports []uint16) string {
	var parts []string
	for i := 0; i < len(ports); {
		last := i
		for last+1 < len(ports) && ports[last+1] == ports[last]+1 {
			last++
		}
		part := strconv.Itoa(int(ports[i]))
		if last > i {
			part += "-" + strconv.Itoa(int(ports[last]))
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, ", ")
}
