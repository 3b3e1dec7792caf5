package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// writableCodeAttacks make memory that can be written and then executed.
func writableCodeAttacks() []attack {
	const family = "W^X"
	return []attack{
		{name: "mmap-wx", family: family, source: "mmap(2); PaX MPROTECT; systemd.exec(5), MemoryDenyWriteExecute", try: mapWX,
			policy: "wx", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "mprotect-x", family: family, source: "mprotect(2), what was written becomes code", try: protectX,
			policy: "wx", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "pkey_mprotect-x", family: family, source: "pkey_mprotect(2): the other call for the same; systemd issue 7498", try: pkeyProtectX,
			policy: "wx", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "shmat-exec", family: family, source: "shmat(2), SHM_EXEC", try: shmExec,
			policy: "wx", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "memfd-two-mappings", family: family, source: "memfd_create(2): one mapping to write, one to execute", try: memfdTwice,
			policy: "wx", want: "EPERM", layer: "seccomp", opens: "open"},
		{name: "read-implies-exec", family: family, source: "personality(2), READ_IMPLIES_EXEC", try: readImpliesExec,
			policy: "wx", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "mprotect-x-locked", family: family, source: "as above, under a policy that ships", try: protectX,
			policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "mprotect-x-nginx", family: family, source: "as above", try: protectX, policy: "nginx", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "memfd-two-mappings-noexec", family: family, source: "as above", try: memfdTwice,
			policy: "examples/noexec", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "read-implies-exec-locked", family: family, source: "as above", try: readImpliesExec,
			policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "self-mem-code", family: family, source: "proc(5): /proc/self/mem writes to what is mapped read-only", try: selfMem,
			policy: "open", want: "EROFS", layer: "mounts: /proc"},
	}
}

const anonymous = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS

func mapWX(given) (string, error) {
	_, err := direct(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, anonymous, ^uintptr(0), 0)
	return "mmap", err
}

func protectX(given) (string, error) {
	p, err := direct(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, anonymous, ^uintptr(0), 0)
	if err != nil {
		return "mmap", err
	}
	_, err = direct(unix.SYS_MPROTECT, p, 4096, unix.PROT_READ|unix.PROT_EXEC)
	return "mprotect", err
}

func pkeyProtectX(given) (string, error) {
	p, err := direct(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, anonymous, ^uintptr(0), 0)
	if err != nil {
		return "mmap", err
	}
	_, err = direct(unix.SYS_PKEY_MPROTECT, p, 4096, unix.PROT_READ|unix.PROT_EXEC, ^uintptr(0)) // key -1 is none: mprotect
	return "pkey_mprotect", err
}

func shmExec(given) (string, error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o700)
	if err != nil {
		return "shmget", err
	}
	const shmExec = 0o100000
	p, err := direct(unix.SYS_SHMAT, uintptr(id), 0, shmExec)
	_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	if err != nil {
		return "shmat", err
	}
	_, err = direct(unix.SYS_SHMDT, p)
	return "shmdt", err
}

func memfdTwice(given) (string, error) {
	fd, err := unix.MemfdCreate("code", unix.MFD_CLOEXEC)
	if err != nil {
		return "memfd_create", err
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 4096); err != nil {
		return "ftruncate", err
	}
	if _, err := unix.Write(fd, []byte{0xc3}); err != nil {
		return "write", err
	}
	_, err = direct(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_SHARED, uintptr(fd), 0)
	return "mmap", err
}

// readImpliesExec makes every readable mapping from now on executable. It is this thread's, which ends.
func readImpliesExec(given) (string, error) {
	const readImpliesExec = 0x0400000
	_, err := direct(unix.SYS_PERSONALITY, readImpliesExec)
	return "personality", err
}

// selfMem opens the own memory for writing, where page protections do not count.
func selfMem(given) (string, error) {
	p, err := direct(unix.SYS_MMAP, 0, 4096, unix.PROT_READ, anonymous, ^uintptr(0), 0)
	if err != nil {
		return "mmap", err
	}
	mem, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return "open", err
	}
	defer mem.Close()
	_, err = mem.WriteAt([]byte{0xc3}, int64(p))
	return "write", err
}
