package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// maxPidsMax is the highest pids.max that is not "max". Source: PIDS_MAX in kernel/cgroup/pids.c.
const maxPidsMax = 1 << 22

// show returns what a file of a group reads.
func (g *group) show(p *Process, name string) string {
	flag := func(set bool) int {
		if set {
			return 1
		}
		return 0
	}
	switch name {
	case "cgroup.controllers":
		return line(g.available().String())
	case "cgroup.subtree_control":
		return line(g.enabled.String())
	case "cgroup.procs", "cgroup.threads":
		var b strings.Builder
		for _, member := range g.members() {
			fmt.Fprintln(&b, p.number(member))
		}
		return b.String()
	case "cgroup.events":
		return fmt.Sprintf("populated %d\nfrozen %d\n", flag(g.populated > 0), flag(g.frozen))
	case "cgroup.freeze":
		return fmt.Sprintf("%d\n", flag(g.frozen))
	case "cgroup.type":
		return "domain\n"
	case "cgroup.stat":
		count := -1
		g.each(func(*group) { count++ })
		return fmt.Sprintf("nr_descendants %d\nnr_dying_descendants 0\n", count)
	case "pids.max":
		return line(limitText(g.pidsMax))
	case "pids.current":
		return line(strconv.FormatInt(g.charged, 10))
	case "pids.peak":
		return line(strconv.FormatInt(g.peak, 10))
	case "pids.events":
		return fmt.Sprintf("max %d\n", g.refused)
	case "cpu.stat":
		return "usage_usec 0\nuser_usec 0\nsystem_usec 0\nnice_usec 0\n" + map[bool]string{
			true: "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n"}[g.parent != nil && g.available()&cpuController != 0]
	case "memory.events":
		return "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"
	case "memory.stat":
		return "anon 0\nfile 0\nkernel 0\n"
	case "memory.current", "memory.peak", "memory.swap.current", "memory.low", "memory.min", "memory.oom.group":
		return line(orElse(g.values[name], "0"))
	case "cpu.weight":
		return line(orElse(g.values[name], "100"))
	case "cpu.max":
		return line(orElse(g.values[name], "max 100000"))
	case "io.max", "io.stat":
		return g.values[name]
	}
	return line(orElse(g.values[name], "max"))
}

// line ends a text that is not empty with a newline, as the kernel ends an empty one too.
func line(s string) string { return s + "\n" }

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func limitText(n int64) string {
	if n < 0 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// limit returns a limit that was written; not ok when there is none.
func (g *group) limit(name string) (int64, bool) {
	n, err := strconv.ParseInt(g.values[name], 10, 64)
	return n, err == nil
}

// store does what writing to a file of a group does.
func (g *group) store(p *Process, f *file, name, value string) posix.Errno {
	switch name {
	case "cgroup.procs":
		return g.take(p, f, value)
	case "cgroup.threads", "cgroup.type":
		return eopnotsupp // there are no threads here
	case "cgroup.subtree_control":
		return g.control(value)
	case "cgroup.kill", "cgroup.freeze", "memory.oom.group":
		n, err := strconv.ParseInt(value, 0, 32)
		switch {
		case err != nil:
			return einval
		case name == "cgroup.kill" && n != 1, n != 0 && n != 1:
			return erange
		case name == "cgroup.kill":
			g.kill()
		case name == "cgroup.freeze":
			g.freeze(n == 1)
		default:
			g.values[name] = value
		}
		return 0
	case "pids.max":
		n, errno := parseLimit(value, maxPidsMax-1)
		if errno == 0 {
			g.pidsMax = n
		}
		return errno
	case "cgroup.max.depth", "cgroup.max.descendants":
		n, errno := parseLimit(value, 1<<31-1)
		if errno == 0 {
			g.values[name] = limitText(n)
		}
		return errno
	case "cpu.max":
		return g.setCPU(value)
	case "cpu.weight":
		n, err := strconv.ParseUint(value, 0, 64)
		if err != nil {
			return einval
		}
		if n < 1 || n > 10000 {
			return erange
		}
	case "io.max":
		return einval // the machine has no disks
	default:
		return g.setMemory(name, value)
	}
	g.values[name] = value
	return 0
}

// parseLimit reads "max" or a number up to most.
func parseLimit(s string, most int64) (int64, posix.Errno) {
	if s == "max" {
		return noLimit, 0
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || n < 0 || n > most {
		return 0, einval
	}
	return n, 0
}

// setMemory reads a number of bytes, which is rounded down to pages. Source: page_counter_memparse.
func (g *group) setMemory(name, value string) posix.Errno {
	if value == "max" {
		g.values[name] = value
		return 0
	}
	n, ok := memparse(value)
	if !ok {
		return einval
	}
	g.values[name] = strconv.FormatInt(n/pageSize*pageSize, 10)
	return 0
}

// setCPU reads "QUOTA [PERIOD]" in microseconds. Source: cpu_max_write, tg_set_cfs_bandwidth.
func (g *group) setCPU(value string) posix.Errno {
	quota, rest, _ := strings.Cut(value, " ")
	period := "100000"
	if fields := strings.Fields(g.values["cpu.max"]); len(fields) == 2 {
		period = fields[1]
	}
	if rest = strings.TrimSpace(rest); rest != "" {
		period = rest
	}
	n, err := strconv.ParseUint(period, 10, 63)
	if err != nil || n < 1000 || n > 1_000_000 {
		return einval
	}
	if quota != "max" {
		q, err := strconv.ParseUint(quota, 10, 63)
		if err != nil || q < 1000 {
			return einval
		}
	}
	g.values["cpu.max"] = quota + " " + period
	return 0
}

// take moves a process into the group: its number in the pid namespace of the writer, 0 for the writer itself. Who opened the file must be allowed
// to.
// Source: __cgroup_procs_write.
func (g *group) take(p *Process, f *file, value string) posix.Errno {
	pid, err := strconv.ParseInt(value, 0, 32)
	if err != nil || pid < 0 {
		return einval
	}
	target := p.findOrSelf(posix.PID(pid))
	if target == nil || target.state == ended || target.state == reaped {
		return esrch
	}
	if errno := p.mayMigrate(&f.opener, target.in, g); errno != 0 {
		return errno
	}
	g.migrate(target)
	return 0
}

// control switches controllers on and off for the children. Source: cgroup_subtree_control_write.
func (g *group) control(value string) posix.Errno {
	var on, off controllers
	for _, token := range strings.Fields(value) {
		bit := controllers(0)
		for i, name := range controllerNames {
			if token[1:] == name {
				bit = 1 << i
			}
		}
		switch {
		case bit == 0 || token[0] != '+' && token[0] != '-':
			return einval
		case token[0] == '+':
			on, off = on|bit, off&^bit
		default:
			on, off = on&^bit, off|bit
		}
	}
	on, off = on&^g.enabled, off&g.enabled
	if on&^g.available() != 0 {
		return enoent
	}
	for _, child := range g.children {
		if child.enabled&off != 0 {
			return ebusy
		}
	}
	if on&domainControllers != 0 && g.parent != nil && len(g.processes) > 0 {
		return ebusy
	}
	g.enabled = g.enabled&^off | on
	for _, child := range g.children {
		child.supply(on, off)
	}
	return 0
}

// kill ends all processes of the group and of those below, process 1 of the machine and of pid namespaces too.
func (g *group) kill() {
	g.each(func(g *group) {
		for _, p := range g.members() {
			g.k.send(p, posix.SignalInfo{Signal: unix.SIGKILL, Code: siKernel}, true)
		}
	})
}

// freeze notes that the group is frozen.
func (g *group) freeze(on bool) {
	if g.frozen != on {
		g.frozen = on
		g.event()
	}
}
