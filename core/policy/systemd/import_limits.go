package systemd

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// limits reads resource limits and those of the control group. Source: systemd.exec(5), systemd.resource-control(5).
func (im *importer) limits(u *unit, m *moduleYAML) {
	var limits []string
	for _, name := range []string{"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
		"rttime",
		"sigpending", "stack"} {
		a := u.scalar("Service", "Limit"+strings.ToUpper(name))
		if a == nil {
			continue
		}
		soft, hard, two := strings.Cut(a.value, ":")
		s, ok := rlimit(name, soft)
		h := s
		if two {
			var okHard bool
			h, okHard = rlimit(name, hard)
			ok = ok && okHard
		}
		switch {
		case !ok:
			im.note(a.pos, "%s=%s is not carried: a policy takes a number, or a size in whole KiB, in the range of the limit", a.key, short(a.value))
		case s == h:
			limits = append(limits, name+": "+s)
		default:
			limits = append(limits, fmt.Sprintf("%s: {soft: %s, hard: %s}", name, s, h))
		}
	}
	if len(limits) > 0 {
		m.set("rlimits", "{%s}", strings.Join(limits, ", "))
	}
	var resources []string
	if a := u.scalar("Service", "MemoryMax"); a != nil {
		if v, ok := size(a.value); ok && v >= 4096 {
			text, exact := bytes(v)
			if resources = append(resources, "memory.max: "+text); !exact {
				im.note(a.pos, "MemoryMax is carried in whole KiB, rounded down")
			}
		} else if a.value != "infinity" {
			im.note(a.pos, "MemoryMax=%s is not carried: a policy takes a size of at least a page", short(a.value))
		}
	}
	if a := u.scalar("Service", "TasksMax"); a != nil {
		if v, err := strconv.ParseUint(a.value, 10, 32); err == nil && v > 0 && v <= 1<<22 {
			resources = append(resources, fmt.Sprintf("pids.max: %d", v))
		} else if a.value != "infinity" {
			im.note(a.pos, "TasksMax=%s is not carried: a policy takes a number", short(a.value))
		}
	}
	if cpu := im.cpu(u); cpu != "" {
		resources = append(resources, cpu)
	}
	resources = append(append(resources, im.groups(u)...), im.disks(u)...)
	if len(resources) > 0 {
		m.set("resources", "{%s}", strings.Join(resources, ", "))
	}
}

func (im *importer) cpu(u *unit) string {
	a := u.scalar("Service", "CPUQuota")
	period := 100 * time.Millisecond
	if p, ok := im.time(u, "Service", "CPUQuotaPeriodSec", time.Second); ok && p >= time.Millisecond && p <= time.Second {
		period = p
	}
	if a == nil {
		return ""
	}
	number, percent := strings.CutSuffix(a.value, "%")
	v, err := strconv.ParseFloat(number, 64)
	quota := int64(v * float64(period.Microseconds()) / 100)
	if !percent || err != nil || !(v > 0 && v <= 1_000_000) || quota < 1000 {
		im.note(a.pos, "CPUQuota=%s is not carried: a policy takes a share of at least a millisecond in a period", short(a.value))
		return ""
	}
	return fmt.Sprintf(`cpu.max: "%d %d"`, quota, period.Microseconds())
}

// rlimit writes one limit as a policy has it.
func rlimit(name, s string) (string, bool) {
	s = strings.TrimSpace(s)
	if s == "infinity" {
		return "unlimited", true
	}
	switch name {
	case "cpu":
		d, _, ok := duration(s, time.Second)
		return durationText(d), ok && d >= time.Second && d%time.Second == 0 && d <= maxDuration
	case "rttime":
		d, _, ok := duration(s, time.Microsecond)
		return durationText(d), ok && d <= maxDuration
	case "as", "core", "data", "fsize", "memlock", "msgqueue", "rss", "stack":
		v, ok := size(s)
		text, exact := bytes(v)
		return text, ok && exact
	}
	v, err := strconv.ParseUint(s, 10, 31)
	highest := map[string]uint64{"nice": 40, "rtprio": 99, "nofile": 1 << 30, "nproc": 1 << 22}[name]
	return fmt.Sprint(v), err == nil && (highest == 0 || v <= highest)
}

// bytes writes a size as a policy has it, which knows no bytes: rounded down to whole KiB, and then it is false.
func bytes(v uint64) (string, bool) {
	if v == 0 {
		return "0", true
	}
	exact := v%1024 == 0
	v /= 1024
	for _, suffix := range []string{"K", "M", "G"} {
		if v%1024 != 0 {
			return fmt.Sprint(v) + suffix, exact
		}
		v /= 1024
	}
	return fmt.Sprint(v) + "T", exact
}
