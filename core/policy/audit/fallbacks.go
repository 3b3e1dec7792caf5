package audit

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// fallback is a call that the C library tries first, and the older one that it takes when the answer is ENOSYS, and only then.
type fallback struct {
	call, older string
	severity    Severity
	breaks      string
}

var fallbacks = []fallback{
	{"clone3", "clone", Medium, "glibc 2.34 and later starts no thread (pthread_create, posix_spawn)"},
	{"faccessat2", "faccessat", Low, "glibc 2.33 and later fails in faccessat with flags"},
	{"fchmodat2", "fchmodat", Low, "glibc 2.39 and later fails in fchmodat with flags"},
	{"statx", "newfstatat", Low, "programs that ask for the time a file was made fail, among them some of glibc's own stat on 32 bits"},
	{"openat2", "openat", Low, "libraries that open below a directory fail (libpathrs, systemd, Samba)"},
	{"renameat2", "renameat", Low, "programs that rename without replacing fail"},
	{"close_range", "close", Low, "programs that close what they inherited fail (closefrom, Python's subprocess)"},
	{"execveat", "execve", Low, "fexecve fails"},
	{"preadv2", "preadv", Low, "preadv2 without flags fails"},
	{"pwritev2", "pwritev", Low, "pwritev2 without flags fails"},
	{"sendmmsg", "sendmsg", Low, "the resolver of glibc fails where it asks for both kinds of address at once"},
	{"clock_gettime64", "clock_gettime", Medium, "32-bit programs know no time"},
	{"futex_time64", "futex", Medium, "32-bit programs cannot wait"},
}

// fallbacks reports calls that are answered otherwise than with ENOSYS though libc waits for that (C07).
func (c *check) fallbacks() {
	for _, f := range fallbacks {
		for _, arch := range c.set.Arches() {
			if _, older := c.findOn(arch, f.older, nil, reach.Open); !older {
				continue
			}
			o, found := c.findOn(arch, f.call, nil, func(answer uint32) bool {
				return !reach.Open(answer) && answer != bpf.RetErrno|uint32(unix.ENOSYS)
			})
			if _, partly := c.findOn(arch, f.call, nil, reach.Open); !found || partly {
				continue
			}
			answer := call.Answer(c.set.Want(o.data))
			c.add(o, Finding{Rule: "C07", Severity: f.severity, Subject: f.call, Gives: "nothing; " + f.breaks, Source: f.call + "(2), ERRORS: ENOSYS",
				Message: fmt.Sprintf("%s is answered with %s, and only ENOSYS makes libraries fall back to %s", f.call, answer, f.older),
				Fix:     fmt.Sprintf("deny: [{call: %s, action: errno ENOSYS}]", f.call)})
			break
		}
	}
}
