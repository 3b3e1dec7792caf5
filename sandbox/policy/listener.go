package policy

import (
	"cmp"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

const (
	defaultBacklog    = 511
	maxBacklog        = 65535
	maxListeners      = 1000
	defaultSocketMode = 0o600
	maxSocketPath     = 107 // sun_path has 108 bytes, one of them the NUL at its end: unix(7)
)

// listenerUse is a listener with where it is written and whether a module uses it.
type listenerUse struct {
	Listener
	at   span // the name
	addr span // the address
	used bool
}

// readListeners reads the listeners of the policy and returns those that can be used.
func (d *decoder) readListeners(n *node) []Listener {
	d.listeners = map[string]*listenerUse{}
	if n == nil {
		return nil
	}
	if n.kind != kindMap {
		d.wrongType(n, "a map of listeners")
		return nil
	}
	if len(n.entries) > maxListeners {
		d.report(codeTooMuch, n.entries[maxListeners].at, "more than %d listeners", maxListeners)
		return nil
	}
	var read []*listenerUse
	for _, e := range n.entries {
		d.checkName(e.at, "listener", e.key)
		l := &listenerUse{at: e.at}
		l.Name, l.Pos = e.key, e.at.pos
		d.listeners[e.key] = l // also when it cannot be used, so that references to it are not errors as well
		if d.listener(l, e.value) {
			read = append(read, l)
		}
	}
	d.sameAddresses(read)
	result := make([]Listener, len(read))
	for i, l := range read {
		result[i] = l.Listener
	}
	slices.SortFunc(result, func(a, b Listener) int { return cmp.Compare(a.Name, b.Name) })
	return result
}

func (d *decoder) listener(l *listenerUse, n *node) bool {
	f, ok := d.fields(n, "a listener", "a map such as {address: \"0.0.0.0:8080\"}", "address", "backlog", "mode", "user", "group")
	if !ok {
		return false
	}
	address := f.need("address", l.at, "listener "+l.Name, `address: "0.0.0.0:8080" or address: "unix:/path"`)
	if address == nil || !d.address(l, address) {
		return false
	}
	if l.Network == "udp" {
		if e := f.n.entry("backlog"); e != nil {
			d.report(codeNoEffect, e.at, "backlog has no effect on a UDP listener").help("remove it; datagrams wait in the socket's buffer")
		}
	} else {
		l.Backlog = Value[int]{V: defaultBacklog}
		if n := f.get("backlog"); n != nil {
			l.Backlog = d.number(n, "backlog", 1, maxBacklog)
		}
	}
	if l.Network != "unix" {
		for _, key := range []string{"mode", "user", "group"} {
			if e := f.n.entry(key); e != nil {
				d.report(codeNoEffect, e.at, "%s has no effect on a %s listener", key, strings.ToUpper(l.Network)).help("remove it; it is for unix: addresses")
			}
		}
		return true
	}
	l.Mode = Value[uint32]{V: defaultSocketMode}
	if n := f.get("mode"); n != nil {
		l.Mode = d.mode(n, 0o777)
	}
	if n := f.get("user"); n != nil {
		l.User = d.account(n, "user")
	}
	if n := f.get("group"); n != nil {
		l.Group = d.account(n, "group")
	}
	return true
}

// address reads where a listener listens.
func (d *decoder) address(l *listenerUse, n *node) bool {
	s, ok := d.text(n, `an address such as "0.0.0.0:8080" or "unix:/path"`)
	if !ok {
		return false
	}
	l.addr = n.span
	if path, unix := strings.CutPrefix(s, "unix:"); unix {
		l.Network = "unix"
		l.Path, ok = d.socketPath(n, path)
		return ok
	}
	l.Network = "tcp"
	scheme := ""
	if rest, udp := strings.CutPrefix(s, "udp:"); udp {
		l.Network, scheme, s = "udp", "udp:", rest
	}
	l.Addr, ok = d.ipPort(n, s, scheme)
	if ok && l.Addr.Addr().IsMulticast() {
		d.report(codeAddress, n.span, "%q is a multicast address; nobody can listen there", s)
		return false
	}
	return ok
}

// ipPort reads the number of a host and a port; the scheme is what stood before it.
func (d *decoder) ipPort(n *node, s, scheme string) (netip.AddrPort, bool) {
	addr, err := netip.ParseAddrPort(s)
	switch {
	case err != nil:
		if at := strings.LastIndexByte(s, ':'); at >= 0 && len(s)-at > 5 && digits(s[at+1:]) {
			d.report(codeRange, d.src.within(n.span, s[at+1:]), "port %s is not from 1 to 65535", s[at+1:])
			return netip.AddrPort{}, false
		}
		g := d.report(codeAddress, n.span, "%q is not an address", s).help("%s", addressHelp(s))
		if port, only := strings.CutPrefix(s, ":"); only && digits(port) {
			g.hint("did you mean \"" + scheme + "0.0.0.0:" + port + "\" or \"" + scheme + "[::]:" + port + "\"?")
		}
		return netip.AddrPort{}, false
	case addr.Addr().Zone() != "":
		d.report(codeNotYet, n.span, "addresses with a zone are not in this version of supervisor")
		return netip.AddrPort{}, false
	case addr.Addr().Is4In6():
		d.report(codeAddress, n.span, "%q is an IPv4 address in IPv6 form", s).
			hint(didYouMean(scheme + netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()).String()))
		return netip.AddrPort{}, false
	}
	return addr, true
}

func addressHelp(s string) string {
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		return "write it without " + scheme + "://"
	}
	host, _, _ := strings.Cut(s, ":")
	if firstWord(host) != "" && !digits(strings.ReplaceAll(host, ".", "")) {
		return "an address has a number, such as 127.0.0.1:8080, and no name"
	}
	return `write "0.0.0.0:8080", "[::]:8080", "udp:0.0.0.0:53" or "unix:/path"`
}

// socketPath checks the path of a unix listener.
func (d *decoder) socketPath(n *node, path string) (string, bool) {
	if strings.HasPrefix(path, "@") {
		d.report(codeNotYet, n.span, "abstract unix sockets are not in this version of supervisor").help("write a path: \"unix:/run/app.sock\"")
		return "", false
	}
	if strings.HasSuffix(path, "/") {
		d.report(codePath, n.span, "%q is a directory, not a socket", path)
		return "", false
	}
	path, ok := d.path(n, path)
	if ok && len(path) > maxSocketPath {
		d.report(codePath, n.span, "the path has %d bytes; a socket's has at most %d", len(path), maxSocketPath).help("see unix(7)")
		return "", false
	}
	return path, ok
}

// path makes a path absolute and clean and refuses those that cannot be meant.
func (d *decoder) path(n *node, path string) (string, bool) {
	for _, r := range path {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			d.report(codePath, n.span, "a path with the control character U+%04X", r)
			return "", false
		}
	}
	switch {
	case path == "":
		d.report(codePath, n.span, "the path is empty")
		return "", false
	case filepath.IsAbs(path):
	case d.src.of(n.pos.File).dir == "":
		d.report(codePath, n.span, "the path %q is relative, and this policy has no directory", path).help("write an absolute path")
		return "", false
	default:
		path = filepath.Join(d.src.of(n.pos.File).dir, path)
	}
	path = filepath.Clean(path)
	if len(path) >= 4096 {
		d.report(codePath, n.span, "the path has %d bytes; the kernel takes at most 4095", len(path))
		return "", false
	}
	for name := range strings.SplitSeq(path, "/") {
		if len(name) > 255 {
			d.report(codePath, n.span, "a name in the path has %d bytes; a file system takes at most 255", len(name))
			return "", false
		}
	}
	return path, true
}

// mode reads permission bits in octal.
func (d *decoder) mode(n *node, highest uint32) Value[uint32] {
	s, ok := d.word(n, `an octal number in quotes such as "0660"`)
	if !ok {
		return Value[uint32]{}
	}
	octal := len(s) <= 5 && s != "" && strings.Trim(s, "01234567") == ""
	if !octal {
		d.report(codeMode, n.span, "%q is not an octal number", s).help(`write it like "0660"`)
		return Value[uint32]{}
	}
	if !n.quoted { // YAML readers disagree about 0660: 432 or 660
		d.report(codeMode, n.span, "permission bits need quotes").hint(didYouMean("0" + strings.TrimLeft(s, "0")))
		return Value[uint32]{}
	}
	var bits uint32
	for _, c := range s {
		bits = bits<<3 | uint32(c-'0')
	}
	if bits > highest {
		d.report(codeRange, n.span, "mode %s is more than %04o", s, highest)
		return Value[uint32]{}
	}
	return Value[uint32]{bits, n.pos}
}

// account reads the name or number of a user or group. Whether it exists is for the host to say.
func (d *decoder) account(n *node, what string) Value[string] {
	const lastID = 1<<32 - 2 // the highest one means "none" to the kernel
	if n.kind == kindMap && n.entry("dynamic") != nil {
		g := d.wrongType(n, "the name or the number of a "+what)
		if what == "group" {
			g.help("a module with user: {dynamic: true} has a group of its own")
		}
		return Value[string]{}
	}
	s, ok := d.word(n, "the name or the number of a "+what)
	if !ok {
		return Value[string]{}
	}
	if digits(s) && (s == "0" || s[0] != '0') {
		if id, err := parseID(s); err != nil || id > lastID {
			d.report(codeRange, n.span, "%s number %s is more than %d", what, s, uint64(lastID))
			return Value[string]{}
		}
		return Value[string]{s, n.pos}
	}
	if name, group, both := strings.Cut(s, ":"); both && what == "user" {
		g := d.report(codeName, n.span, "%q is a user and a group", s)
		if name == "" || group == "" {
			g.Message, g.Help = oneLine("%q lacks a part: a user and a group are two keys", s), "write user: NAME, and group: NAME where it is not the user's own"
		} else {
			g.help("write user: %s and group: %s", name, group)
		}
		return Value[string]{}
	}
	if looksNumeric(s) && (!n.quoted || digits(strings.TrimLeft(s, "+-"))) { // 007, +1, 1.5, 0x1: no name of useradd's, and no number of a file of users
		g := d.report(codeName, n.span, "%q cannot be the number of a %s: those are decimal, without a sign", s, what)
		if plain := strings.TrimLeft(s, "+0"); digits(plain) && len(plain) < 11 {
			g.hint(didYouMean(plain))
		}
		return Value[string]{}
	}
	bad := s == "" || len(s) > 64 || s[0] == '-' || n.plainKind() == plainBool
	for _, r := range s {
		bad = bad || r <= ' ' || r == ':' || r == '/' || r == ',' || r == 0x7f
	}
	if bad {
		d.report(codeName, n.span, "%q cannot be the name of a %s", s, what)
		return Value[string]{}
	}
	return Value[string]{s, n.pos}
}

// sameAddresses reports listeners that the kernel would not bind together.
func (d *decoder) sameAddresses(ls []*listenerUse) {
	type port struct {
		network string
		v4      bool
		port    uint16
	}
	paths := map[string]*listenerUse{}
	ports := map[port][]*listenerUse{}
	for _, l := range ls {
		if l.Network == "unix" {
			if other := paths[l.Path]; other != nil {
				d.report(codeSameAddress, l.addr, "listeners %q and %q have the same path %s", other.Name, l.Name, l.Path).
					help("two modules may share one listener")
			} else {
				paths[l.Path] = l
			}
			continue
		}
		if l.Addr.Port() == 0 { // the kernel chooses a free one
			continue
		}
		key := port{l.Network, l.Addr.Addr().Is4(), l.Addr.Port()}
		for _, other := range ports[key] {
			a, b := other.Addr.Addr(), l.Addr.Addr()
			if a == b {
				d.report(codeSameAddress, l.addr, "listeners %q and %q have the same address %s", other.Name, l.Name, l.Addr).
					help("two modules may share one listener")
				break
			}
			if a.IsUnspecified() || b.IsUnspecified() {
				d.report(codeSameAddress, l.addr, "listener %q at %s takes the port of listener %q at %s", l.Name, l.Addr, other.Name, other.Addr).
					help("an address of all zeros means every address of the host")
				break
			}
		}
		ports[key] = append(ports[key], l)
	}
}

// unusedListeners reports the listeners that no module uses.
func (d *decoder) unusedListeners() {
	for _, name := range slices.Sorted(maps.Keys(d.listeners)) {
		if l := d.listeners[name]; !l.used {
			d.report(codeUnusedListener, l.at, "listener %q is used by no module", name).help("name it under a module's `listeners` or remove it")
		}
	}
}
