package demo

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const permRead, permWrite, permExecute = 4, 2, 1

// deviceAttempt is the attempt that shows whether Landlock is in force.
const deviceAttempt = "make a device where it may write"

// files are attempts on what is stored.
func (g ground) files() []attempt {
	device := filepath.Join(g.scratch, "bulkhead-demo-device")
	return []attempt{
		{
			name: "read the password hashes", gain: "passwords to crack at leisure",
			try: func() answer { return open("/etc/shadow", unix.O_RDONLY, permRead) },
		},
		{
			name: "read the machine's memory", gain: "every secret of every process",
			try: func() answer { return open("/dev/mem", unix.O_RDONLY, permRead) },
		},
		{
			name: "say which program the kernel runs after a crash", gain: "a command as root on the host",
			try: func() answer { return open("/proc/sys/kernel/core_pattern", unix.O_WRONLY, permWrite) },
		},
		{
			name: "enter the root of process 1", gain: "the files that this process was not given",
			try: func() answer {
				a := open("/proc/1/root", unix.O_PATH|unix.O_DIRECTORY, permRead)
				a.layers[unix.EACCES] = LayerPtrace // following the link takes it: proc_pid_root(5)
				return a
			},
		},
		{
			name: "leave a file in the root directory", gain: "something that outlives this process",
			try: func() answer { return create("/bulkhead-demo") },
		},
		{
			name: "raise its own memory limit", gain: "all memory of the host",
			try: func() answer { return open(memoryLimit(), unix.O_WRONLY, permWrite) },
		},
		{
			name: "fill up the place where it may write", gain: "a host without memory",
			try: func() answer { return fill(g.scratch) },
		},
		{
			name: deviceAttempt, gain: "a door to a driver",
			try: func() answer { return makeDevice(device) },
		},
	}
}

// open opens a file and closes it again.
func open(path string, flags int, want uint32) answer {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	a := answer{call: "openat(AT_FDCWD, " + strconv.Quote(path) + ", " + openFlags(flags) + ")", nr: unix.SYS_OPENAT, errno: errno(err),
		layers: map[unix.Errno]Layer{unix.ENOENT: LayerMounts, unix.EROFS: LayerReadOnly, unix.EPERM: LayerCapability}}
	if a.errno == unix.EACCES {
		a.layers[unix.EACCES] = whoDeniesAccess(path, want)
	}
	return a
}

func openFlags(flags int) string {
	name := map[int]string{unix.O_RDONLY: "O_RDONLY", unix.O_WRONLY: "O_WRONLY"}[flags&unix.O_ACCMODE]
	if flags&unix.O_PATH != 0 {
		name = "O_PATH"
	}
	if flags&unix.O_DIRECTORY != 0 {
		name += "|O_DIRECTORY"
	}
	return name + "|O_CLOEXEC"
}

// create makes a file and removes it again.
func create(path string) answer {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err == nil {
		_ = unix.Close(fd)
		_ = unix.Unlink(path)
	}
	a := answer{call: "openat(AT_FDCWD, " + strconv.Quote(path) + ", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600)", nr: unix.SYS_OPENAT,
		errno: errno(err), layers: map[unix.Errno]Layer{unix.EROFS: LayerReadOnly}}
	if a.errno == unix.EACCES {
		a.layers[unix.EACCES] = whoDeniesAccess(filepath.Dir(path), permWrite|permExecute)
	}
	return a
}

// fill asks for more space than the demo's policy gives, in a file without a name, which is gone when it is closed.
func fill(dir string) answer {
	const size = 2 << 20
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		a := answer{call: "openat(AT_FDCWD, " + strconv.Quote(dir) + ", O_TMPFILE|O_WRONLY|O_CLOEXEC, 0600)", nr: unix.SYS_OPENAT, errno: errno(err),
			layers: map[unix.Errno]Layer{unix.ENOENT: LayerMounts, unix.EROFS: LayerReadOnly}}
		if a.errno == unix.EACCES {
			a.layers[unix.EACCES] = whoDeniesAccess(dir, permWrite|permExecute)
		}
		return a
	}
	defer unix.Close(fd)
	return answer{call: "fallocate(" + strconv.Itoa(fd) + ", 0, 0, " + strconv.Itoa(size) + ")", nr: unix.SYS_FALLOCATE,
		errno: errno(unix.Fallocate(fd, 0, 0, size)), layers: map[unix.Errno]Layer{unix.ENOSPC: LayerSize}}
}

// makeDevice makes the character device 0:0, which overlay file systems use to hide a file. It is not a device of anything, and takes
// no capability, so that in a directory where one may write only Landlock refuses it: mknod(2), vfs_mknod in fs/namei.c.
func makeDevice(path string) answer {
	err := unix.Mknodat(unix.AT_FDCWD, path, unix.S_IFCHR|0o600, 0)
	if err == nil {
		_ = unix.Unlink(path)
	}
	a := answer{call: "mknodat(AT_FDCWD, " + strconv.Quote(path) + ", S_IFCHR|0600, makedev(0, 0))", nr: unix.SYS_MKNODAT, errno: errno(err),
		layers: map[unix.Errno]Layer{unix.ENOENT: LayerMounts, unix.EROFS: LayerReadOnly, unix.EPERM: LayerCapability}}
	if a.errno == unix.EACCES {
		a.layers[unix.EACCES] = whoDeniesAccess(filepath.Dir(path), permWrite|permExecute)
	}
	return a
}
