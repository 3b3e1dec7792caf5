package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// checkAttributes reports what the supervisor may not give.
func (c *compiler) checkAttributes() {
	c.keys = c.usesKeys()
	a := &c.module.Attributes
	for _, v := range [...]struct {
		key   string
		value policy.Value[int]
		need  policy.Capability
	}{{"nice", a.Nice, unix.CAP_SYS_NICE}, {"oom_score_adj", a.OOMScoreAdj, unix.CAP_SYS_RESOURCE}} {
		// The kernel asks for them in the first user namespace. Source: setpriority(2), proc_pid_oom_score_adj(5).
		if v.value.V < 0 && (!c.facts.UserNS.Initial || c.facts.Capabilities.Effective>>v.need&1 == 0) {
			c.problem("E616", v.value.Pos, fmt.Sprintf("%s %d takes %s, which the supervisor does not have", v.key, v.value.V, v.need),
				"write 0 or more, or run the supervisor as root with that capability")
		}
	}
}

// hostProc returns the host's /proc as the child can use it for its own files, whatever is mounted.
func (b *builder) hostProc() int {
	if b.proc < 0 {
		b.proc = b.Add(program.Prepare{Kind: program.HostPath, Path: "/proc", Directory: true})
	}
	return b.proc
}

// write writes a text to a file of the process's own below /proc.
func (b *builder) write(o program.Origin, file, text string) {
	b.call(o, "openat", unix.SYS_OPENAT, program.FD(b.hostProc(), "/proc"), b.String("self/"+file),
		program.Const(unix.O_WRONLY|unix.O_CLOEXEC, "O_WRONLY|O_CLOEXEC")).Keep(3)
	b.call(o, "write", unix.SYS_WRITE, program.Kept(3, "$3"), b.String(text), program.Int(len(text)))
}

// usesKeys tells whether the module could do something with a keyring: its filter lets it, the kernel has keys, and the supervisor is under
// no filter, such as that of a container, which would hold for the module, too.
func (c *compiler) usesKeys() bool {
	allowed := slices.ContainsFunc(c.module.Seccomp.Allow, func(s policy.Call) bool {
		return s.Name == "keyctl" || s.Name == "add_key" || s.Name == "request_key"
	})
	if !allowed || c.facts.SeccompMode != 0 {
		return false
	}
	f, err := c.host.File("/proc/sys/kernel/keys")
	if err != nil {
		c.hostError(c.module.Seccomp.Pos, "/proc/sys/kernel/keys", err)
	}
	return f.Kind != Absent
}

// names sets what the module sees as the names of the host, in a uts namespace of its own.
func (b *builder) names() {
	if !b.c.has(unix.CLONE_NEWUTS) {
		return
	}
	a := &b.c.module.Attributes
	name, o := b.c.module.Name, firstOf(b.c.module.Namespaces)
	if a.Hostname.Set() {
		name, o = a.Hostname.V, origin(a.Hostname.Pos)
	}
	b.call(o, "sethostname", unix.SYS_SETHOSTNAME, b.String(name), program.Int(len(name)))
	if d := a.Domainname; d.Set() {
		b.call(origin(d.Pos), "setdomainname", unix.SYS_SETDOMAINNAME, b.String(d.V), program.Int(len(d.V)))
	}
}

// attributes sets what needs the privileges that the process is about to lose. The umask comes when no more files are made.
func (b *builder) attributes() {
	a := &b.c.module.Attributes
	// The clocks of the new namespace can be set until a process is in it, which this one is from its exec on. Source: time_namespaces(7).
	if b.c.has(unix.CLONE_NEWTIME) {
		for _, clock := range [...]struct {
			name  string
			ahead policy.Value[time.Duration]
		}{{"monotonic", a.Monotonic}, {"boottime", a.Boottime}} {
			if clock.ahead.V != 0 {
				b.write(origin(clock.ahead.Pos), "timens_offsets", offset(clock.name, clock.ahead.V))
			}
		}
	}
	if a.OOMScoreAdj.Set() {
		b.write(origin(a.OOMScoreAdj.Pos), "oom_score_adj", strconv.Itoa(a.OOMScoreAdj.V))
	}
	if a.Nice.Set() {
		b.call(origin(a.Nice.Pos), "setpriority", unix.SYS_SETPRIORITY, program.Const(unix.PRIO_PROCESS, "PRIO_PROCESS"), program.Int(0), program.Int(a.Nice.V))
	}
	if len(a.CPUAffinity) > 0 {
		mask := make([]byte, (a.CPUAffinity[len(a.CPUAffinity)-1].V/64+1)*8)
		for _, cpu := range a.CPUAffinity {
			mask[cpu.V/8] |= 1 << (cpu.V % 8) // little endian, as amd64 and arm64 are
		}
		b.call(firstOf(a.CPUAffinity), "sched_setaffinity", unix.SYS_SCHED_SETAFFINITY, program.Int(0), program.Int(len(mask)),
			program.At(b.Bytes(mask), fmt.Sprintf("{%d processors}", len(a.CPUAffinity))))
	}
	if a.Umask.Set() {
		b.call(origin(a.Umask.Pos), "umask", unix.SYS_UMASK, program.Const(uint64(a.Umask.V), fmt.Sprintf("%04o", a.Umask.V)))
	}
}

// offset is a line of /proc/PID/timens_offsets: seconds, which may be negative, and nanoseconds, which are not.
func offset(clock string, ahead time.Duration) string {
	seconds, nanos := int64(ahead/time.Second), int64(ahead%time.Second)
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+int64(time.Second)
	}
	return fmt.Sprintf("%s %d %d\n", clock, seconds, nanos)
}

// detach leaves what ties the process to the supervisor besides its descriptors: the session keyring, whose keys a module could read
// and to which it could add some (session-keyring(7)), and the personality, with which somebody may have turned address space
// randomization off (personality(2)).
func (b *builder) detach() {
	join := b.call(everyModule, "keyctl", unix.SYS_KEYCTL, program.Const(unix.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"), program.Null())
	join.MayFail = !b.c.keys
	b.call(everyModule, "personality", unix.SYS_PERSONALITY, program.Const(0, "PER_LINUX"))
}
