package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// What executing a file with capabilities gives: measured on Linux 6.18 with cat(1), setpriv(1) and /proc/self/status.
func TestFileCapabilities(t *testing.T) {
	const setuid, setgid = 1 << unix.CAP_SETUID, 1 << unix.CAP_SETGID
	for _, tt := range []struct {
		name                   string
		permitted, inheritable uint64
		effective              bool
		before                 func(p *kernel.Process) // as user 0
		want                   posix.CapSets
		errno                  posix.Errno
	}{
		{name: "permitted and effective", permitted: setuid | setgid, effective: true, want: posix.CapSets{Permitted: setuid | setgid, Effective: setuid | setgid}},
		{name: "permitted", permitted: setuid | setgid, want: posix.CapSets{Permitted: setuid | setgid}},
		{name: "inheritable", inheritable: setuid, before: func(p *kernel.Process) {
			_ = p.Capset(&posix.CapSets{Permitted: setuid | setgid | 1<<unix.CAP_SETPCAP, Effective: setuid | setgid, Inheritable: setuid})
		}, want: posix.CapSets{Permitted: setuid, Inheritable: setuid}},
		{name: "inheritable, of somebody who has none", inheritable: setuid},
		{name: "not in the bounding set", permitted: setuid, before: drop},
		{name: "effective, and not in the bounding set", permitted: setuid, effective: true, before: drop, errno: unix.EPERM},
		{name: "no_new_privs", permitted: setuid, effective: true, before: func(p *kernel.Process) {
			_, _ = p.Prctl(posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1})
		}},
		{name: "no_new_privs, with capabilities kept", permitted: setuid, effective: true, before: func(p *kernel.Process) {
			_, _ = p.Prctl(posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1})
			_, _ = p.Prctl(posix.PrctlArgs{Op: unix.PR_SET_KEEPCAPS, Arg2: 1})
		}, want: posix.CapSets{Permitted: setuid, Effective: setuid}},
		{name: "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := machine(t, kernel.Config{})
			var got posix.CapSets
			must(t, "install", k.Install("/bin/x", 0o755, func(p *kernel.Process, _, _ []string) int {
				must(t, "capget", p.Capget(&got))
				return 0
			}))
			must(t, "set capabilities", k.SetCapabilities("/bin/x", tt.permitted, tt.inheritable, tt.effective))
			pid := fork(t, k.Init(), func(p *kernel.Process) {
				if tt.before != nil {
					tt.before(p)
				}
				must(t, "setresuid", p.Setresuid(posix.Uids{Real: 7, Effective: 7, Saved: 7}))
				if err := p.Execve("/bin/x", []string{"x"}, nil); err != tt.errno {
					t.Errorf("execve: %v, want %v", err, tt.errno)
				}
			})
			if info := reap(t, k.Init(), pid); info.Code != posix.CldExited || got != tt.want {
				t.Errorf("%+v, capabilities %+v, want %+v", info, got, tt.want)
			}
		})
	}
}

// drop takes CAP_SETUID from the bounding set.
func drop(p *kernel.Process) {
	_, _ = p.Prctl(posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: unix.CAP_SETUID})
}
