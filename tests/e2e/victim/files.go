package victim

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// read:PATH opens a file and reads from it.
func read(args []string) (string, error) {
	fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return begin(fd)
}

// readat:FD,PATH does so relative to a descriptor that it has.
func readAt(args []string) (string, error) {
	dir, err := strconv.Atoi(args[0])
	if err != nil {
		return "", err
	}
	fd, err := unix.Openat(dir, args[1], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return begin(fd)
}

func begin(fd int) (string, error) {
	var b [16]byte
	n, err := unix.Read(fd, b[:])
	if errors.Is(err, unix.EISDIR) {
		return "a directory", nil
	}
	return strconv.Quote(string(b[:max(n, 0)])), err
}

// write:PATH opens a file that is there for writing.
func write(args []string) (string, error) {
	fd, err := unix.Open(args[0], unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Close(fd)
	}
	return "", err
}

// create:PATH makes a file.
func create(args []string) (string, error) {
	fd, err := unix.Open(args[0], unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "", err
	}
	return "", errors.Join(unix.Close(fd), unix.Unlink(args[0]))
}

// truncate:PATH sets a file's size, to what it is.
func truncate(args []string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(args[0], &st); err != nil {
		return "", err
	}
	return "", unix.Truncate(args[0], st.Size)
}

// mknod:PATH makes the character device 0:0, which takes no privilege: mknod(2), Linux 5.8.
func mknod(args []string) (string, error) {
	if err := unix.Mknodat(unix.AT_FDCWD, args[0], unix.S_IFCHR|0o600, 0); err != nil {
		return "", err
	}
	return "", unix.Unlink(args[0])
}

// mapexec:PATH maps a file to be executed, as a loader does.
func mapExec(args []string) (string, error) {
	fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	m, err := unix.Mmap(fd, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err != nil {
		return "", err
	}
	return "", unix.Munmap(m)
}

// list:PATH says what is in a directory.
func list(args []string) (string, error) {
	entries, err := os.ReadDir(args[0])
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return strings.Join(names, " "), err
}

// fill:PATH,BYTES makes a file of that size.
func fill(args []string) (string, error) {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return "", err
	}
	fd, err := unix.Open(args[0], unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "", err
	}
	chunk := make([]byte, 64<<10)
	for written := 0; written < size && err == nil; {
		var n int
		n, err = unix.Write(fd, chunk[:min(len(chunk), size-written)])
		written += max(n, 0)
	}
	return "", errors.Join(err, unix.Close(fd), unix.Unlink(args[0]))
}

// entropy:PATH asks a random device how many bits it has gathered, by an ioctl that takes no privilege: RNDGETENTCNT, random(4).
func entropy(args []string) (string, error) {
	fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	bits, err := unix.IoctlGetInt(fd, unix.RNDGETENTCNT)
	return strconv.Itoa(bits), err
}
