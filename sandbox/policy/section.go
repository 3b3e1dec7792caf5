package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Section is one key of a module or a listener in canonical form. Two are the same configuration if and only if their items are
// equal: what a default is and what is written alike have the same items, and so have values in another order where order means nothing.
type Section struct {
	Key string // "command", "seccomp.allow", "healthcheck", …
	Pos Pos    // where the value is written, or the module or the listener when it is not; not part of what is compared
	// Items are the values as a person reads them: "memory.max 64M", "/etc/nginx r", "socket". The values of environment variables are
	// hashed, so that whoever may compare configurations does not learn secrets.
	Items []string
}

// sections collects sections; what is not written is at pos.
type sections struct {
	pos  Pos
	list []Section
}

// add adds a section whose items have an order.
func (s *sections) add(key string, pos Pos, items ...string) {
	if pos.Line == 0 {
		pos = s.pos
	}
	s.list = append(s.list, Section{key, pos, items})
}

// set adds a section whose items have none.
func (s *sections) set(key string, pos Pos, items []string) {
	slices.Sort(items)
	s.add(key, pos, items...)
}

// Meaning returns what the policy says without where it says so: the sections of "module NAME" and "listener NAME". It is equal for two
// policies that say the same, however they are written.
func (p *Policy) Meaning() map[string][]Section {
	all := map[string][]Section{}
	for i := range p.Modules {
		all["module "+p.Modules[i].Name] = p.Modules[i].Sections()
	}
	for i := range p.Listeners {
		all["listener "+p.Listeners[i].Name] = p.Listeners[i].Sections()
	}
	for _, list := range all {
		for i := range list {
			list[i].Pos = Pos{}
		}
	}
	return all
}

// Sections returns the module as sections, always the same keys in the same order.
func (m *Module) Sections() []Section {
	s := &sections{pos: m.Pos}
	s.add("name", m.Pos, plain(m.Name))
	s.add("command", firstPos(m.Command), texts(m.Command)...)
	environment := make([]string, len(m.Environment))
	for i, v := range m.Environment {
		environment[i] = plain(v.Name) + " " + hashed(v.Value)
	}
	s.set("environment", posOf(m.Environment, func(v EnvVar) Pos { return v.Pos }), environment)
	user := plain(m.User.V)
	if m.DynamicUser.V {
		user = "dynamic: true" + user // no name has a space in it
	}
	s.add("user", either(m.User.Pos, m.DynamicUser.Pos), user)
	s.add("group", m.Group.Pos, plain(m.Group.V))
	s.set("group_add", firstPos(m.GroupAdd), texts(m.GroupAdd))
	s.add("working_dir", m.WorkingDir.Pos, plain(m.WorkingDir.V))
	refs := make([]string, len(m.Listeners))
	for i, l := range m.Listeners {
		refs[i] = fmt.Sprintf("%s %d", plain(l.Name), l.FD)
	}
	s.add("listeners", posOf(m.Listeners, func(l ListenerRef) Pos { return l.Pos }), refs...)
	s.add("listener_protocol", m.ListenerProtocol.Pos, plain(m.ListenerProtocol.V))
	s.add("replicas", m.Replicas.Pos, strconv.Itoa(m.Replicas.V))
	m.Restart.sections(s)
	s.add("stop_signal", m.StopSignal.Pos, signalName(m.StopSignal.V))
	s.add("stop_grace_period", m.StopGracePeriod.Pos, m.StopGracePeriod.V.String())
	s.add("update_config", m.UpdateOrder.Pos, "order "+plain(m.UpdateOrder.V))
	m.Health.sections(s)
	m.Seccomp.sections(s)
	s.set("filesystem", posOf(m.Filesystem, func(f Mount) Pos { return f.Pos }), each(m.Filesystem, Mount.item))
	s.add("network", m.Network.Pos, "mode "+m.Network.V.String())
	m.NetworkRules.sections(s)
	s.set("capabilities", firstPos(m.Capabilities), each(m.Capabilities, func(v Value[Capability]) string { return numbered(v.V.String(), uint64(v.V), "CAP_?") }))
	s.set("namespaces", firstPos(m.Namespaces), each(m.Namespaces, func(v Value[Namespace]) string {
		return numbered(v.V.String(), uint64(v.V), Namespace(0).String())
	}))
	s.set("rlimits", posOf(m.Rlimits, func(l Rlimit) Pos { return l.Pos }), each(m.Rlimits, Rlimit.item))
	s.set("resources", posOf(m.Resources, func(r Resource) Pos { return r.Pos }), each(m.Resources, Resource.item))
	s.set("best_effort", firstPos(m.BestEffort), texts(m.BestEffort))
	m.Attributes.sections(s)
	return s.list
}

// Sections returns the listener as sections, always the same keys in the same order.
func (l *Listener) Sections() []Section {
	s := &sections{pos: l.Pos}
	s.add("name", l.Pos, plain(l.Name))
	address := plain(l.Network) + ":"
	if l.Addr.IsValid() {
		address += l.Addr.String()
	}
	s.add("address", l.Pos, address+plain(l.Path))
	s.add("backlog", l.Backlog.Pos, strconv.Itoa(l.Backlog.V))
	s.add("mode", l.Mode.Pos, fmt.Sprintf("%04o", l.Mode.V))
	s.add("user", l.User.Pos, plain(l.User.V))
	s.add("group", l.Group.Pos, plain(l.Group.V))
	return s.list
}

func (r Restart) sections(s *sections) {
	s.add("restart", r.Policy.Pos, "policy "+plain(r.Policy.V), "delay "+r.Delay.V.String(), "max_delay "+r.MaxDelay.V.String(),
		"burst "+strconv.Itoa(r.Burst.V), "window "+r.Window.V.String(), "reset_after "+r.ResetAfter.V.String())
}

func (h Health) sections(s *sections) {
	kind := plain(h.Kind.V)
	if h.Addr.IsValid() {
		kind += " " + h.Addr.String()
	}
	items := []string{kind, "interval " + h.Interval.V.String(), "timeout " + h.Timeout.V.String(), "retries " + strconv.Itoa(h.Retries.V),
		"start_period " + h.StartPeriod.V.String(), "watchdog " + h.Watchdog.V.String()}
	s.add("healthcheck", h.Pos, items...)
}

func (c Seccomp) sections(s *sections) {
	name := func(call Call) string { // how it came in, by a group or by name, makes no difference
		text := plain(call.Name)
		if call.When != nil {
			text += " when " + call.When.String()
		}
		if call.Answer != nil {
			text += " action " + call.Answer.String()
		}
		return text
	}
	s.set("seccomp.architectures", either(firstPos(c.Architectures), c.Pos), texts(c.Architectures))
	s.add("seccomp.default", either(c.Default.Pos, c.Pos), c.Default.V.String())
	s.add("seccomp.denied", either(c.Denied.Pos, c.Pos), c.Denied.V.String())
	s.set("seccomp.allow", either(posOf(c.Allow, func(v Call) Pos { return v.Pos }), c.Pos), each(c.Allow, name))
	s.set("seccomp.deny", either(posOf(c.Deny, func(v Call) Pos { return v.Pos }), c.Pos), each(c.Deny, name))
}

// item renders a mount: "/etc/nginx r", "/tmp rw tmpfs 16M mode 0700".
func (f Mount) item() string {
	var b strings.Builder
	b.WriteString(plain(f.Path))
	if f.Kind != MountControl && f.Kind != MountDev || f.Access != AccessRead {
		b.WriteString(" " + f.Access.String())
	}
	switch f.Kind {
	case MountBind:
	case MountTmpfs:
		b.WriteString(" tmpfs")
	case MountProc:
		b.WriteString(" proc")
	case MountCgroup:
		b.WriteString(" cgroup own")
	case MountControl:
		b.WriteString(" control self")
	case MountDev:
		b.WriteString(" dev minimal")
	default:
		fmt.Fprintf(&b, " kind %d", f.Kind)
	}
	if f.Subset != "" {
		b.WriteString(" " + plain(f.Subset))
	}
	if f.Hide != "" {
		b.WriteString(" hidepid " + plain(f.Hide))
	}
	b.WriteString(f.Masked.item(" masked ") + f.ReadOnly.item(" read_only "))
	if f.Size != 0 {
		b.WriteString(" " + bytesOf(f.Size))
	}
	if f.Kind == MountTmpfs || f.Mode != 0 {
		fmt.Fprintf(&b, " mode %04o", f.Mode)
	}
	if f.Source != "" {
		b.WriteString(" from " + plain(f.Source))
	}
	if f.Optional {
		b.WriteString(" if_exists")
	}
	if f.NoSymFollow {
		b.WriteString(" nosymfollow")
	}
	return b.String()
}

// item renders a limit: "nofile 1024", "core 0 of 1048576".
func (l Rlimit) item() string {
	show := func(n uint64) string {
		if n == unlimited {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	text := plain(l.Name) + " " + show(l.Soft)
	if l.Soft != l.Hard {
		text += " of " + show(l.Hard)
	}
	return text
}

// item renders a limit: "memory.max 64M", "cpu.max 50000/100000".
func (r Resource) item() string {
	limit := strconv.FormatInt(r.Limit, 10)
	switch {
	case r.Limit < 0:
		limit = "max"
	case ResourceType(r.Key) == TypeSize:
		limit = bytesOf(r.Limit)
	}
	if r.Set != "" {
		limit = plain(r.Set)
		if r.Limit != 0 {
			limit += " " + strconv.FormatInt(r.Limit, 10)
		}
	}
	if r.Limit < -1 {
		limit += strconv.FormatInt(r.Limit, 10)
	}
	if r.Period != 0 {
		limit += "/" + strconv.FormatInt(r.Period, 10)
	}
	if r.Rates != (IORates{}) {
		limit = strings.TrimSuffix(limit, "0") + r.Rates.String()
	}
	return plain(r.Key) + " " + strings.TrimSpace(plain(r.Device)+" "+limit)
}

// String returns the access as a policy writes it: "r", "rx", "rw" or "rwx".
func (a Access) String() string {
	text := ""
	for i, letter := range [...]string{"r", "w", "x"} {
		if a>>i&1 == 1 {
			text += letter
		}
	}
	if a == 0 || a > AccessRead|AccessWrite|AccessExecute {
		return fmt.Sprintf("%s#%d", text, uint8(a))
	}
	return text
}

// String returns "none", "loopback" or "host".
func (n NetworkMode) String() string {
	if names := [...]string{"none", "loopback", "host"}; int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("mode %d", uint8(n))
}

// String returns the action as a policy writes it, such as "errno EPERM".
func (a Action) String() string {
	names := [...]string{"errno", "kill_process", "kill_thread", "trap", "log", "allow"}
	text := fmt.Sprintf("action %d", uint8(a.Kind))
	if int(a.Kind) < len(names) {
		text = names[a.Kind]
	}
	if a.Kind != ActionErrno && a.Errno == 0 {
		return text
	}
	if name := unix.ErrnoName(unix.Errno(a.Errno)); name != "" {
		return text + " " + name
	}
	return text + " " + strconv.Itoa(int(a.Errno))
}

func signalName(number int) string {
	if name := unix.SignalName(unix.Signal(number)); name != "" {
		return name
	}
	return strconv.Itoa(number)
}

// numbered returns a name, or the number where the name is one that says nothing.
func numbered(name string, number uint64, nothing string) string {
	if name == nothing {
		return name + "#" + strconv.FormatUint(number, 10)
	}
	return name
}

// plain returns a string as it is, or in quotes when something in it could be taken for something else.
func plain(s string) string {
	if quoted := strconv.Quote(s); len(quoted) != len(s)+2 {
		return quoted
	}
	return s
}

// hashed stands for a value that is not shown.
func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "#" + hex.EncodeToString(sum[:8])
}

// bytesOf returns a size in the largest unit that it is a multiple of.
func bytesOf(n int64) string {
	unit := -1
	for unit+1 < len(sizeUnits) && n != 0 && n%1024 == 0 {
		n, unit = n/1024, unit+1
	}
	if unit < 0 {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + sizeUnits[unit:unit+1]
}

func each[T any](list []T, item func(T) string) []string {
	items := make([]string, len(list))
	for i, v := range list {
		items[i] = item(v)
	}
	return items
}

func texts(list []Value[string]) []string {
	return each(list, func(v Value[string]) string { return plain(v.V) })
}

func posOf[T any](list []T, pos func(T) Pos) Pos {
	if len(list) == 0 {
		return Pos{}
	}
	return pos(list[0])
}

func firstPos[T any](list []Value[T]) Pos {
	return posOf(list, func(v Value[T]) Pos { return v.Pos })
}

// either returns the first place that is one.
func either(a, b Pos) Pos {
	if a.Line != 0 {
		return a
	}
	return b
}
