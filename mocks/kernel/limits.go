package kernel

import (
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// maxNofile is the highest RLIMIT_NOFILE. Source: fs.nr_open in proc_sys_fs(5).
const maxNofile = 1 << 20

// Prlimit implements [posix.Limits].
func (p *Process) Prlimit(pid posix.PID, resource int, new, old *posix.Rlimit) error {
	c, errno := p.enter(posix.OpPrlimit, uint64(pid), uint64(resource), pointer(new != nil), somewhere)
	if errno == 0 {
		errno = p.prlimit(pid, resource, new, old)
	}
	return c.leave(errno)
}

// prlimit is prlimit(2). Source: kernel/sys.c.
func (p *Process) prlimit(pid posix.PID, resource int, new, old *posix.Rlimit) posix.Errno {
	target := p.findOrSelf(pid)
	switch {
	case target == nil:
		return esrch
	case !p.mayLimit(target):
		return eperm
	case resource < 0 || resource >= rlimits:
		return einval
	}
	was := target.limits[resource]
	if new != nil {
		switch {
		case new.Soft > new.Hard:
			return einval
		case resource == unix.RLIMIT_NOFILE && new.Hard > maxNofile,
			new.Hard > was.Hard && !p.cred.has(unix.CAP_SYS_RESOURCE):
			return eperm
		}
		target.limits[resource] = *new
	}
	if old != nil {
		*old = was
	}
	return 0
}

// mayLimit is the permission to read and set limits. Source: kernel/sys.c, check_prlimit_permission.
func (p *Process) mayLimit(target *Process) bool {
	u, g := p.cred.uids.Real, p.cred.gids.Real
	its, groups := target.cred.uids, target.cred.gids
	return p == target ||
		u == its.Real && u == its.Effective && u == its.Saved && g == groups.Real && g == groups.Effective && g == groups.Saved ||
		p.capableIn(target.cred.user, unix.CAP_SYS_RESOURCE)
}

// The machine, as uname(2) shows it.
const (
	release = "6.12.0-bulkhead"
	version = "#1 SMP PREEMPT_DYNAMIC"
)

// Uname implements [posix.Limits].
func (p *Process) Uname() (posix.Utsname, error) {
	c, errno := p.enter(posix.OpUname, somewhere)
	var u posix.Utsname
	if errno == 0 {
		machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
		if machine == "" {
			machine = runtime.GOARCH
		}
		u = posix.Utsname{Sysname: "Linux", Nodename: p.ns.uts.node, Release: release, Version: version, Machine: machine}
	}
	return u, c.leave(errno)
}

// Getrandom implements [posix.Hardening]. The bytes are those of the machine's seed.
func (p *Process) Getrandom(b []byte, flags int) (int, error) {
	c, errno := p.enter(posix.OpGetrandom, somewhere, uint64(len(b)), uint64(flags))
	n := 0
	if errno == 0 {
		n, errno = p.getrandom(b, flags)
	}
	return n, c.leave(errno)
}

// getrandom is getrandom(2). Source: drivers/char/random.c.
func (p *Process) getrandom(b []byte, flags int) (int, posix.Errno) {
	const both = unix.GRND_INSECURE | unix.GRND_RANDOM
	if flags&^(unix.GRND_NONBLOCK|both) != 0 || flags&both == both {
		return 0, einval
	}
	var word uint64
	for i := range b {
		if i%8 == 0 {
			word = p.k.rng.Uint64()
		}
		b[i] = byte(word)
		word >>= 8
	}
	return len(b), 0
}
