package systemd

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// confinement writes who the program is, what it may use, and its namespaces. Source: systemd.exec(5), systemd.resource-control(5).
func (w *writer) confinement(m *policy.Module) {
	switch {
	case m.DynamicUser.V:
		w.set("DynamicUser", "yes")
	case m.User.Set():
		w.set("User", "%s", m.User.V)
		w.note(m.User.Pos, "the user %s has to be there: systemd does not make it, sysusers.d(5) does", m.User.V)
	default:
		w.note(m.Pos, "no user is written, and systemd would run the program as root: set User=")
	}
	if m.Group.Set() {
		w.set("Group", "%s", m.Group.V)
	}
	if len(m.GroupAdd) > 0 {
		names := make([]string, len(m.GroupAdd))
		for i, g := range m.GroupAdd {
			names[i] = g.V
		}
		w.set("SupplementaryGroups", "%s", strings.Join(names, " "))
	}
	var caps []string
	for _, c := range m.Capabilities {
		caps = append(caps, "CAP_"+strings.TrimPrefix(strings.ToUpper(c.V.String()), "CAP_"))
	}
	w.set("CapabilityBoundingSet", "%s", strings.Join(caps, " "))
	w.set("AmbientCapabilities", "%s", strings.Join(caps, " "))
	w.set("NoNewPrivileges", "yes")
	w.namespaces(m)
	for _, l := range m.Rlimits {
		w.set("Limit"+strings.ToUpper(l.Name), "%s:%s", limit(l.Soft), limit(l.Hard))
	}
	for _, r := range m.Resources {
		w.resource(r)
	}
	for _, b := range m.BestEffort {
		w.note(b.Pos, "best_effort: %s is not carried: systemd decides by itself what may be missing", b.V)
	}
}

func (w *writer) namespaces(m *policy.Module) {
	own := false
	for _, n := range m.Namespaces {
		switch n.V {
		case unix.CLONE_NEWNET:
			own = true
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
			pos := n.Pos
			if !n.Set() {
				pos = m.Pos
			}
			w.note(pos, "the %s namespace is not carried: systemd 252 has no directive for it", n.V)
		}
	}
	for _, v := range []policy.Value[[]uint16]{m.Connect, m.Bind} {
		if v.Set() {
			w.note(v.Pos, "a list of ports is not carried: systemd 252 has no directive for ports to connect to, and one for ports to bind in the control group only")
		}
	}
	if m.Scope.Set() {
		w.note(m.Scope.Pos, "scope is not carried: systemd has no directive for it")
	}
	if own && m.Network.V == policy.NetworkNone {
		w.set("IPAddressDeny", "any") // systemd's network has a loopback device that is up
	}
}

func (w *writer) resource(r policy.Resource) {
	switch {
	case r.Key == "io.max":
		w.disk(r)
	case r.Limit < 0:
	case r.Key == "memory.max":
		w.set("MemoryMax", "%d", r.Limit)
	case r.Key == "memory.high":
		w.set("MemoryHigh", "%d", r.Limit)
	case r.Key == "memory.swap.max":
		w.set("MemorySwapMax", "%d", r.Limit)
	case r.Key == "memory.oom.group":
		w.set("OOMPolicy", "kill")
	case r.Key == "cpu.weight":
		w.set("CPUWeight", "%d", r.Limit)
	case r.Key == "io.weight":
		w.set("IOWeight", "%d", r.Limit)
	case r.Key == "cpuset.cpus":
		w.set("AllowedCPUs", "%s", strings.ReplaceAll(r.Set, ",", " "))
	case r.Key == "pids.max":
		w.set("TasksMax", "%d", r.Limit)
	case r.Key == "cpu.max" && r.Period > 0:
		hundredths := max(r.Limit*10_000/r.Period, 1)
		w.set("CPUQuota", "%s%%", strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(float64(hundredths)/100, 'f', 2, 64), "0"), "."))
		w.set("CPUQuotaPeriodSec", "%dus", r.Period)
		if r.Limit*10_000%r.Period != 0 {
			w.note(r.Pos, "cpu.max is carried in hundredths of a percent, rounded down")
		}
	default:
		w.note(r.Pos, "%s is not carried", r.Key)
	}
}

// rateDirectives are those of the rates of a disk, in the order of policy.RateNames. Source: systemd.resource-control(5).
var rateDirectives = [...]string{"IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax"}

// disk writes the rates of one disk. systemd takes the path of a device or of a file, and no numbers; /dev/block has a name for each.
func (w *writer) disk(r policy.Resource) {
	device := r.Device
	switch {
	case !strings.HasPrefix(device, "/"):
		device = "/dev/block/" + device
	case strings.ContainsAny(device, " \t\"'\\%"):
		w.note(r.Pos, "io.max of %s is not carried: systemd takes no such path there", device)
		return
	}
	for i, rate := range r.Rates.List() {
		if rate > 0 {
			w.set(rateDirectives[i], "%s %d", device, rate)
		}
	}
}

func limit(v uint64) string {
	if v == ^uint64(0) {
		return "infinity"
	}
	return fmt.Sprint(v)
}
