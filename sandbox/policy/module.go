package policy

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxReplicas        = 1000
	defaultGracePeriod = 10 * time.Second
)

// moduleKeys are the keys of a module and of a profile.
func moduleKeys() []string {
	return []string{"extends", "command", "environment", "user", "group", "group_add", "working_dir", "listeners", "listener_protocol",
		"replicas", "restart", "stop_signal", "stop_grace_period", "update_config", "healthcheck", "seccomp", "filesystem", "network",
		"capabilities", "namespaces", "rlimits", "resources", "best_effort", "accept", "hostname", "domainname", "umask", "nice",
		"oom_score_adj", "cpu_affinity", "time_offsets"}
}

// module reads a module, or a profile by itself when d.partial is set.
func (d *decoder) module(name string, at span, n *node) Module {
	m := Module{Name: name, Pos: at.pos, WorkingDir: Value[string]{V: "/"}, ListenerProtocol: Value[string]{V: "systemd"},
		Replicas: Value[int]{V: 1}, Restart: defaultRestart(), StopSignal: Value[int]{V: int(unix.SIGTERM)},
		StopGracePeriod: Value[time.Duration]{V: defaultGracePeriod}, UpdateOrder: Value[string]{V: "stop-first"},
		Health: defaultHealth(), Namespaces: defaultNamespaces(), Attributes: Attributes{Umask: Value[uint32]{V: defaultUmask}}}
	f, ok := d.fields(n, "a module", "a map with command, seccomp, filesystem and more", moduleKeys()...)
	if !ok {
		return m
	}
	need := f.get
	d.within = "profiles." + name
	if !d.partial {
		d.within = "modules." + name
	}
	if !d.partial && !d.lacking {
		need = func(key string) *node {
			return f.need(key, at, "module "+name, requiredExample(key))
		}
	}
	if n := need("command"); n != nil {
		m.Command = d.command(n)
	}
	if n := need("seccomp"); n != nil {
		m.Seccomp = d.seccomp(n)
	}
	if n := need("filesystem"); n != nil {
		m.Filesystem = d.filesystem(n)
	}
	d.life(f, &m)
	d.restrictions(f, &m)
	d.attributes(f, &m)
	if !d.partial {
		d.contradictions(f, &m)
	}
	return m
}

func requiredExample(key string) string {
	switch key {
	case "command":
		return "command: [/path/to/program, argument]"
	case "seccomp":
		return `seccomp: {allow: ["@default", ...]}`
	}
	return "filesystem: [{path: /usr, access: rx}, ...]; what is not listed is not there"
}

// life reads the keys about how a module runs.
func (d *decoder) life(f fields, m *Module) {
	if n := f.get("environment"); n != nil {
		m.Environment = d.environment(n)
	}
	if n := f.get("user"); n != nil {
		d.moduleUser(n, m)
	}
	if n := f.get("group"); n != nil {
		m.Group = d.account(n, "group")
	}
	if n := f.get("group_add"); n != nil {
		m.GroupAdd = d.groupAdd(n)
	}
	if n := f.get("working_dir"); n != nil {
		if s, ok := d.text(n, "a path"); ok {
			if path, ok := d.path(n, s); ok {
				m.WorkingDir = Value[string]{path, n.pos}
			}
		}
	}
	if n := f.get("listeners"); n != nil {
		m.Listeners = d.listenerRefs(n)
	}
	if n := f.get("listener_protocol"); n != nil {
		m.ListenerProtocol = d.choice(n, "listener protocol", "systemd", "nginx")
	}
	if n := f.get("replicas"); n != nil {
		m.Replicas = d.replicas(n)
	}
	if n := f.get("restart"); n != nil {
		m.Restart = d.restart(n)
	}
	if n := f.get("stop_signal"); n != nil {
		m.StopSignal = d.stopSignal(n)
	}
	if n := f.get("stop_grace_period"); n != nil {
		m.StopGracePeriod = d.duration(n, "stop_grace_period")
	}
	if n := f.get("update_config"); n != nil {
		if u, ok := d.fields(n, "update_config", "a map such as {order: start-first}", "order"); ok {
			if n := u.need("order", n.span, "update_config", "order: start-first or order: stop-first"); n != nil {
				m.UpdateOrder = d.choice(n, "update order", "start-first", "stop-first")
			}
		}
	}
	if n := f.get("healthcheck"); n != nil {
		m.Health = d.health(n)
	}
}

// restrictions reads the keys about what a module may do.
func (d *decoder) restrictions(f fields, m *Module) {
	if n := f.get("network"); n != nil {
		m.Network = d.network(n, &m.NetworkRules)
	}
	if n := f.get("capabilities"); n != nil {
		m.Capabilities = d.capabilities(n)
	}
	if n := f.get("namespaces"); n != nil {
		m.Namespaces = d.namespaces(n)
	}
	if n := f.get("rlimits"); n != nil {
		m.Rlimits = d.rlimits(n)
	}
	if n := f.get("resources"); n != nil {
		m.Resources = d.resources(n)
	}
	if n := f.get("best_effort"); n != nil {
		m.BestEffort = d.bestEffort(n, m)
	}
	if n := f.get("accept"); n != nil {
		m.Accept = d.accept(n)
	}
}

// moduleUser reads whom a module runs as: a name, a number, or a user that is chosen for it.
func (d *decoder) moduleUser(n *node, m *Module) {
	if n.kind != kindMap {
		m.User = d.account(n, "user")
		return
	}
	f, ok := d.fields(n, "user", "", "dynamic")
	if !ok {
		return
	}
	v := f.need("dynamic", n.span, "user", "dynamic: true, or name a user")
	switch {
	case v == nil:
	case d.boolean(v):
		m.DynamicUser = Value[bool]{true, v.pos}
	case v.plainKind() == plainBool:
		d.report(codeNoEffect, v.span, "dynamic: false names no user").help("name a user, or remove it")
	}
}

// command reads the program and its arguments.
func (d *decoder) command(n *node) []Value[string] {
	if n.kind == kindScalar && n.plainKind() == plainString {
		parts := strings.Fields(n.text)
		d.wrongType(n, "a list").help("write [%s]; no shell takes a command apart", strings.Join(parts, ", "))
		return nil
	}
	items := d.list(n, "a list: the program and its arguments")
	if n.kind == kindList && len(items) == 0 {
		d.report(codeCommand, n.span, "the command is empty").help("write [/path/to/program, argument]")
	}
	var command []Value[string]
	for i, item := range items {
		v := d.value(item, "a string")
		if i == 0 && v.Set() {
			if !strings.Contains(v.V, "/") {
				d.report(codeCommand, item.span, "%q is not a path", v.V).help("write the path of the program, such as /usr/bin/%s; PATH is not searched", v.V)
				continue
			}
			path, ok := d.path(item, v.V)
			if ok && strings.HasSuffix(v.V, "/") {
				d.report(codeCommand, item.span, "%q is a directory", v.V).help("name a program")
			}
			v.V = path
		}
		command = append(command, v)
	}
	return command
}

// replicas reads how many instances of a module run.
func (d *decoder) replicas(n *node) Value[int] {
	if n.kind == kindMap {
		d.report(codeNotYet, n.span, "replicas that change by themselves are not in this version of supervisor").help("write a number: replicas: 2")
		return Value[int]{}
	}
	return d.number(n, "replicas", 1, maxReplicas)
}
