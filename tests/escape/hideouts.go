package main

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hideoutAttacks take more than their share: processes, and memory where a limit of address space does not see it.
func hideoutAttacks() []attack {
	const family = "resources"
	memory := func(name, source string, try func(given) (string, error)) attack {
		return attack{name: name, family: family, source: source, try: try, control: asModule, policy: "limits", want: "SIGKILL",
			layer: "cgroup: memory.max", opens: "open", rootOnly: noGroups()}
	}
	return []attack{
		memory("memory-anonymous", "cgroups(7)", fillAnonymous),
		memory("memory-tmpfs", "tmpfs(5): memory that no process has", fillTmpfs),
		memory("memory-memfd", "memfd_create(2)", fillMemfd),
		memory("memory-pipes", "pipe(7): 1 MiB in each of many pipes; CVE-2016-2847", fillPipes),
		memory("memory-sockets", "unix(7): what is sent and not received", fillSockets),
		memory("memory-shm", "shmget(2)", fillShm),
		{name: "fork-bomb", family: family, source: "fork(2); 'fork bomb'", try: forkBomb, control: asModule, policy: "limits", want: "EAGAIN",
			layer: "cgroup: pids.max", opens: "open", rootOnly: noGroups()},
		{name: "fork-bomb-rlimit", family: family, source: "getrlimit(2), RLIMIT_NPROC", try: forkBomb, control: asModule, policy: "rlimits", want: "EAGAIN",
			layer: "rlimits: nproc", opens: "open"},
		{name: "descriptor-flood", family: family, source: "getrlimit(2), RLIMIT_NOFILE", try: openMany, control: asModule, policy: "rlimits", want: "EMFILE",
			layer: "rlimits: nofile", opens: "open"},
		{name: "tmpfs-fill", family: family, source: "tmpfs(5), size", try: fillSmall, control: asModule, policy: "examples/locked", want: "ENOSPC",
			layer: "mounts: size of tmpfs", opens: "open"},
		{name: "mlock", family: family, source: "mlock(2), RLIMIT_MEMLOCK", try: lockMemory, control: asModule, policy: "rlimits", want: "EPERM",
			layer: "rlimits: memlock", opens: "open"},
		{name: "daemonize", family: family, source: "daemon(3): a grandchild in a session of its own outlives its parents", try: daemonize, control: asModule,
			hook: watchDaemon, policy: "open", want: "SIGKILL", layer: "pid namespace"},
		{name: "cgroup-leave", family: family, source: "cgroups(7): a process writes itself into another group", try: leaveGroup,
			policy: "groups", want: "EACCES", user: "EROFS", layer: "Landlock, read-only", rootOnly: noGroups()},
		{name: "cgroup-raise", family: family, source: "cgroups(7): a process raises its own limit", try: raiseLimit,
			policy: "groups", want: "EACCES", user: "EROFS", layer: "Landlock, read-only", rootOnly: noGroups()},
		{name: "release_agent", family: family, source: "CVE-2022-0492: cgroup version 1, mounted in a user namespace", try: releaseAgent, control: apart,
			policy: "open", want: "EPERM", layer: "Landlock", fact: unprivileged("CAP_SYS_ADMIN in the first user namespace")},
		{name: "release_agent-capable", family: family, source: "F. Wilhelm, 'Quick and dirty way out' (2019): with CAP_SYS_ADMIN", try: releaseAgentPlain, control: apart,
			policy: "powers", want: "EPERM", layer: "Landlock", fact: unprivileged("CAP_SYS_ADMIN in the first user namespace")},
		{name: "oom-immunity", family: family, source: "proc(5), oom_score_adj", try: oomScore, control: asModule, policy: "open", want: "EROFS", layer: "mounts: /proc"},
	}
}

// noGroups is why an ordinary user has no sandbox with limits; empty where one was given the group above the own one of version 2.
func noGroups() string {
	above := path.Dir(ownGroup("pids"))
	if unix.Access(above, unix.W_OK) == nil && unix.Access(above+"/cgroup.procs", unix.W_OK) == nil {
		return ""
	}
	return "an ordinary user has no control groups here, cgroups(7)"
}

const (
	much  = 64 << 20 // more than limits.yaml has, less than anybody misses
	chunk = 1 << 20
)

// fill writes zeros to a descriptor until there are so many.
func fill(fd, size int) error {
	b := make([]byte, chunk)
	for done := 0; done < size; {
		n, err := unix.Write(fd, b[:min(chunk, size-done)])
		if err != nil {
			return err
		}
		done += n
	}
	return nil
}

func fillAnonymous(given) (string, error) {
	b, err := unix.Mmap(-1, 0, much, unix.PROT_READ|unix.PROT_WRITE, anonymous)
	if err != nil {
		return "mmap", err
	}
	for i := 0; i < much; i += 4096 {
		b[i] = 1
	}
	return "", unix.Munmap(b)
}

func fillFile(path string, size int) (string, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "create", err
	}
	defer unix.Close(fd)
	if err := unix.Unlink(path); err != nil {
		return "unlink", err
	}
	return "write", fill(fd, size)
}

func fillTmpfs(g given) (string, error) { return fillFile(g.tmp("filled"), much) }

// fillSmall writes more than the small /tmp of locked.yaml has room for, and less than that of open.yaml.
func fillSmall(g given) (string, error) { return fillFile(g.tmp("filled"), 20<<20) }

func fillMemfd(given) (string, error) {
	fd, err := unix.MemfdCreate("filled", unix.MFD_CLOEXEC)
	if err != nil {
		return "memfd_create", err
	}
	defer unix.Close(fd)
	return "write", fill(fd, much)
}

// fillPipes fills pipes that are as large as one may have them.
func fillPipes(given) (string, error) {
	for range much / chunk * 3 / 4 { // an ordinary user may have 64 MiB in all, pipe(7)
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			return "pipe2", err
		}
		size, err := unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, chunk)
		if err != nil {
			return "F_SETPIPE_SZ", err
		}
		if err := fill(p[1], size); err != nil {
			return "write", err
		}
	}
	return "", nil
}

// fillSockets sends what nobody receives.
func fillSockets(given) (string, error) {
	b := make([]byte, 64<<10)
	for sent := 0; sent < much; {
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Sprint("socketpair after ", sent), err
		}
		for {
			n, err := unix.Write(p[0], b)
			if err != nil {
				break // full: the next one
			}
			sent += n
		}
	}
	return "", nil
}

func fillShm(given) (string, error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, much, unix.IPC_CREAT|0o600)
	if err != nil {
		return "shmget", err
	}
	b, err := unix.SysvShmAttach(id, 0, 0)
	_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	if err != nil {
		return "shmat", err
	}
	for i := 0; i < much; i += 4096 {
		b[i] = 1
	}
	return "", unix.SysvShmDetach(b)
}

// forkBomb makes children that do not end by themselves, as many as harm nobody, and ends them.
func forkBomb(given) (detail string, err error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_PPOLL, 0, 0, 0, 0, 0)
	var pids []int
	for len(pids) < 200 {
		pid, errno := rawScript(0, &s.calls[0], len(s.calls), s.found)
		if errno != 0 {
			err = errno
			break
		}
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL)
		for {
			if _, e := unix.Wait4(pid, nil, 0, nil); e != unix.EINTR {
				break
			}
		}
	}
	return fmt.Sprintf("%d children", len(pids)), err
}

func openMany(given) (string, error) {
	for i := range 600 {
		if _, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3); err != nil {
			return fmt.Sprint(i), err
		}
	}
	return "600", nil
}

func lockMemory(given) (string, error) {
	a, err := newArena(1 << 16)
	if err != nil {
		return "", err
	}
	return "mlock", unix.Mlock(a.mem)
}

// daemonize leaves a grandchild behind, which holds the standard output to be seen by.
func daemonize(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	act := s.words(1, 0, 0, 0) // SIG_IGN
	s.add(unix.SYS_CLOSE, 1)   // the answer is not waited for
	s.add(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTERM), act, 0, 8)
	s.add(unix.SYS_RT_SIGACTION, uintptr(unix.SIGHUP), act, 0, 8)
	s.add(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0)
	s.add(unix.SYS_SETSID)
	wait := s.words(lingers, 0)
	s.add(unix.SYS_PPOLL, 0, 0, wait, 0, 0)
	pid, errno := rawScript(0, &s.calls[0], len(s.calls), s.found)
	if errno != 0 {
		return "clone", errno
	}
	time.Sleep(100 * time.Millisecond) // so that it is on its way
	return strconv.Itoa(pid), nil
}

const lingers = 3 // seconds that a grandchild stays, at most

// watchDaemon gives the attack a pipe as its standard input, of which the grandchild is the last to have the other end.
func watchDaemon(s *stage, t *attempt) (judge, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	t.cmd.Stderr = theirs
	return func(o outcome) outcome {
		_ = theirs.Close()
		defer ours.Close()
		// What is left is there when the command has ended, or is gone: nobody is waited for but for what is on its way to its end.
		_ = ours.SetReadDeadline(time.Now().Add(lingers * time.Second / 2))
		var b [4096]byte
		for {
			_, err := ours.Read(b[:])
			switch {
			case err == nil:
				continue
			case os.IsTimeout(err):
				_ = ours.SetReadDeadline(time.Time{})
				_, _ = ours.Read(b[:]) // it ends by itself soon
				o.detail = "a grandchild lives"
				return o
			case o.answer == "ok":
				o.answer, o.detail = "SIGKILL", "no process is left"
			}
			return o
		}
	}, nil
}

// ownGroup is the path of the process's control group of version 1 with a controller, or else of version 2.
func ownGroup(controller string) string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	second := ""
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) != 3:
		case f[1] == controller:
			return "/sys/fs/cgroup/" + controller + f[2]
		case f[1] == "":
			second = path.Join("/sys/fs/cgroup", f[2])
		}
	}
	return second
}

// leaveGroup writes itself into the group that it is in, which is as good a test as any other, and harms nobody.
func leaveGroup(g given) (string, error) {
	fd, err := unix.Open(groupFile(g, "pids", "cgroup.procs"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(strconv.Itoa(os.Getpid())))
	return "write", err
}

// groupFile is a file of the own group, where a policy puts it or where it is.
func groupFile(g given, controller, file string) string {
	dir := ownGroup(controller)
	if g.inside() {
		if dir = "/sys/fs/cgroup/" + controller; unix.Access(dir, unix.F_OK) != nil {
			dir = "/sys/fs/cgroup" // version 2
		}
	}
	return dir + "/" + file
}

// raiseLimit sets the own limit to what it is.
func raiseLimit(g given) (string, error) {
	file := groupFile(g, "memory", "memory.limit_in_bytes")
	if unix.Access(file, unix.F_OK) != nil {
		file = groupFile(g, "memory", "memory.max")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "read", err
	}
	fd, err := unix.Open(file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, text)
	return "write", err
}

// releaseAgent mounts a hierarchy of version 1 in a user namespace of its own, and opens the file with the program that the host's kernel
// starts. It writes nothing.
func releaseAgent(given) (string, error) {
	return mountAgent(unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP)
}

func releaseAgentPlain(given) (string, error) { return mountAgent(0) }

func mountAgent(flags uintptr) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	cgroup := s.text("cgroup")
	s.add(unix.SYS_MOUNT, cgroup, s.text("/tmp"), cgroup, 0, s.text("pids"))
	cwd := int32(unix.AT_FDCWD)
	s.add(unix.SYS_OPENAT, uintptr(cwd), s.text("/tmp/release_agent"), unix.O_WRONLY)
	s.add(unix.SYS_CLOSE, result(1))
	s.add(unix.SYS_UMOUNT2, s.text("/tmp"), unix.MNT_DETACH)
	at, err := s.run(flags)
	return []string{"clone", "mount", "open", "close", "umount", ""}[at+1], err
}

// oomScore makes the process as likely to be ended as it is.
func oomScore(given) (string, error) {
	fd, err := unix.Open("/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte("0"))
	return "write", err
}
