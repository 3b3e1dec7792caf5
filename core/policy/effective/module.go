package effective

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// life writes how a module runs.
func (w *writer) life(m *policy.Module) {
	w.line(2, m.Command[0].Pos, "command: %s", list(m.Command, func(v policy.Value[string]) string { return v.V }))
	if len(m.Environment) > 0 {
		w.heading(2, "environment:")
		for _, v := range m.Environment {
			w.line(3, v.Pos, "%s: %s", strconv.Quote(v.Name), text(v.Value))
		}
	}
	w.account("user", m.User)
	if m.DynamicUser.V {
		w.line(2, m.DynamicUser.Pos, "user: {dynamic: true}")
	}
	w.account("group", m.Group)
	if len(m.GroupAdd) > 0 {
		w.line(2, firstPos(m.GroupAdd), "group_add: %s", list(m.GroupAdd, func(v policy.Value[string]) string { return v.V }))
	}
	w.value("working_dir", m.WorkingDir)
	if len(m.Listeners) > 0 {
		w.heading(2, "listeners:")
		for _, r := range m.Listeners {
			w.line(3, r.Pos, "%s: %d", text(r.Name), r.FD)
		}
		w.value("listener_protocol", m.ListenerProtocol)
	}
	w.line(2, m.Replicas.Pos, "replicas: %d", m.Replicas.V)
	w.health(m.Health)
	w.line(2, m.UpdateOrder.Pos, "update_config: {order: %s}", m.UpdateOrder.V)
	w.restart(m.Restart)
	for _, s := range m.Sections() {
		if s.Key == "stop_signal" {
			w.line(2, m.StopSignal.Pos, "stop_signal: %s", s.Items[0])
		}
	}
	w.duration(2, "stop_grace_period", m.StopGracePeriod)
}

func (w *writer) duration(depth int, key string, v policy.Value[time.Duration]) {
	w.line(depth, v.Pos, "%s: %s", key, v.V)
}

func (w *writer) health(h policy.Health) {
	if h.Kind.V == "" {
		return
	}
	w.heading(2, "healthcheck:")
	if h.Kind.V == "tcp" {
		w.line(3, h.Kind.Pos, "tcp: %q", h.Addr)
		w.duration(3, "interval", h.Interval)
		w.duration(3, "timeout", h.Timeout)
		w.line(3, h.Retries.Pos, "retries: %d", h.Retries.V)
	} else {
		w.line(3, h.Kind.Pos, "%s: true", h.Kind.V)
	}
	if h.StartPeriod.Set() {
		w.duration(3, "start_period", h.StartPeriod)
	}
	if h.Watchdog.Set() {
		w.duration(3, "watchdog", h.Watchdog)
	}
}

func (w *writer) restart(r policy.Restart) {
	if r.Policy.V == "no" {
		w.line(2, r.Policy.Pos, `restart: "no"`)
		return
	}
	w.heading(2, "restart:")
	w.line(3, r.Policy.Pos, "policy: %s", text(r.Policy.V))
	w.duration(3, "delay", r.Delay)
	w.duration(3, "max_delay", r.MaxDelay)
	w.line(3, r.Burst.Pos, "burst: %d", r.Burst.V)
	w.duration(3, "window", r.Window)
	w.duration(3, "reset_after", r.ResetAfter)
}

// restrictions writes what a module may do, but for its system calls.
func (w *writer) restrictions(m *policy.Module) {
	w.line(2, firstPos(m.Namespaces), "namespaces: %s", list(m.Namespaces, func(v policy.Value[policy.Namespace]) string { return v.V.String() }))
	w.network(m)
	w.line(2, firstPos(m.Capabilities), "capabilities: %s", list(m.Capabilities, func(v policy.Value[policy.Capability]) string { return v.V.String() }))
	w.heading(2, "filesystem:")
	for _, f := range m.Filesystem {
		w.line(3, f.Pos, "- {%s}", mount(f))
	}
	if len(m.Rlimits) > 0 {
		w.heading(2, "rlimits:")
	}
	for _, l := range m.Rlimits {
		if l.Soft == l.Hard {
			w.line(3, l.Pos, "%s: %s", l.Name, limit(l.Name, l.Soft))
		} else {
			w.line(3, l.Pos, "%s: {soft: %s, hard: %s}", l.Name, limit(l.Name, l.Soft), limit(l.Name, l.Hard))
		}
	}
	if len(m.Resources) > 0 {
		w.heading(2, "resources:")
	}
	for i, r := range m.Resources {
		switch {
		case r.Device == "":
			w.line(3, r.Pos, "%s: %s", r.Key, resource(r))
			continue
		case i == 0 || m.Resources[i-1].Key != r.Key:
			w.heading(3, "%s:", r.Key)
		}
		w.line(4, r.Pos, "%s: {%s}", text(r.Device), rates(r.Rates))
	}
	w.attributes(&m.Attributes)
	w.line(2, firstPos(m.BestEffort), "best_effort: %s", list(m.BestEffort, func(v policy.Value[string]) string { return v.V }))
}

// network writes the mode, and what Landlock restricts where that was said.
func (w *writer) network(m *policy.Module) {
	if !m.Connect.Set() && !m.Bind.Set() && !m.Scope.Set() {
		w.line(2, m.Network.Pos, "network: {mode: %s}", m.Network.V)
		return
	}
	w.heading(2, "network:")
	w.line(3, m.Network.Pos, "mode: %s", m.Network.V)
	for _, l := range []struct {
		key   string
		ports policy.Value[[]uint16]
	}{{"connect", m.Connect}, {"bind", m.Bind}} {
		switch {
		case !l.ports.Set():
		case len(l.ports.V) == 0:
			w.line(3, l.ports.Pos, "%s: []", l.key)
		default:
			w.line(3, l.ports.Pos, "%s: [{tcp: [%s]}]", l.key, policy.Ports(l.ports.V))
		}
	}
	if m.Scope.Set() {
		w.line(3, m.Scope.Pos, "scope: [%s]", strings.Join(m.Scope.V, ", "))
	}
}

// attributes writes what was said; the umask always, which has a default of ours.
func (w *writer) attributes(a *policy.Attributes) {
	if a.Hostname.Set() {
		w.value("hostname", a.Hostname)
	}
	if a.Domainname.Set() {
		w.value("domainname", a.Domainname)
	}
	w.line(2, a.Umask.Pos, `umask: "%04o"`, a.Umask.V)
	if a.Nice.Set() {
		w.line(2, a.Nice.Pos, "nice: %d", a.Nice.V)
	}
	if a.OOMScoreAdj.Set() {
		w.line(2, a.OOMScoreAdj.Pos, "oom_score_adj: %d", a.OOMScoreAdj.V)
	}
	if len(a.CPUAffinity) > 0 {
		w.line(2, firstPos(a.CPUAffinity), "cpu_affinity: %s", list(a.CPUAffinity, func(v policy.Value[int]) string { return strconv.Itoa(v.V) }))
	}
	if a.Monotonic.Set() || a.Boottime.Set() {
		w.heading(2, "time_offsets:")
	}
	if a.Monotonic.Set() {
		w.duration(3, "monotonic", a.Monotonic)
	}
	if a.Boottime.Set() {
		w.duration(3, "boottime", a.Boottime)
	}
}

func mount(f policy.Mount) string {
	parts := []string{"path: " + text(f.Path)}
	if f.Source != "" {
		parts = append(parts, "source: "+text(f.Source))
	}
	switch f.Kind {
	case policy.MountTmpfs:
		parts = append(parts, "tmpfs: "+Size(f.Size), fmt.Sprintf(`mode: "%04o"`, f.Mode))
	case policy.MountProc:
		parts = append(parts, "proc: "+f.Subset)
		if f.Hide != "" {
			parts = append(parts, "hidepid: "+f.Hide)
		}
		parts = append(parts, procPaths("masked", f.Path, f.Masked)...)
		parts = append(parts, procPaths("read_only", f.Path, f.ReadOnly)...)
	case policy.MountCgroup:
		parts = append(parts, "cgroup: own")
	case policy.MountControl:
		parts = append(parts, "control: self")
	case policy.MountDev:
		parts = append(parts, "dev: minimal")
	}
	if f.Kind != policy.MountControl && f.Kind != policy.MountDev {
		parts = append(parts, "access: "+f.Access.String())
	}
	if f.Optional {
		parts = append(parts, "if_exists: true")
	}
	if f.NoSymFollow {
		parts = append(parts, "nosymfollow: true")
	}
	return strings.Join(parts, ", ")
}

// procPaths writes a list of paths in a proc, when the policy has it.
func procPaths(key, mount string, p policy.ProcPaths) []string {
	if !p.Written() {
		return nil
	}
	var words []string
	if p.Default.V {
		words = append(words, "default")
	}
	for _, v := range p.Own {
		words = append(words, text(mount+"/"+v.V))
	}
	return []string{key + ": [" + strings.Join(words, ", ") + "]"}
}

// limit writes a resource limit in the unit that the language has for it.
func limit(name string, v uint64) string {
	switch {
	case v == ^uint64(0):
		return "unlimited"
	case policy.RlimitType(name) == policy.TypeSize:
		return Size(int64(v))
	case name == "rttime":
		return (time.Duration(v) * time.Microsecond).String()
	case policy.RlimitType(name) == policy.TypeDuration:
		return (time.Duration(v) * time.Second).String()
	}
	return strconv.FormatUint(v, 10)
}

func rates(r policy.IORates) string {
	return strings.NewReplacer("=", ": ", " ", ", ").Replace(r.String())
}

func resource(r policy.Resource) string {
	switch {
	case r.Key == "cpu.max" && r.Limit < 0:
		return fmt.Sprintf(`"max %d"`, r.Period)
	case r.Key == "cpu.max":
		return fmt.Sprintf(`"%d %d"`, r.Limit, r.Period)
	case r.Limit < 0:
		return "max"
	case r.Set != "":
		return "[" + strings.ReplaceAll(r.Set, ",", ", ") + "]"
	}
	switch policy.ResourceType(r.Key) {
	case policy.TypeSize:
		return Size(r.Limit)
	case policy.TypeTrue:
		return "true"
	}
	return strconv.FormatInt(r.Limit, 10)
}

// Size writes a number of bytes, which the language has in multiples of 1024 only.
func Size(n int64) string {
	unit := ""
	for _, u := range []string{"K", "M", "G", "T"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return strconv.FormatInt(n, 10) + unit
}

func firstPos[T any](list []policy.Value[T]) policy.Pos {
	if len(list) == 0 {
		return policy.Pos{}
	}
	return list[0].Pos
}
