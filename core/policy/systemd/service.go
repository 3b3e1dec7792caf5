package systemd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// service writes the unit of a module. Source: systemd.unit(5), systemd.service(5).
func (w *writer) service(p *policy.Policy, m *policy.Module) {
	w.section("Unit")
	w.set("Description", "Module %s", m.Name)
	for _, l := range sockets(m) {
		w.set("Requires", "%s", socketName(m, l.Name))
		w.set("After", "%s", socketName(m, l.Name))
	}
	if p.Kernel.Set() {
		w.set("AssertKernelVersion", ">=%d.%d", p.Kernel.V.Major, p.Kernel.V.Minor)
	}
	if m.Restart.Policy.V != "no" {
		w.set("StartLimitIntervalSec", "%dms", m.Restart.Window.V.Milliseconds())
		w.set("StartLimitBurst", "%d", m.Restart.Burst.V)
	}
	w.section("Service")
	w.life(m)
	w.listeners(m)
	w.confinement(m)
	w.files(m)
	w.calls(m)
	w.section("Install")
	w.set("WantedBy", "multi-user.target")
}

// life writes what runs, and when it is started and ended.
func (w *writer) life(m *policy.Module) {
	w.set("Type", "%s", w.kind(m))
	words := make([]string, len(m.Command))
	for i, c := range m.Command {
		words[i] = argument(c.V)
	}
	w.set("ExecStart", "%s", strings.Join(words, " "))
	for _, e := range m.Environment {
		w.set("Environment", "%s", quote(e.Name+"="+e.Value))
	}
	w.attributes(&m.Attributes)
	w.note(m.Pos, "the environment has what systemd sets by itself (PATH, INVOCATION_ID and others), too")
	w.set("WorkingDirectory", "%s", escape(m.WorkingDir.V))
	w.health(m)
	w.set("Restart", "%s", m.Restart.Policy.V)
	if m.Restart.Policy.V != "no" {
		w.set("RestartSec", "%dms", m.Restart.Delay.V.Milliseconds())
		w.note(m.Restart.Policy.Pos, "restart: max_delay and reset_after are not carried: systemd waits RestartSec each time")
	}
	w.set("KillSignal", "%s", signal(m.StopSignal.V))
	w.set("KillMode", "mixed") // the signal goes to the program; what is left of its children is killed
	w.set("TimeoutStopSec", "%dms", m.StopGracePeriod.V.Milliseconds())
	if m.Replicas.V > 1 {
		w.note(m.Replicas.Pos, "replicas: %d is not carried: a unit runs one instance", m.Replicas.V)
	}
	if m.UpdateOrder.V == "start-first" {
		w.note(m.UpdateOrder.Pos, "update_config: start-first is not carried: systemd stops before it starts")
	}
	for _, a := range m.Accept {
		w.note(a.Pos, "accept is not carried: it is about findings of `supervisor policy audit`")
	}
}

// kind returns what systemd waits for before it takes a service for started. Source: systemd.service(5), "Type="; exec_child() of systemd 252
// writes to the manager behind the filter when it is exec.
func (w *writer) kind(m *policy.Module) string {
	d, err := seccomp.Resolve(m.Seccomp)
	switch {
	case err != nil: // which is told where the calls are
	case m.Health.Kind.V == "notify" && notifies(d):
		return "notify"
	case !lets(d, "write"):
		w.note(m.Seccomp.Pos, "Type=exec is not written: systemd would have to write behind its filter, and the policy does not allow it; "+
			"so it does not notice when the program cannot be started")
		return "simple"
	}
	return "exec"
}

// notifies tells whether a program can send to NOTIFY_SOCKET: sd_notify(3).
func notifies(d *seccomp.Decision) bool {
	nr, has := seccomp.Number("socket")
	sends := lets(d, "sendmsg") || lets(d, "sendto") || lets(d, "connect")
	if !has || !sends {
		return false
	}
	const kinds = 0xf // SOCK_TYPE_MASK of linux/net.h: without SOCK_CLOEXEC and SOCK_NONBLOCK
	data := bpf.Data{Arch: seccomp.Native().Audit(), Nr: nr, Args: [6]uint64{unix.AF_UNIX, unix.SOCK_DGRAM}}
	for answer := range d.Answers(data, [6]uint64{0xffffffff, kinds}) {
		if answer == bpf.RetAllow {
			return true
		}
	}
	return false
}

// signal returns a signal's name, or its number where it has none.
func signal(number int) string {
	if name := unix.SignalName(syscall.Signal(number)); name != "" {
		return name
	}
	return fmt.Sprint(number)
}

func (w *writer) health(m *policy.Module) {
	switch m.Health.Kind.V {
	case "tcp":
		w.note(m.Health.Pos, "the healthcheck of tcp is not carried: systemd does not probe")
	case "notify":
		if d, err := seccomp.Resolve(m.Seccomp); err != nil || !notifies(d) {
			w.note(m.Health.Pos, "the healthcheck is not carried: systemd has NOTIFY_SOCKET alone, for which the policy allows no socket; the service is "+
				"ready when it is started, and nobody watches it")
			return
		}
		w.set("NotifyAccess", "main")
		w.set("BindReadOnlyPaths", "/run/systemd/notify") // NOTIFY_SOCKET: the root is empty otherwise
	}
	if d := m.Health.Watchdog.V; d > 0 {
		w.set("WatchdogSec", "%dms", d.Milliseconds())
	}
	if d := m.Health.StartTimeout(); d > 0 {
		w.set("TimeoutStartSec", "%dms", d.Milliseconds())
	}
}

// listeners writes how the sockets come to the program.
func (w *writer) listeners(m *policy.Module) {
	for _, l := range m.Listeners {
		if !listener(l) {
			w.note(l.Pos, "%s as descriptor %d is not carried: systemd gives the notify socket in NOTIFY_SOCKET alone", l.Name, l.FD)
		}
	}
	if len(sockets(m)) == 0 {
		return
	}
	nginx := "NGINX="
	for _, l := range sockets(m) {
		w.set("Sockets", "%s", socketName(m, l.Name))
		nginx += fmt.Sprint(l.FD) + ";"
	}
	if m.ListenerProtocol.V == "nginx" {
		w.set("Environment", "%s", quote(nginx)) // nginx finds out by the addresses which is which
		w.set("NonBlocking", "yes")              // it leaves an inherited socket as it is, and would wait in accept(2)
		return
	}
	if len(sockets(m)) > 1 {
		w.note(m.Listeners[0].Pos, "which listener is which descriptor is not carried: systemd does not keep the order; LISTEN_FDNAMES says it")
	}
}

// listener tells whether a reference is to a listener of the policy, and not to one of the supervisor's own sockets.
func listener(ref policy.ListenerRef) bool { return !strings.HasPrefix(ref.Name, "@") }

// sockets returns the references of a module to listeners of the policy.
func sockets(m *policy.Module) []policy.ListenerRef {
	return slices.DeleteFunc(slices.Clone(m.Listeners), func(ref policy.ListenerRef) bool { return !listener(ref) })
}

// attributes writes the directives of systemd.exec(5) for what the kernel keeps of a process.
func (w *writer) attributes(a *policy.Attributes) {
	w.set("UMask", "%04o", a.Umask.V)
	if a.Nice.Set() {
		w.set("Nice", "%d", a.Nice.V)
	}
	if a.OOMScoreAdj.Set() {
		w.set("OOMScoreAdjust", "%d", a.OOMScoreAdj.V)
	}
	if len(a.CPUAffinity) > 0 {
		cpus := make([]string, len(a.CPUAffinity))
		for i, c := range a.CPUAffinity {
			cpus[i] = strconv.Itoa(c.V)
		}
		w.set("CPUAffinity", "%s", strings.Join(cpus, " "))
	}
	for _, v := range []policy.Value[string]{a.Hostname, a.Domainname} {
		if v.Set() {
			w.note(v.Pos, "the name %s is not carried: systemd 252 has no directive for it", v.V)
		}
	}
	for _, v := range []policy.Value[time.Duration]{a.Monotonic, a.Boottime} {
		if v.Set() {
			w.note(v.Pos, "an offset of a clock is not carried: systemd has no directive for it")
		}
	}
}
