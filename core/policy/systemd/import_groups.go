package systemd

import (
	"fmt"
	"strconv"
	"strings"
)

// groups reads the limits of the control group that the kernel's version 2 has beside the usual ones. Source: systemd.resource-control(5), and
// systemd.service(5) on OOMPolicy=.
func (im *importer) groups(u *unit) (resources []string) {
	for _, l := range []struct {
		directive, key string
		least          uint64
	}{{"MemoryHigh", "memory.high", 4096}, {"MemorySwapMax", "memory.swap.max", 0}} {
		a := u.scalar("Service", l.directive)
		if a == nil || a.value == "infinity" {
			continue
		}
		v, ok := size(a.value)
		if !ok || v < l.least {
			im.note(a.pos, "%s=%s is not carried: a policy takes a size", a.key, short(a.value))
			continue
		}
		text, exact := bytes(v)
		if resources = append(resources, l.key+": "+text); !exact {
			im.note(a.pos, "%s is carried in whole KiB, rounded down", a.key)
		}
	}
	if a := u.scalar("Service", "CPUWeight"); a != nil {
		if v, err := strconv.ParseUint(a.value, 10, 16); err == nil && v >= 1 && v <= 10_000 {
			resources = append(resources, fmt.Sprintf("cpu.weight: %d", v))
		} else {
			im.note(a.pos, "CPUWeight=%s is not carried: a policy takes a number from 1 to 10000", short(a.value))
		}
	}
	if a := u.scalar("Service", "AllowedCPUs"); a != nil {
		if cpus, ok := processors(a.value); ok {
			resources = append(resources, "cpuset.cpus: ["+cpus+"]")
		} else {
			im.note(a.pos, "AllowedCPUs=%s is not carried: a policy takes processors up to 1023, each once", short(a.value))
		}
	}
	if a := u.scalar("Service", "OOMPolicy"); a != nil && a.value == "kill" {
		resources = append(resources, "memory.oom.group: true")
	} else if a != nil && a.value != "continue" {
		im.note(a.pos, "OOMPolicy=%s is not carried: without kill, the kernel ends one process", short(a.value))
	}
	return resources
}

// processors writes a set such as "0-3 6,8" as a policy has it.
func processors(s string) (string, bool) {
	const most = 1023
	seen := map[uint64]bool{}
	var parts []string
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		low, high, isRange := strings.Cut(part, "-")
		a, errA := strconv.ParseUint(low, 10, 16)
		b := a
		var errB error
		if isRange {
			b, errB = strconv.ParseUint(high, 10, 16)
		}
		if errA != nil || errB != nil || b < a || b > most {
			return "", false
		}
		for n := a; n <= b; n++ {
			if seen[n] {
				return "", false
			}
			seen[n] = true
		}
		if parts = append(parts, fmt.Sprint(a)); b > a {
			parts[len(parts)-1] += "-" + fmt.Sprint(b)
		}
	}
	return strings.Join(parts, ", "), len(parts) > 0
}
