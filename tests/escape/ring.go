package main

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// ringAttacks let a ring do what the filter denies: the kernel does it without a system call that a filter sees.
func ringAttacks() []attack {
	const family = "io_uring"
	return []attack{
		{name: "io_uring-open", family: family, source: "io_uring(7); 'Put an io_uring on it' (2023); ARMO, 'Curing' (2025)", try: ringOpen,
			policy: "examples/locked", want: "EPERM", layer: "seccomp", opens: "open"},
		{name: "io_uring-mkdir", family: family, source: "as above, mkdirat denied and the ring's not", try: ringMkdir,
			policy: "noring", want: "EPERM", layer: "seccomp", opens: "ring"},
		{name: "io_uring-hidden", family: family, source: "as above: the ring opens what the module cannot", try: ringHidden,
			policy: "open", want: "ENOENT", layer: "mounts"},
		{name: "io_uring-write-read-only", family: family, source: "as above: the ring opens for writing", try: ringWrite,
			policy: "open", want: "EROFS", layer: "mounts"},
	}
}

// Offsets are those of struct io_uring_params and struct io_uring_sqe, include/uapi/linux/io_uring.h.
const (
	opOpenat, opMkdirat = 18, 37

	ringEntries = 4
	sqeSize     = 64
)

// submit makes a ring, gives it one entry, and returns what it answered.
func submit(entry func(a *arena, sqe []byte)) (string, error) {
	a, err := newArena(16384)
	if err != nil {
		return "", err
	}
	params := a.take(120)
	fd, err := direct(unix.SYS_IO_URING_SETUP, ringEntries, address(params))
	if err != nil {
		return "io_uring_setup", err
	}
	defer unix.Close(int(fd))
	word := func(b []byte, at uint32) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	rings, err := unix.Mmap(int(fd), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return "mmap", err
	}
	const sqes = 0x10000000 // IORING_OFF_SQES
	list, err := unix.Mmap(int(fd), sqes, ringEntries*sqeSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return "mmap", err
	}
	entry(a, list[:sqeSize])
	sqOff, cqOff := params[40:80], params[80:120]
	tail, array := word(sqOff, 4), word(sqOff, 24)
	binary.NativeEndian.PutUint32(rings[array:], 0)
	binary.NativeEndian.PutUint32(rings[tail:], 1)
	const getEvents = 1 // IORING_ENTER_GETEVENTS
	if _, err := direct(unix.SYS_IO_URING_ENTER, fd, 1, 1, getEvents); err != nil {
		return "io_uring_enter", err
	}
	cqe := rings[word(cqOff, 20):]
	if res := int32(binary.NativeEndian.Uint32(cqe[8:])); res < 0 {
		return "ring", unix.Errno(-res)
	}
	return "ring", nil
}

// pathEntry fills an entry with an operation on a path.
func pathEntry(op byte, path string, length, flags uint32) func(*arena, []byte) {
	return func(a *arena, sqe []byte) {
		sqe[0] = op
		dir := int32(unix.AT_FDCWD)
		binary.NativeEndian.PutUint32(sqe[4:], uint32(dir))
		binary.NativeEndian.PutUint64(sqe[16:], uint64(a.text(path)))
		binary.NativeEndian.PutUint32(sqe[24:], length)
		binary.NativeEndian.PutUint32(sqe[28:], flags)
	}
}

func ringOpen(g given) (string, error) {
	return submit(pathEntry(opOpenat, g["victim"], 0, unix.O_RDONLY))
}

func ringHidden(g given) (string, error) {
	return submit(pathEntry(opOpenat, g["secret"], 0, unix.O_RDONLY))
}

func ringWrite(g given) (string, error) {
	return submit(pathEntry(opOpenat, g["read"]+"/file", 0, unix.O_WRONLY))
}

// ringMkdir makes a directory and takes it away again.
func ringMkdir(g given) (string, error) {
	dir := g["write"] + "/made-by-ring"
	detail, err := submit(pathEntry(opMkdirat, dir, 0o700, 0))
	if err == nil {
		err = unix.Rmdir(dir)
	}
	return detail, err
}
