package systemd

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// moduleYAML is a module that is written.
type moduleYAML struct {
	name    string
	pos     policy.Pos
	lines   []string // keys with values, in the order of their writing
	files   []string
	proc    bool // it has one, which a policy makes for a pid namespace
	seccomp exchange.Section
}

func (m *moduleYAML) set(key, format string, args ...any) {
	m.lines = append(m.lines, key+": "+fmt.Sprintf(format, args...))
}

func (m *moduleYAML) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s:\n", exchange.Scalar(m.name))
	for _, l := range m.lines {
		b.WriteString("    " + l + "\n")
	}
	b.WriteString("    filesystem:\n")
	for _, f := range m.files {
		b.WriteString("      - " + f + "\n")
	}
	b.WriteString(m.seccomp.YAML("    "))
}

// inline writes words as a list in one line.
func inline(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = flow(w)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// flow writes a word for a list or a map in one line.
func flow(s string) string {
	if strings.ContainsAny(s, ",[]{}:#") {
		return quoted(s)
	}
	return exchange.Scalar(s)
}

// quoted writes a word in quotes where Scalar would not.
func quoted(s string) string {
	if q := exchange.Scalar(s); strings.HasPrefix(q, `"`) {
		return q
	}
	return `"` + strings.ReplaceAll(s, "$", "$$") + `"`
}

// moduleName makes a name that a policy takes of a unit's.
func moduleName(unit string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, strings.TrimSuffix(unit, path.Ext(unit)))
	return "m"[:len("m")*map[bool]int{true: 1}[name == "" || name[0] < 'a' || name[0] > 'z']] + name
}

// module makes a module of a service.
func (im *importer) module(u *unit) *moduleYAML {
	m := &moduleYAML{name: moduleName(u.name), pos: policy.Pos{File: u.file, Line: 1, Col: 1}}
	if len(u.list) > 0 {
		m.pos = u.list[0].pos
	}
	im.command(u, m)
	im.user(u, m)
	im.attach(u, m)
	im.life(u, m)
	im.limits(u, m)
	im.files(u, m)
	im.namespaces(u, m)
	im.calls(u, m)
	return m
}

// command reads what runs. Source: systemd.service(5), "Command lines".
func (im *importer) command(u *unit, m *moduleYAML) {
	environment := map[string]string{}
	var pairs []string
	for _, w := range u.words("Service", "Environment") {
		name, value, found := strings.Cut(w.text, "=")
		if !found || name == "" {
			im.note(w.of.pos, "%q is not carried: it is no NAME=value", short(w.text))
			continue
		}
		if _, twice := environment[name]; !twice {
			pairs = append(pairs, name)
		}
		environment[name] = value
	}
	commands := u.lines("Service", "ExecStart")
	if len(commands) == 0 {
		im.note(m.pos, "there is no ExecStart: put the command in its place")
		m.set("command", "[/usr/bin/true]")
		return
	}
	for _, a := range commands[1:] {
		im.note(a.pos, "a second command is not carried: a module runs one")
	}
	line, ok := u.text(commands[0])
	command, err := words(strings.TrimLeft(line, "@-:+!"))
	if !ok || err != nil || len(command) == 0 {
		im.note(commands[0].pos, "ExecStart cannot be read (%v): put the command in its place", err)
		command = []string{"/usr/bin/true"}
	}
	prefix := line[:len(line)-len(strings.TrimLeft(line, "@-:+!"))]
	for _, c := range prefix {
		im.note(commands[0].pos, "the %q in front of the command is not carried", string(c))
	}
	if strings.Contains(prefix, "@") && len(command) > 1 { // the second word is the name that the program is called by
		command = append(command[:1], command[2:]...)
	}
	if !strings.HasPrefix(command[0], "/") {
		im.note(commands[0].pos, "%q is taken for /usr/bin/%s: a policy names the program by its path", command[0], command[0])
		command[0] = "/usr/bin/" + command[0]
	}
	for i, w := range command[1:] {
		command[i+1] = im.variables(commands[0], w, environment, strings.Contains(prefix, ":"))
	}
	m.set("command", "%s", inline(command))
	if len(pairs) > 0 {
		for i, name := range pairs {
			pairs[i] = quoted(name) + ": " + quoted(environment[name])
		}
		m.set("environment", "{%s}", strings.Join(pairs, ", "))
	}
}

// variables expands the variables of a word of a command, as far as Environment has them.
func (im *importer) variables(a *assignment, s string, environment map[string]string, literal bool) string {
	if literal || !strings.Contains(s, "$") {
		return s
	}
	var b strings.Builder
	for s != "" {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			break
		}
		if rest, double := strings.CutPrefix(after, "$"); double {
			b.WriteByte('$')
			s = rest
			continue
		}
		name, rest := after, ""
		if inner, braced := strings.CutPrefix(after, "{"); braced {
			name, rest, _ = strings.Cut(inner, "}")
		}
		value, known := environment[name]
		if !known {
			im.note(a.pos, "the variable %q is not carried: Environment does not have it, so it is left empty", name)
		}
		b.WriteString(value)
		s = rest
	}
	return b.String()
}

// user reads who the program is, and what it may do as that one.
func (im *importer) user(u *unit, m *moduleYAML) {
	name, _ := u.text(u.scalar("Service", "User"))
	group, grouped := u.text(u.scalar("Service", "Group"))
	dynamic := u.flag("DynamicUser")
	root := !dynamic && (name == "" || name == "root" || name == "0")
	switch {
	case dynamic:
		m.set("user", "{dynamic: true}")
	case name == "":
		m.set("user", "root")
	default:
		m.set("user", "%s", exchange.Scalar(name))
	}
	if grouped && !dynamic && group != "" {
		m.set("group", "%s", exchange.Scalar(group))
	}
	var groups []string // of whom the program is anyway, and named twice, are no mistakes in a unit
	for _, w := range u.words("Service", "SupplementaryGroups") {
		if !slices.Contains(groups, w.text) && (dynamic || w.text != group) {
			groups = append(groups, w.text)
		}
	}
	if len(groups) > 0 {
		m.set("group_add", "%s", inline(groups))
	}
	if dir := u.scalar("Service", "WorkingDirectory"); dir != nil {
		switch s, ok := u.text(dir); {
		case !ok:
		case path.IsAbs(strings.TrimPrefix(s, "-")):
			m.set("working_dir", "%s", exchange.Scalar(path.Clean(strings.TrimPrefix(s, "-"))))
		default:
			im.note(dir.pos, "WorkingDirectory=%s is not carried: it is no absolute path", short(s))
		}
	}
	bounding := im.capabilities(u, "CapabilityBoundingSet", true)
	ambient := im.capabilities(u, "AmbientCapabilities", false)
	have := bounding
	if !root {
		have = map[policy.Capability]bool{}
		for c := range ambient {
			if bounding[c] {
				have[c] = true
			}
		}
		if len(bounding) > len(have) {
			pos := m.pos
			if a := u.scalar("Service", "CapabilityBoundingSet"); a != nil {
				pos = a.pos
			}
			im.note(pos, "%d capabilities of the bounding set are not carried: the program does not have them, and a policy's module can get none",
				len(bounding)-len(have))
		}
	}
	var list []string
	for c := policy.Capability(0); c <= unix.CAP_LAST_CAP; c++ {
		if have[c] {
			list = append(list, c.String())
		}
	}
	m.set("capabilities", "[%s]", strings.Join(list, ", "))
	if a := u.scalar("Service", "NoNewPrivileges"); a == nil || !strings.Contains("1 yes y true t on", strings.ToLower(a.value)) {
		im.note(m.pos, "privileges that execve(2) gives are not carried: a module never gets any (NoNewPrivileges)")
	}
}

// capabilities reads a set as config_parse_capability_set of systemd's load-fragment.c does: the first line replaces what the set begins with, and
// so does one that names none; others add, or with ~ take away.
func (im *importer) capabilities(u *unit, key string, full bool) map[policy.Capability]bool {
	begin := 0
	set := map[policy.Capability]bool{}
	all := func() {
		for c := policy.Capability(0); c <= unix.CAP_LAST_CAP; c++ {
			set[c] = true
		}
	}
	if full {
		all()
		begin = len(set)
	}
	for _, a := range u.list {
		if a.section != "Service" || a.key != key {
			continue
		}
		a.used = true
		s, ok := u.text(a)
		if !ok {
			continue
		}
		names, without := strings.CutPrefix(s, "~")
		sum := map[policy.Capability]bool{}
		for _, w := range strings.Fields(names) {
			if c, ok := capability(w); ok {
				sum[c] = true
			} else {
				im.note(a.pos, "the capability %q is not carried: there is none of that name", short(w))
			}
		}
		if len(sum) == 0 || len(set) == begin {
			clear(set)
			if without {
				all()
			}
		}
		for c := range sum {
			if without {
				delete(set, c)
			} else {
				set[c] = true
			}
		}
	}
	return set
}

func capability(name string) (policy.Capability, bool) {
	for c := policy.Capability(0); c <= unix.CAP_LAST_CAP; c++ {
		if strings.EqualFold(name, c.String()) {
			return c, true
		}
	}
	return 0, false
}

// life reads when the program is started and ended.
func (im *importer) life(u *unit, m *moduleYAML) {
	kind := u.scalar("Service", "Type")
	notify := kind != nil && (kind.value == "notify" || kind.value == "notify-reload")
	if kind != nil && !notify && kind.value != "simple" && kind.value != "exec" {
		im.note(kind.pos, "Type=%s is not carried: a module is the program itself, in the foreground", short(kind.value))
	}
	u.scalar("Service", "NotifyAccess")
	watchdog, _ := im.time(u, "Service", "WatchdogSec", time.Second)
	if notify {
		health := "notify: true"
		if start, ok := im.time(u, "Service", "TimeoutStartSec", time.Second); ok && start > 0 {
			health += ", start_period: " + durationText(start)
		}
		if watchdog > 0 {
			health += ", watchdog: " + durationText(watchdog)
		}
		m.set("healthcheck", "{%s}", health)
	}
	im.restart(u, m)
	if a := u.scalar("Service", "KillSignal"); a != nil {
		if n := unix.SignalNum("SIG" + strings.TrimPrefix(a.value, "SIG")); n > 0 {
			m.set("stop_signal", "%s", unix.SignalName(n))
		} else {
			im.note(a.pos, "KillSignal=%s is not carried: there is no such signal", short(a.value))
		}
	}
	if mode := u.scalar("Service", "KillMode"); mode != nil && mode.value != "mixed" && mode.value != "control-group" {
		im.note(mode.pos, "KillMode=%s is not carried: what a module started ends with it", short(mode.value))
	}
	if d, ok := im.time(u, "Service", "TimeoutStopSec", time.Second); ok && d > 0 {
		m.set("stop_grace_period", "%s", durationText(d))
	}
	if mask := u.scalar("Service", "UMask"); mask != nil && strings.TrimLeft(mask.value, "0") != "22" {
		im.note(mask.pos, "UMask=%s is not carried: a module starts with 0022", short(mask.value))
	}
}

func (im *importer) restart(u *unit, m *moduleYAML) {
	word := u.scalar("Service", "Restart")
	delay, delayed := im.time(u, "Service", "RestartSec", time.Second)
	most, limited := im.time(u, "Service", "RestartMaxDelaySec", time.Second)
	window, inWindow := im.time(u, "Unit", "StartLimitIntervalSec", time.Second)
	burst := u.scalar("Unit", "StartLimitBurst")
	policyWord := "no"
	if word != nil {
		switch word.value {
		case "no", "always", "on-failure":
			policyWord = word.value
		default:
			im.note(word.pos, "Restart=%s is carried as on-failure, which a policy has", short(word.value))
			policyWord = "on-failure"
		}
	}
	if policyWord == "no" {
		m.set("restart", `"no"`)
		return
	}
	keys := "policy: " + policyWord
	if !delayed {
		delay = 100 * time.Millisecond // systemd.service(5)
	}
	if delay > 0 {
		keys += ", delay: " + durationText(delay)
	}
	if !limited || most < delay {
		most = max(delay, 30*time.Second)
		im.note(word.pos, "a module that keeps ending waits longer each time, up to %s", durationText(most))
	}
	keys += ", max_delay: " + durationText(most)
	if inWindow && window > 0 {
		keys += ", window: " + durationText(window)
	}
	if burst != nil {
		if n, err := strconv.Atoi(burst.value); err == nil && n >= 1 && n <= 10_000 {
			keys += fmt.Sprintf(", burst: %d", n)
		} else {
			im.note(burst.pos, "StartLimitBurst=%s is not carried: a policy takes 1 to 10000", short(burst.value))
		}
	}
	m.set("restart", "{%s}", keys)
}

// maxDuration is the longest that a policy takes.
const maxDuration = 24 * time.Hour

// time reads a duration. One that a policy does not take is noted.
func (im *importer) time(u *unit, section, key string, preset time.Duration) (time.Duration, bool) {
	a := u.scalar(section, key)
	if a == nil {
		return 0, false
	}
	d, infinite, ok := duration(a.value, preset)
	switch {
	case !ok:
		im.note(a.pos, "%s=%s is not carried: it is no time", key, short(a.value))
	case infinite, d > maxDuration:
		im.note(a.pos, "%s=%s is not carried: a policy takes at most 24h", key, short(a.value))
		ok = false
	}
	return d, ok
}
