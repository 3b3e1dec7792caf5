package conformance

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const (
	sameUID = ^posix.UID(0)
	sameGID = ^posix.GID(0)
)

func credentialsCases() []Case {
	return slices.Concat(identityCases(), usersCases(), capabilityCases())
}

// users reports what the process is.
func (t *T) users(what string, want posix.Uids) {
	t.Helper()
	var got posix.Uids
	t.Must("getresuid", t.Core.Getresuid(&got))
	t.Equal(what, got, want)
	t.Equal(what+": getuid", t.Core.Getuid(), want.Real)
	t.Equal(what+": geteuid", t.Core.Geteuid(), want.Effective)
}

func (t *T) groups(what string, want posix.Gids) {
	t.Helper()
	var got posix.Gids
	t.Must("getresgid", t.Core.Getresgid(&got))
	t.Equal(what, got, want)
	t.Equal(what+": getgid", t.Core.Getgid(), want.Real)
	t.Equal(what+": getegid", t.Core.Getegid(), want.Effective)
}

func identityCases() []Case {
	user := func(t *T) {
		t.Must("setresuid", t.Core.Setresuid(posix.Uids{Real: 1, Effective: 2, Saved: 3}))
		t.users("after setresuid", posix.Uids{Real: 1, Effective: 2, Saved: 3})
	}
	group := func(t *T) {
		t.Must("setresgid", t.Core.Setresgid(posix.Gids{Real: 1, Effective: 2, Saved: 3}))
		t.groups("after setresgid", posix.Gids{Real: 1, Effective: 2, Saved: 3})
	}
	sameUser := func(t *T) {
		var u posix.Uids
		t.Must("getresuid", t.Core.Getresuid(&u))
		t.users("the same", u)
	}
	sameGroup := func(t *T) {
		var g posix.Gids
		t.Must("getresgid", t.Core.Getresgid(&g))
		t.groups("the same", g)
	}
	nobody := func(t *T) {
		t.Must("setresuid", t.Core.Setresuid(posix.Uids{Real: 5, Effective: 5, Saved: 5}))
		t.users("for good", posix.Uids{Real: 5, Effective: 5, Saved: 5})
		t.Errno("back", t.Core.Setresuid(posix.Uids{}), unix.EPERM)
	}
	noGroup := func(t *T) {
		t.Must("setresgid", t.Core.Setresgid(posix.Gids{Real: sameGID, Effective: 5, Saved: sameGID}))
		t.groups("effective only", posix.Gids{Effective: 5})
	}
	return []Case{
		{Op: posix.OpGetuid, Name: "what was set", Need: Root, Alone: true, Run: user},
		{Op: posix.OpGetuid, Name: "of getresuid", Run: sameUser},
		{Op: posix.OpGetuid, Name: "dropped", Need: Root, Alone: true, Run: nobody},
		{Op: posix.OpGeteuid, Name: "what was set", Need: Root, Alone: true, Run: user},
		{Op: posix.OpGeteuid, Name: "of getresuid", Run: sameUser},
		{Op: posix.OpGeteuid, Name: "dropped", Need: Root, Alone: true, Run: nobody},
		{Op: posix.OpGetresuid, Name: "what was set", Need: Root, Alone: true, Run: user},
		{Op: posix.OpGetresuid, Name: "of getuid", Run: sameUser},
		{Op: posix.OpGetresuid, Name: "dropped", Need: Root, Alone: true, Run: nobody},
		{Op: posix.OpGetgid, Name: "what was set", Need: Root, Alone: true, Run: group},
		{Op: posix.OpGetgid, Name: "of getresgid", Run: sameGroup},
		{Op: posix.OpGetgid, Name: "effective only", Need: Root, Alone: true, Run: noGroup},
		{Op: posix.OpGetegid, Name: "what was set", Need: Root, Alone: true, Run: group},
		{Op: posix.OpGetegid, Name: "of getresgid", Run: sameGroup},
		{Op: posix.OpGetegid, Name: "effective only", Need: Root, Alone: true, Run: noGroup},
		{Op: posix.OpGetresgid, Name: "what was set", Need: Root, Alone: true, Run: group},
		{Op: posix.OpGetresgid, Name: "of getgid", Run: sameGroup},
		{Op: posix.OpGetresgid, Name: "effective only", Need: Root, Alone: true, Run: noGroup},
	}
}

func usersCases() []Case {
	return []Case{
		{Op: posix.OpSetresuid, Name: "nothing", Run: func(t *T) {
			t.Errno("setresuid", t.Core.Setresuid(posix.Uids{Real: sameUID, Effective: sameUID, Saved: sameUID}), 0)
		}},
		{Op: posix.OpSetresuid, Name: "another user", Need: User, Run: func(t *T) {
			t.Errno("setresuid", t.Core.Setresuid(posix.Uids{Real: sameUID, Effective: 0, Saved: sameUID}), unix.EPERM)
		}},
		{Op: posix.OpSetresuid, Name: "the saved one again, with the capabilities", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("leave", t.Core.Setresuid(posix.Uids{Real: sameUID, Effective: 5, Saved: 0}))
			var caps posix.CapSets
			t.Must("capget", t.Core.Capget(&caps))
			t.Equal("effective", caps.Effective, uint64(0))
			t.Equal("permitted stays", caps.Permitted != 0, true)
			t.Must("come back", t.Core.Setresuid(posix.Uids{Real: sameUID, Effective: 0, Saved: sameUID}))
			t.Must("capget", t.Core.Capget(&caps))
			t.Equal("effective", caps.Effective, caps.Permitted)
		}},
		{Op: posix.OpSetresuid, Name: "all three drop the capabilities", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("setresuid", t.Core.Setresuid(posix.Uids{Real: 5, Effective: 5, Saved: 5}))
			var caps posix.CapSets
			t.Must("capget", t.Core.Capget(&caps))
			t.Equal("permitted", caps.Permitted|caps.Effective, uint64(0))
		}},
		{Op: posix.OpSetresgid, Name: "nothing", Run: func(t *T) {
			t.Errno("setresgid", t.Core.Setresgid(posix.Gids{Real: sameGID, Effective: sameGID, Saved: sameGID}), 0)
		}},
		{Op: posix.OpSetresgid, Name: "another group", Need: User, Run: func(t *T) {
			t.Errno("setresgid", t.Core.Setresgid(posix.Gids{Real: sameGID, Effective: 0, Saved: sameGID}), unix.EPERM)
		}},
		{Op: posix.OpSetresgid, Name: "among its own, without capabilities", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("setresgid", t.Core.Setresgid(posix.Gids{Real: 1, Effective: 2, Saved: 3}))
			t.Must("setresuid", t.Core.Setresuid(posix.Uids{Real: 5, Effective: 5, Saved: 5}))
			t.Errno("swap", t.Core.Setresgid(posix.Gids{Real: 3, Effective: 1, Saved: 2}), 0)
			t.groups("swapped", posix.Gids{Real: 3, Effective: 1, Saved: 2})
			t.Errno("another", t.Core.Setresgid(posix.Gids{Real: 4, Effective: sameGID, Saved: sameGID}), unix.EPERM)
		}},
		{Op: posix.OpSetgroups, Name: "come back in order", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("setgroups", t.Core.Setgroups([]posix.GID{9, 3, 3, 7}))
			got := make([]posix.GID, 8)
			n, err := t.Core.Getgroups(got)
			t.Errno("getgroups", err, 0)
			t.Equal("groups", slices.Equal(got[:n], []posix.GID{3, 3, 7, 9}), true)
		}},
		{Op: posix.OpSetgroups, Name: "without the capability", Need: User, Run: func(t *T) {
			t.Errno("setgroups", t.Core.Setgroups([]posix.GID{0}), unix.EPERM)
			t.Errno("too many", t.Core.Setgroups(make([]posix.GID, 65537)), unix.EPERM)
		}},
		{Op: posix.OpSetgroups, Name: "too many", Need: Root, Alone: true, Run: func(t *T) {
			t.Errno("setgroups", t.Core.Setgroups(make([]posix.GID, 65537)), unix.EINVAL)
		}},
		{Op: posix.OpGetgroups, Name: "too small", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("setgroups", t.Core.Setgroups([]posix.GID{1, 2}))
			_, err := t.Core.Getgroups(make([]posix.GID, 1))
			t.Errno("getgroups", err, unix.EINVAL)
		}},
		{Op: posix.OpGetgroups, Name: "only counted", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("setgroups", t.Core.Setgroups([]posix.GID{1, 2}))
			n, err := t.Core.Getgroups(nil)
			t.Errno("getgroups", err, 0)
			t.Equal("groups", n, 2)
		}},
		{Op: posix.OpGetgroups, Name: "none", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("setgroups", t.Core.Setgroups(nil))
			n, err := t.Core.Getgroups(make([]posix.GID, 4))
			t.Errno("getgroups", err, 0)
			t.Equal("groups", n, 0)
		}},
	}
}

func capabilityCases() []Case {
	return []Case{
		{Op: posix.OpCapget, Name: "of an ordinary user", Need: User, Run: func(t *T) {
			caps := posix.CapSets{Effective: 1, Permitted: 1, Inheritable: 1}
			t.Errno("capget", t.Core.Capget(&caps), 0)
			t.Equal("effective", caps.Effective, uint64(0))
			t.Equal("permitted", caps.Permitted, uint64(0))
		}},
		{Op: posix.OpCapget, Name: "of user 0", Need: Root, Run: func(t *T) {
			var caps posix.CapSets
			t.Errno("capget", t.Core.Capget(&caps), 0)
			t.Equal("may change users", caps.Effective&(1<<unix.CAP_SETUID) != 0, true)
		}},
		{Op: posix.OpCapget, Name: "what was set", Need: Root, Alone: true, Run: func(t *T) {
			want := posix.CapSets{Effective: 1, Permitted: 3, Inheritable: 2}
			t.Must("capset", t.Core.Capset(&want))
			var got posix.CapSets
			t.Errno("capget", t.Core.Capget(&got), 0)
			t.Equal("sets", got, want)
		}},
		{Op: posix.OpCapset, Name: "permitted does not grow", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("capset", t.Core.Capset(&posix.CapSets{Permitted: 1}))
			t.Errno("more", t.Core.Capset(&posix.CapSets{Permitted: 3}), unix.EPERM)
			t.Errno("inheritable", t.Core.Capset(&posix.CapSets{Permitted: 1, Inheritable: 2}), unix.EPERM)
		}},
		{Op: posix.OpCapset, Name: "effective is a part of permitted", Need: Root, Alone: true, Run: func(t *T) {
			t.Errno("capset", t.Core.Capset(&posix.CapSets{Effective: 3, Permitted: 1}), unix.EPERM)
		}},
		{Op: posix.OpCapset, Name: "nothing, as a user", Need: User, Alone: true, Run: func(t *T) {
			t.Errno("nothing", t.Core.Capset(&posix.CapSets{}), 0)
			t.Errno("something", t.Core.Capset(&posix.CapSets{Permitted: 1}), unix.EPERM)
			t.Errno("none that there is", t.Core.Capset(&posix.CapSets{Permitted: 1 << 63}), 0)
		}},
	}
}
