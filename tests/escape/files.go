package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// fileAttacks read what is not listed, and change what is listed to be read. Landlock does not cover chmod, chown, utime and attributes,
// and shortening files only from its third version: there the mount must hold.
func fileAttacks() []attack {
	const family = "files"
	gap := func(name, source string, try func(given) (string, error)) attack {
		return attack{name: name, family: family, source: source, try: try, control: asModule, policy: "open", want: "EROFS", layer: "mounts: read-only"}
	}
	return []attack{
		{name: "read-hidden", family: family, source: "open(2)", try: readHidden, control: asModule, policy: "open", want: "ENOENT", layer: "mounts"},
		{name: "read-passwd", family: family, source: "open(2)", try: readPasswd, control: asModule, policy: "examples/locked", want: "ENOENT", layer: "mounts"},
		{name: "stat-hidden", family: family, source: "landlock(7): stat is not covered", try: statHidden, control: asModule, policy: "open", want: "ENOENT", layer: "mounts"},
		{name: "watch-hidden", family: family, source: "inotify(7), landlock(7)", try: watchHidden, control: asModule, policy: "open", want: "ENOENT", layer: "mounts"},
		gap("chmod-read-only", "landlock(7): chmod is not covered", chmodFile),
		gap("chown-read-only", "landlock(7): chown is not covered", chownFile),
		gap("utime-read-only", "landlock(7): utime is not covered", utimeFile),
		gap("setxattr-read-only", "landlock(7): setxattr is not covered", setxattrFile),
		gap("truncate-read-only", "landlock(7): truncate is not covered before ABI 3", truncateFile),
		gap("write-read-only", "open(2)", writeFile),
		{name: "link-out", family: family, source: "link(2): a read-only file gets a name where one may write", try: linkOut, control: asModule,
			policy: "open", want: "EXDEV", layer: "mounts"},
		{name: "set-user-id-plant", family: family, source: "chmod(2), S_ISUID: a program for others on the host to start", try: plantSetuid, control: asModule,
			policy: "arguments", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "root-write", family: family, source: "pivot_root(2): the module's own root is writable", try: writeRoot,
			policy: "powers", want: "EROFS", layer: "mounts: read-only", fact: unprivileged("write access to /")},
		{name: "proc-cwd-dotdot", family: family, source: "proc(5), /proc/self/cwd and ..", try: procCwd, control: asModule,
			policy: "open", want: "ENOENT", layer: "pivot_root"},
	}
}

func readHidden(g given) (string, error) { return "", openAndClose(g["secret"], unix.O_RDONLY) }
func readPasswd(given) (string, error)   { return "", openAndClose("/etc/passwd", unix.O_RDONLY) }
func writeFile(g given) (string, error)  { return "", openAndClose(g["read"]+"/file", unix.O_WRONLY) }

func statHidden(g given) (string, error) {
	var st unix.Stat_t
	return "", unix.Stat(g["secret"], &st)
}

func watchHidden(g given) (string, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return "inotify_init1", err
	}
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, g["secret"], unix.IN_ALL_EVENTS)
	return "inotify_add_watch", err
}

func chmodFile(g given) (string, error) { return "", unix.Chmod(g["read"]+"/file", 0o666) }

func chownFile(g given) (string, error) {
	return "", unix.Chown(g["read"]+"/file", unix.Getuid(), unix.Getgid())
}

func utimeFile(g given) (string, error) {
	at := unix.NsecToTimespec(time.Unix(1e9, 0).UnixNano())
	return "", unix.UtimesNano(g["read"]+"/file", []unix.Timespec{at, at})
}

func setxattrFile(g given) (string, error) {
	return "", unix.Setxattr(g["read"]+"/file", "user.bulkhead", []byte("1"), 0)
}

func truncateFile(g given) (string, error) { return "", unix.Truncate(g["read"]+"/file", 7) } // as long as it is

func linkOut(g given) (string, error) {
	name := g["write"] + "/linked"
	if err := unix.Link(g["read"]+"/file", name); err != nil {
		return "link", err
	}
	return "unlink", unix.Unlink(name)
}

// plantSetuid makes a set-user-ID program that others on the host could start.
func plantSetuid(g given) (string, error) {
	path := g["write"] + "/planted"
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o700)
	if err != nil {
		return "create", err
	}
	_ = unix.Close(fd)
	err = unix.Chmod(path, 0o4755)
	_ = unix.Unlink(path)
	return "chmod", err
}

func writeRoot(given) (string, error) {
	fd, err := unix.Open("/bulkhead-escape", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "create", err
	}
	_ = unix.Close(fd)
	return "unlink", unix.Unlink("/bulkhead-escape")
}

func procCwd(given) (string, error) {
	return "", openAndClose("/proc/self/cwd/../../../../../../../../etc/passwd", unix.O_RDONLY)
}
