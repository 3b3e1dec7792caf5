package systemd

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Unit is a unit file.
type Unit struct {
	Name string // such as "web.service"
	Text []byte
}

// writer collects the lines of a unit.
type writer struct {
	b     strings.Builder
	notes *[]exchange.Note
}

func (w *writer) set(key, format string, args ...any) {
	w.b.WriteString(key + "=" + fmt.Sprintf(format, args...) + "\n")
}

func (w *writer) note(pos policy.Pos, format string, args ...any) {
	*w.notes = append(*w.notes, exchange.Note{Pos: pos, Text: fmt.Sprintf(format, args...)})
}

// Export writes the modules of a policy as units, and tells what of the policy they do not have.
func Export(p *policy.Policy) ([]Unit, []exchange.Note) {
	var units []Unit
	var notes []exchange.Note
	for i := range p.Modules {
		m := &p.Modules[i]
		w := &writer{notes: &notes}
		w.service(m)
		units = append(units, Unit{m.Name + ".service", []byte(w.b.String())})
		for _, ref := range m.Listeners {
			for _, l := range p.Listeners {
				if l.Name == ref.Name {
					s := &writer{notes: &notes}
					s.socket(m, l)
					units = append(units, Unit{m.Name + "-" + l.Name + ".socket", []byte(s.b.String())})
				}
			}
		}
	}
	return units, exchange.Sorted(notes)
}

func (w *writer) socket(m *policy.Module, l policy.Listener) {
	w.b.WriteString("[Unit]\n")
	w.set("Description", "Listener %s of %s", l.Name, m.Name)
	w.b.WriteString("\n[Socket]\n")
	switch l.Network {
	case "unix":
		w.set("ListenStream", "%s", escape(l.Path))
		w.set("SocketMode", "%04o", l.Mode.V)
		if l.User.Set() {
			w.set("SocketUser", "%s", l.User.V)
		}
		if l.Group.Set() {
			w.set("SocketGroup", "%s", l.Group.V)
		}
	case "udp":
		w.set("ListenDatagram", "%s", l.Addr)
	default:
		w.set("ListenStream", "%s", l.Addr)
	}
	if l.Network != "udp" {
		w.set("Backlog", "%d", l.Backlog.V)
	}
	w.set("FileDescriptorName", "%s", l.Name)
	w.set("Service", "%s.service", m.Name)
	w.b.WriteString("\n[Install]\nWantedBy=sockets.target\n")
}

func (w *writer) service(m *policy.Module) {
	w.b.WriteString("[Unit]\n")
	w.set("Description", "Module %s", m.Name)
	for _, l := range m.Listeners {
		w.set("Requires", "%s-%s.socket", m.Name, l.Name)
		w.set("After", "%s-%s.socket", m.Name, l.Name)
	}
	w.set("StartLimitIntervalSec", "%dms", m.Restart.Window.V.Milliseconds())
	w.set("StartLimitBurst", "%d", m.Restart.Burst.V)
	w.b.WriteString("\n[Service]\n")
	w.life(m)
	w.confinement(m)
	w.files(m)
	w.calls(m.Seccomp)
	w.b.WriteString("\n[Install]\nWantedBy=multi-user.target\n")
}

func (w *writer) life(m *policy.Module) {
	w.set("Type", "%s", map[bool]string{true: "notify", false: "exec"}[m.Health.Kind.V == "notify"])
	if m.Health.Kind.V == "tcp" {
		w.note(m.Health.Pos, "a healthcheck of tcp is not carried: systemd does not probe")
	}
	if d := m.Health.Watchdog.V; d > 0 {
		w.set("WatchdogSec", "%dms", d.Milliseconds())
	}
	if d := m.Health.StartPeriod.V; d > 0 {
		w.set("TimeoutStartSec", "%dms", d.Milliseconds())
	}
	words := make([]string, len(m.Command))
	for i, c := range m.Command {
		words[i] = quote(c.V)
	}
	w.set("ExecStart", "%s", strings.Join(words, " "))
	for _, e := range m.Environment {
		w.set("Environment", "%s", strings.ReplaceAll(quote(e.Name+"="+e.Value), "$$", "$"))
	}
	switch {
	case m.DynamicUser.V:
		w.set("DynamicUser", "yes")
	case m.User.Set():
		w.set("User", "%s", m.User.V)
	}
	if m.Group.Set() {
		w.set("Group", "%s", m.Group.V)
	}
	w.set("WorkingDirectory", "%s", escape(m.WorkingDir.V))
	if p := m.Restart.Policy.V; p != "" {
		w.set("Restart", "%s", p)
	}
	w.set("RestartSec", "%dms", m.Restart.Delay.V.Milliseconds())
	if m.Restart.MaxDelay.Set() || m.Restart.ResetAfter.Set() {
		w.note(m.Restart.MaxDelay.Pos, "max_delay and reset_after are not carried: systemd waits as long each time")
	}
	w.set("KillSignal", "%d", m.StopSignal.V)
	w.set("TimeoutStopSec", "%dms", m.StopGracePeriod.V.Milliseconds())
	if m.Replicas.V > 1 {
		w.note(m.Replicas.Pos, "replicas: %d is not carried: a unit runs one instance", m.Replicas.V)
	}
	if m.UpdateOrder.Set() {
		w.note(m.UpdateOrder.Pos, "update_config is not carried: systemd stops before it starts")
	}
	if m.ListenerProtocol.V != "systemd" {
		w.note(m.ListenerProtocol.Pos, "listener_protocol %s is not carried: the sockets come in LISTEN_FDS", m.ListenerProtocol.V)
	}
}

func (w *writer) confinement(m *policy.Module) {
	var caps []string
	for _, c := range m.Capabilities {
		caps = append(caps, c.V.String())
	}
	w.set("CapabilityBoundingSet", "%s", strings.Join(caps, " "))
	w.set("AmbientCapabilities", "%s", strings.Join(caps, " "))
	w.set("NoNewPrivileges", "yes")
	for _, n := range m.Namespaces {
		switch n.V {
		case unix.CLONE_NEWNET:
			w.set("PrivateNetwork", "yes")
		case unix.CLONE_NEWIPC:
			w.set("PrivateIPC", "yes")
		case unix.CLONE_NEWUTS:
			w.set("ProtectHostname", "yes")
		case unix.CLONE_NEWUSER:
			w.set("PrivateUsers", "yes")
		case unix.CLONE_NEWNS:
			w.set("PrivateMounts", "yes")
		default:
			w.note(n.Pos, "the %s namespace is not carried: systemd 252 has no directive for it", n.V)
		}
	}
	for _, l := range m.Rlimits {
		w.set("Limit"+strings.ToUpper(l.Name), "%s:%s", limit(l.Soft), limit(l.Hard))
	}
	for _, r := range m.Resources {
		switch {
		case r.Limit < 0:
		case r.Key == "memory.max":
			w.set("MemoryMax", "%d", r.Limit)
		case r.Key == "pids.max":
			w.set("TasksMax", "%d", r.Limit)
		case r.Key == "cpu.max" && r.Period > 0:
			w.set("CPUQuota", "%d%%", max(r.Limit*100/r.Period, 1))
			w.set("CPUQuotaPeriodSec", "%dus", r.Period)
			if r.Limit*100%r.Period != 0 {
				w.note(r.Pos, "cpu.max is carried in whole percents, rounded down")
			}
		default:
			w.note(r.Pos, "%s is not carried", r.Key)
		}
	}
	for _, b := range m.BestEffort {
		w.note(b.Pos, "best_effort: %s is not carried: systemd decides by itself what may be missing", b.V)
	}
}

func limit(v uint64) string {
	if v == ^uint64(0) {
		return "infinity"
	}
	return fmt.Sprint(v)
}

// files writes the file-system list: an empty root, and what is bound into it.
func (w *writer) files(m *policy.Module) {
	w.set("TemporaryFileSystem", "/:ro")
	w.set("NoExecPaths", "/")
	for _, f := range m.Filesystem {
		path := escape(f.Path)
		switch f.Kind {
		case policy.MountBind:
			key := "BindReadOnlyPaths"
			if f.Access&policy.AccessWrite != 0 {
				key = "BindPaths"
			}
			optional := ""
			if f.Optional {
				optional = "-"
			}
			w.set(key, "%s%s", optional, path)
			if f.Access&policy.AccessExecute != 0 {
				w.set("ExecPaths", "%s%s", optional, path)
			}
		case policy.MountTmpfs:
			options := fmt.Sprintf("mode=%04o", f.Mode)
			if f.Size > 0 {
				options += fmt.Sprintf(",size=%d", f.Size)
			}
			if f.Access&policy.AccessWrite == 0 {
				options += ",ro"
			}
			w.set("TemporaryFileSystem", "%s:%s", path, options)
		default:
			w.note(f.Pos, "the mount at %s is not carried: it is none of the host's files and no tmpfs", f.Path)
		}
	}
}

func (w *writer) calls(s policy.Seccomp) {
	w.note(s.Pos, "execve stays allowed: systemd loads its filter before it starts the program")
	w.note(s.Pos, "calls that the table does not have are answered as those that are not allowed")
	var archs, allow []string
	for _, a := range s.Architectures {
		archs = append(archs, strings.ReplaceAll(strings.ReplaceAll(a.V, "_", "-"), "aarch64", "arm64"))
	}
	w.set("SystemCallArchitectures", "%s", strings.Join(archs, " "))
	for _, c := range s.Allow {
		if c.When != nil {
			w.note(c.Pos, "the condition on %s is not carried: systemd looks at no arguments, so the call is not allowed", c.Name)
			continue
		}
		allow = append(allow, c.Name)
	}
	if len(allow) == 0 { // without a list there would be no filter
		allow = []string{"exit_group"}
	}
	for len(allow) > 0 {
		n := min(len(allow), 12)
		w.set("SystemCallFilter", "%s", strings.Join(allow[:n], " "))
		allow = allow[n:]
	}
	for _, c := range s.Deny {
		switch {
		case c.When != nil:
			w.note(c.Pos, "the condition on %s is not carried: systemd looks at no arguments, so the call is denied", c.Name)
			w.set("SystemCallFilter", "~%s", c.Name)
		case c.Answer != nil:
			w.note(c.Pos, "the answer for %s is not carried: it is SystemCallErrorNumber's", c.Name)
		}
	}
	switch s.Denied.V.Kind {
	case policy.ActionErrno:
		w.set("SystemCallErrorNumber", "%d", s.Denied.V.Errno)
	case policy.ActionKillProcess:
		w.set("SystemCallErrorNumber", "kill")
	default:
		w.note(s.Denied.Pos, "denied: %s is not carried; the process is killed", s.Denied.V)
	}
}

// escape doubles the sign of systemd's specifiers.
func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quote writes an argument as systemd.syntax(7) and systemd.service(5) read it back.
func quote(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\n", `\n`, "\t", `\t`).Replace(s)
	return `"` + s + `"`
}
