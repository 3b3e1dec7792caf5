package differential

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func clockGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpClockGettime] = func(g *generator) {
		clock := pick(g, unix.CLOCK_MONOTONIC, unix.CLOCK_REALTIME, unix.CLOCK_BOOTTIME, 99, -1)
		g.do(step{posix.OpClockGettime, fmt.Sprintf("clock_gettime %d", clock), func(s *side) outcome {
			at, err := s.core.ClockGettime(clock)
			return answer(err, at.Nsec >= 0 && at.Nsec < 1e9)
		}})
	}
	t[posix.OpClockNanosleep] = func(g *generator) {
		clock, flags := pick(g, unix.CLOCK_MONOTONIC, unix.CLOCK_REALTIME, unix.CLOCK_BOOTTIME, unix.CLOCK_MONOTONIC, 99, unix.CLOCK_THREAD_CPUTIME_ID), pick(g, 0, unix.TIMER_ABSTIME)
		request := pick(g, posix.Timespec{}, posix.Timespec{}, posix.Timespec{Nsec: 1000}, posix.Timespec{Nsec: 1000}, posix.Timespec{Nsec: -1}, posix.Timespec{Nsec: 1e9}, posix.Timespec{Sec: -1})
		g.do(step{posix.OpClockNanosleep, fmt.Sprintf("clock_nanosleep %d %d %v", clock, flags, request), func(s *side) outcome {
			return answer(s.core.ClockNanosleep(clock, flags, request, nil))
		}})
	}
}

func credentialGenerators(t *[posix.OpCount]func(g *generator)) {
	number := func(op posix.Op, name string, f func(core posix.Core) uint32) {
		t[op] = func(g *generator) {
			g.do(step{op, name, func(s *side) outcome { return answer(nil, f(s.core)) }})
		}
	}
	number(posix.OpGetuid, "getuid", func(c posix.Core) uint32 { return uint32(c.Getuid()) })
	number(posix.OpGeteuid, "geteuid", func(c posix.Core) uint32 { return uint32(c.Geteuid()) })
	number(posix.OpGetgid, "getgid", func(c posix.Core) uint32 { return uint32(c.Getgid()) })
	number(posix.OpGetegid, "getegid", func(c posix.Core) uint32 { return uint32(c.Getegid()) })
	t[posix.OpGetgroups] = func(g *generator) {
		size := pick(g, 0, 64, 64, 1)
		g.do(step{posix.OpGetgroups, fmt.Sprintf("getgroups %d", size), func(s *side) outcome {
			groups := make([]posix.GID, size)
			n, err := s.core.Getgroups(groups)
			return answer(err, n, groups)
		}})
	}
	t[posix.OpCapget] = func(g *generator) {
		g.do(step{posix.OpCapget, "capget", func(s *side) outcome {
			var sets posix.CapSets
			err := s.core.Capget(&sets)
			return answer(err, fmt.Sprintf("%#x", sets))
		}})
	}
	t[posix.OpGetresuid] = func(g *generator) {
		g.do(step{posix.OpGetresuid, "getresuid", func(s *side) outcome {
			var ids posix.Uids
			err := s.core.Getresuid(&ids)
			return answer(err, ids)
		}})
	}
	t[posix.OpGetresgid] = func(g *generator) {
		g.do(step{posix.OpGetresgid, "getresgid", func(s *side) outcome {
			var ids posix.Gids
			err := s.core.Getresgid(&ids)
			return answer(err, ids)
		}})
	}
	// In a program that goes on in the same process, these only set what is set already.
	t[posix.OpSetresuid] = func(g *generator) {
		keep := ^posix.UID(0)
		u := posix.Uids{Real: keep, Effective: keep, Saved: keep}
		if g.alone {
			u = posix.Uids{Real: g.uid(), Effective: g.uid(), Saved: g.uid()}
		}
		g.do(step{posix.OpSetresuid, fmt.Sprintf("setresuid %d", u), func(s *side) outcome { return answer(s.core.Setresuid(u)) }})
	}
	t[posix.OpSetresgid] = func(g *generator) {
		keep := ^posix.GID(0)
		u := posix.Gids{Real: keep, Effective: keep, Saved: keep}
		if g.alone {
			u = posix.Gids{Real: posix.GID(g.uid()), Effective: posix.GID(g.uid()), Saved: posix.GID(g.uid())}
		}
		g.do(step{posix.OpSetresgid, fmt.Sprintf("setresgid %d", u), func(s *side) outcome { return answer(s.core.Setresgid(u)) }})
	}
	t[posix.OpSetgroups] = func(g *generator) {
		groups := pick(g, nil, []posix.GID{1000}, []posix.GID{3, 2, 1000}, make([]posix.GID, 65537))
		if !g.alone {
			groups = pick(g, nil, groups)
			if len(groups) < 65537 {
				groups = nil
			}
		}
		g.do(step{posix.OpSetgroups, fmt.Sprintf("setgroups of %d", len(groups)), func(s *side) outcome { return answer(s.core.Setgroups(groups)) }})
	}
	t[posix.OpCapset] = func(g *generator) {
		drop := uint64(0)
		if g.alone {
			drop = pick[uint64](g, 0, 1<<unix.CAP_CHOWN, 1<<unix.CAP_DAC_OVERRIDE, 1<<unix.CAP_FOWNER, 1<<unix.CAP_SETUID, ^uint64(0))
		}
		add, fromPermitted := pick[uint64](g, 0, 0, 1<<60, 1<<unix.CAP_SYS_ADMIN), g.alone && g.chance(50)
		g.do(step{posix.OpCapset, fmt.Sprintf("capset -%#x +%#x %v", drop, add, fromPermitted), func(s *side) outcome {
			var sets posix.CapSets
			if err := s.core.Capget(&sets); err != nil {
				return answer(err)
			}
			sets.Effective = sets.Effective&^drop | add
			if fromPermitted {
				sets.Permitted &^= drop
			}
			return answer(s.core.Capset(&sets))
		}})
	}
}

func limitGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpPrlimit] = func(g *generator) {
		who, resource := pick(g, process{child: -1}, process{child: -1}, g.who()), pick(g, unix.RLIMIT_NOFILE, unix.RLIMIT_FSIZE, unix.RLIMIT_CORE, unix.RLIMIT_NPROC, 99)
		set := resource == unix.RLIMIT_CORE && g.chance(50)
		soft := pick[uint64](g, 0, 1, 1000)
		g.do(step{posix.OpPrlimit, fmt.Sprintf("prlimit %v %d %v %d", who, resource, set, soft), func(s *side) outcome {
			var old posix.Rlimit
			if !set {
				err := s.core.Prlimit(who.on(s), resource, nil, &old)
				return answer(err, old)
			}
			if err := s.core.Prlimit(0, resource, nil, &old); err != nil {
				return answer(err)
			}
			return answer(s.core.Prlimit(who.on(s), resource, &posix.Rlimit{Soft: soft, Hard: old.Hard}, &old), old)
		}})
	}
	t[posix.OpUname] = func(g *generator) {
		g.do(step{posix.OpUname, "uname", func(s *side) outcome {
			u, err := s.core.Uname()
			return answer(err, u.Sysname, u.Machine)
		}})
	}
	t[posix.OpGetrandom] = func(g *generator) {
		size, flags := pick(g, 0, 1, 256, 300), pick(g, 0, 0, unix.GRND_NONBLOCK, 1<<10)
		g.do(step{posix.OpGetrandom, fmt.Sprintf("getrandom %d %d", size, flags), func(s *side) outcome { return answer2(s.core.Getrandom(make([]byte, size), flags)) }})
	}
}

func hardeningGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpPrctl] = func(g *generator) {
		args := pick(g, posix.PrctlArgs{Op: unix.PR_GET_DUMPABLE}, posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: 7}, posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: 99},
			posix.PrctlArgs{Op: unix.PR_GET_NO_NEW_PRIVS}, posix.PrctlArgs{Op: unix.PR_GET_KEEPCAPS}, posix.PrctlArgs{Op: unix.PR_GET_SECUREBITS},
			posix.PrctlArgs{Op: unix.PR_GET_NO_NEW_PRIVS, Arg3: 1}, posix.PrctlArgs{Op: 1 << 20}, posix.PrctlArgs{Op: unix.PR_GET_SECCOMP})
		if g.alone {
			args = pick(g, args, posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1}, posix.PrctlArgs{Op: unix.PR_SET_KEEPCAPS, Arg2: 1},
				posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: 7}, posix.PrctlArgs{Op: unix.PR_SET_SECUREBITS, Arg2: 0x2f}, posix.PrctlArgs{Op: unix.PR_SET_DUMPABLE, Arg2: 1})
		}
		g.do(step{posix.OpPrctl, fmt.Sprintf("prctl %v", args), func(s *side) outcome { return answer2(s.core.Prctl(args)) }})
	}
	t[posix.OpLandlockABI] = func(g *generator) {
		g.do(step{posix.OpLandlockABI, "landlock_abi", func(s *side) outcome {
			abi, err := s.core.LandlockABI()
			return answer(err, abi > 0)
		}})
	}
	t[posix.OpLandlockCreateRuleset] = func(g *generator) {
		attr := posix.LandlockRulesetAttr{HandledAccessFS: pick[uint64](g, 0, 0xc, 0x1fff, 0x1fff, 0x1fff, 0x1fff, 0x1fff, 0x1fff, 0x1fff, 1<<60), HandledAccessNet: pick[uint64](g, 3, 3, 3, 3, 3, 3, 0, 1<<9)}
		o := g.do(step{posix.OpLandlockCreateRuleset, fmt.Sprintf("landlock_create_ruleset %#x", attr), func(s *side) outcome {
			fd, err := s.core.LandlockCreateRuleset(&attr)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: ruleset})
		}
	}
	t[posix.OpLandlockAddPathRule] = func(g *generator) {
		fd, rule := g.fd(ruleset), posix.LandlockPathBeneath{AllowedAccess: pick[uint64](g, 4, 4, 4, 4, 4, 4, 4, 0xc, 0, 1<<60), Parent: g.fd(directory | file | opath)}
		g.do(step{posix.OpLandlockAddPathRule, fmt.Sprintf("landlock_add_rule %d %v", fd, rule), func(s *side) outcome {
			return answer(s.core.LandlockAddPathRule(fd, &rule))
		}})
	}
	t[posix.OpLandlockAddNetRule] = func(g *generator) {
		fd, rule := g.fd(ruleset), posix.LandlockNetPort{AllowedAccess: pick[uint64](g, 1, 2, 3, 3, 3, 3, 3, 0), Port: pick[uint64](g, 0, 80, 443, 443, 8080, 8080, 1<<16)}
		g.do(step{posix.OpLandlockAddNetRule, fmt.Sprintf("landlock_add_rule %d port %v", fd, rule), func(s *side) outcome {
			return answer(s.core.LandlockAddNetRule(fd, &rule))
		}})
	}
	t[posix.OpLandlockRestrictSelf] = func(g *generator) {
		fd := posix.FD(-1)
		if g.alone {
			g.noNewPrivileges()
			fd = g.fd(ruleset)
		}
		g.do(step{posix.OpLandlockRestrictSelf, fmt.Sprintf("landlock_restrict_self %d", fd), func(s *side) outcome {
			return answer(s.core.LandlockRestrictSelf(fd, 0))
		}})
	}
	t[posix.OpSeccompActionAvail] = func(g *generator) {
		action := pick[uint32](g, 0x7fff0000, 0x00050000, 0x80000000, 0, 0x7ffc0000, 0x12340000)
		g.do(step{posix.OpSeccompActionAvail, fmt.Sprintf("seccomp action %#x", action), func(s *side) outcome {
			return answer(s.core.SeccompActionAvail(action))
		}})
	}
	t[posix.OpSeccompGetFilter] = func(g *generator) {
		index := pick(g, 0, 1, -1)
		g.do(step{posix.OpSeccompGetFilter, fmt.Sprintf("filter %d of oneself", index), func(s *side) outcome {
			return answer2(s.core.SeccompGetFilter(s.core.Getpid(), index, nil))
		}})
	}
	t[posix.OpSeccompSetModeFilter] = func(g *generator) {
		denied := denying(pick[uint32](g, unix.SYS_UMASK, unix.SYS_SYMLINKAT, unix.SYS_GETPPID, unix.SYS_MKDIRAT))
		filter := pick(g, denied, denied, denied, denied, denied, nil, []posix.SockFilter{{Code: 0xffff}}, make([]posix.SockFilter, 5000))
		if !g.alone && len(filter) == len(denying(0)) {
			filter = nil
		}
		if g.alone {
			g.noNewPrivileges()
		}
		g.do(step{posix.OpSeccompSetModeFilter, fmt.Sprintf("seccomp filter %v", filter[:min(len(filter), 4)]), func(s *side) outcome {
			return answer2(s.core.SeccompSetModeFilter(0, filter))
		}})
	}
}

// noNewPrivileges is what an ordinary user needs before rulesets and filters, mostly.
func (g *generator) noNewPrivileges() {
	if g.chance(70) {
		g.do(step{posix.OpPrctl, "prctl PR_SET_NO_NEW_PRIVS", func(s *side) outcome {
			return answer2(s.core.Prctl(posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1}))
		}})
	}
}

// denying is a filter that answers one call with ENOLINK and allows all others.
func denying(number uint32) []posix.SockFilter {
	return []posix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOLINK)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
}

func namespaceGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpSetns] = func(g *generator) {
		fd, typ := g.fd(pidfd), pick(g, 0, unix.CLONE_NEWUTS, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC, 1)
		if !g.alone {
			typ = pick(g, 0, unix.CLONE_NEWUTS, unix.CLONE_NEWUTS) // the child's is ours
		}
		g.do(step{posix.OpSetns, fmt.Sprintf("setns %d %#x", fd, typ), func(s *side) outcome { return answer(s.core.Setns(fd, typ)) }})
	}
	t[posix.OpUnshare] = func(g *generator) {
		flags := pick(g, 0, 0, 1, 1<<31)
		if g.alone {
			flags = pick(g, 0, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC, unix.CLONE_NEWNET, unix.CLONE_NEWCGROUP, 1)
		}
		g.do(step{posix.OpUnshare, fmt.Sprintf("unshare %#x", flags), func(s *side) outcome { return answer(s.core.Unshare(flags)) }})
	}
	t[posix.OpOpenTree] = func(g *generator) {
		text, dir := g.dir()
		name := pick(g, ".", ".", g.name())
		if name == "/" { // what is in the root directory is not the same on both sides
			name = "."
		}
		flags := pick[uint32](g, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC, unix.OPEN_TREE_CLOEXEC, unix.OPEN_TREE_CLONE|unix.AT_EMPTY_PATH, 1<<30)
		o := g.do(step{posix.OpOpenTree, fmt.Sprintf("open_tree %s %s %#x", text, show(name), flags), func(s *side) outcome {
			fd, err := s.core.OpenTree(dir(s), name, flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			k := opath
			if flags&unix.OPEN_TREE_CLONE != 0 {
				k = mount
			}
			g.opened(o, handle{fd: o.fds[0], kind: k})
		}
	}
	t[posix.OpMoveMount] = func(g *generator) {
		if g.chance(70) {
			g.generate(posix.OpFsmount)
		}
		if g.chance(30) {
			g.generate(posix.OpMkdirat)
		}
		from := g.mount()
		if last := len(g.handles) - 1; last >= 0 && g.handles[last].kind == mount && g.chance(80) {
			from = g.handles[last].fd
		}
		text, dir := g.dir()
		const empty = unix.MOVE_MOUNT_F_EMPTY_PATH
		if text == fmt.Sprint(posix.AtFDCWD) {
			text, dir = "dir", func(s *side) posix.FD { return s.dir }
		}
		name, flags := pick(g, "d", "e", "d", "e", ".", g.name()), pick[uint32](g, empty, empty, empty, empty, empty, empty, empty, empty, 0, 1<<20)
		if name == "/" { // nothing takes a mount away from there again
			name = "."
		}
		o := g.do(step{posix.OpMoveMount, fmt.Sprintf("move_mount %d %s %s %#x", from, text, show(name), flags), func(s *side) outcome {
			return answer(s.core.MoveMount(posix.Move{FromDir: from, ToDir: dir(s), ToPath: name, Flags: flags}))
		}})
		if o.Errno == 0 {
			g.mounted = g.run.base + "/" + name
		}
	}
	t[posix.OpMountSetattr] = func(g *generator) {
		fd, flags := g.mount(), pick(g, unix.AT_EMPTY_PATH, unix.AT_EMPTY_PATH, unix.AT_EMPTY_PATH, 0, unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
		attr := posix.MountAttr{Set: pick[uint64](g, unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOEXEC, unix.MOUNT_ATTR_NOSUID, 1<<50), Clear: pick[uint64](g, 0, 0, unix.MOUNT_ATTR_NODEV)}
		g.do(step{posix.OpMountSetattr, fmt.Sprintf("mount_setattr %d %#x %#x", fd, flags, attr), func(s *side) outcome {
			a := attr
			return answer(s.core.MountSetattr(fd, "", flags, &a))
		}})
	}
	t[posix.OpFsopen] = func(g *generator) {
		name, flags := pick(g, "tmpfs", "tmpfs", "tmpfs", "tmpfs", "tmpfs", "nosuchfs", ""), pick[uint32](g, unix.FSOPEN_CLOEXEC, unix.FSOPEN_CLOEXEC, unix.FSOPEN_CLOEXEC, unix.FSOPEN_CLOEXEC, 8)
		o := g.do(step{posix.OpFsopen, fmt.Sprintf("fsopen %q %d", name, flags), func(s *side) outcome {
			fd, err := s.core.Fsopen(name, flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: fsconfig})
		}
	}
	t[posix.OpFsconfig] = func(g *generator) {
		c := pick(g, posix.FsConfig{Cmd: unix.FSCONFIG_SET_STRING, Key: "size", Value: "1m"}, posix.FsConfig{Cmd: unix.FSCONFIG_SET_STRING, Key: "mode", Value: "0700"},
			posix.FsConfig{Cmd: unix.FSCONFIG_CMD_CREATE}, posix.FsConfig{Cmd: unix.FSCONFIG_CMD_CREATE}, posix.FsConfig{Cmd: unix.FSCONFIG_SET_STRING, Key: "nonsense", Value: "1"},
			posix.FsConfig{Cmd: unix.FSCONFIG_SET_FLAG, Key: "ro"}, posix.FsConfig{Cmd: 77})
		c.FS = g.fd(fsconfig)
		g.do(step{posix.OpFsconfig, fmt.Sprintf("fsconfig %+v", c), func(s *side) outcome { return answer(s.core.Fsconfig(c)) }})
	}
	t[posix.OpFsmount] = func(g *generator) {
		g.generate(posix.OpFsopen)
		fd := g.fd(fsconfig)
		if len(g.handles) > 0 && g.handles[len(g.handles)-1].kind == fsconfig && g.chance(80) {
			fd = g.handles[len(g.handles)-1].fd
		}
		if g.chance(90) {
			g.do(step{posix.OpFsconfig, fmt.Sprintf("fsconfig %d create", fd), func(s *side) outcome {
				return answer(s.core.Fsconfig(posix.FsConfig{FS: fd, Cmd: unix.FSCONFIG_CMD_CREATE}))
			}})
		}
		attrs := pick[uint32](g, 0, 0, 0, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV, 1<<30)
		o := g.do(step{posix.OpFsmount, fmt.Sprintf("fsmount %d %#x", fd, attrs), func(s *side) outcome {
			m, err := s.core.Fsmount(fd, unix.FSMOUNT_CLOEXEC, attrs)
			return made(err, m)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: mount})
		}
	}
	t[posix.OpUmount2] = func(g *generator) {
		for range 3 {
			if g.mounted == "" || g.chance(30) {
				g.generate(posix.OpMoveMount)
			}
		}
		path, flags := pick(g, g.run.base+"/d", g.run.base+"/e", g.run.base+"/d", g.run.base, "", "/no/such", g.run.base+"/a"), pick(g, unix.MNT_DETACH, unix.MNT_DETACH, unix.MNT_DETACH, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH, 1<<10)
		if g.mounted != "" && g.chance(85) {
			path, g.mounted = g.mounted, ""
		}
		g.do(step{posix.OpUmount2, fmt.Sprintf("umount2 %q %#x", path, flags), func(s *side) outcome { return answer(s.core.Umount2(path, flags)) }})
	}
}

// mount returns a descriptor of a detached mount. The current directory is never given: it is the root of a mount on one of the sides only.
func (g *generator) mount() posix.FD {
	if fd := g.fd(mount); fd != posix.AtFDCWD {
		return fd
	}
	return -1
}

func terminalGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpPosixOpenpt] = func(g *generator) {
		flags := unix.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK | g.flags(unix.O_CLOEXEC)
		o := g.do(step{posix.OpPosixOpenpt, fmt.Sprintf("posix_openpt %#x", flags), func(s *side) outcome {
			fd, err := s.core.PosixOpenpt(flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: master})
		}
	}
	t[posix.OpUnlockpt] = func(g *generator) {
		fd := g.fd(master)
		g.do(step{posix.OpUnlockpt, fmt.Sprintf("unlockpt %d", fd), func(s *side) outcome { return answer(s.core.Unlockpt(fd)) }})
	}
	t[posix.OpOpenPeer] = func(g *generator) {
		if g.chance(80) {
			g.generate(posix.OpUnlockpt)
		}
		fd := g.fd(master)
		o := g.do(step{posix.OpOpenPeer, fmt.Sprintf("open_peer %d", fd), func(s *side) outcome {
			peer, err := s.core.OpenPeer(fd, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK)
			return made(err, peer)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: slave})
		}
	}
	t[posix.OpTcgetattr] = func(g *generator) {
		fd := g.fd(master | slave)
		g.do(step{posix.OpTcgetattr, fmt.Sprintf("tcgetattr %d", fd), func(s *side) outcome {
			var a posix.Termios
			err := s.core.Tcgetattr(fd, &a)
			return answer(err, a)
		}})
	}
	t[posix.OpTcsetattr] = func(g *generator) {
		fd, actions, lflag := g.fd(slave|master), pick(g, 0, 0, 1, 9), pick[uint32](g, 0, unix.ICANON, unix.ECHO|unix.ICANON)
		g.do(step{posix.OpTcsetattr, fmt.Sprintf("tcsetattr %d %d %#x", fd, actions, lflag), func(s *side) outcome {
			var a posix.Termios
			if err := s.core.Tcgetattr(fd, &a); err != nil {
				return answer(err)
			}
			a.Lflag = lflag
			return answer(s.core.Tcsetattr(fd, actions, &a))
		}})
	}
	t[posix.OpTcgetwinsize] = func(g *generator) {
		fd := g.fd(master | slave)
		g.do(step{posix.OpTcgetwinsize, fmt.Sprintf("tcgetwinsize %d", fd), func(s *side) outcome {
			var w posix.Winsize
			err := s.core.Tcgetwinsize(fd, &w)
			return answer(err, w)
		}})
	}
	t[posix.OpTcsetwinsize] = func(g *generator) {
		fd, w := g.fd(master|slave), posix.Winsize{Rows: uint16(g.rng.IntN(100)), Cols: 80}
		g.do(step{posix.OpTcsetwinsize, fmt.Sprintf("tcsetwinsize %d %v", fd, w), func(s *side) outcome { return answer(s.core.Tcsetwinsize(fd, w)) }})
	}
}
