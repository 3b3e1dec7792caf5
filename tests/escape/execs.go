package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// execAttacks start programs that the policy does not let be started.
func execAttacks() []attack {
	const family = "exec"
	return []attack{
		{name: "execve-self", family: family, source: "execve(2)", try: execSelf,
			policy: "examples/noexec", want: "EPERM", layer: "seccomp", opens: "open"},
		{name: "execveat-empty-path", family: family, source: "execveat(2), AT_EMPTY_PATH; fexecve(3)", try: execDescriptor,
			policy: "examples/noexec", want: "EPERM", layer: "seccomp: exec once", opens: "open"},
		{name: "execveat-guess", family: family, source: "docs: the launch's own exec is allowed by a value in its sixth argument", try: execGuess,
			policy: "examples/noexec", want: "EPERM", layer: "seccomp: exec once", opens: "open"},
		{name: "memfd-execveat", family: family, source: "memfd_create(2); Magisterquis, 'In-memory-only ELF execution' (2018)", try: execMemfd,
			policy: "examples/noexec", want: "EPERM", layer: "seccomp: exec once", opens: "open"},
		{name: "memfd-proc-fd", family: family, source: "as above, by /proc/self/fd", try: execMemfdByPath,
			policy: "nginx", want: "EPERM", layer: "seccomp", opens: "open"},
		{name: "exec-in-tmp", family: family, source: "execve(2): a program is written to /tmp and started", try: execInTmp,
			policy: "examples/locked", want: "EACCES", layer: "mounts: noexec, Landlock"},
		{name: "exec-in-writable", family: family, source: "execve(2): a program is written where one may write", try: execInWritable,
			policy: "open", want: "EACCES", layer: "mounts: noexec, Landlock"},
		{name: "mmap-noexec", family: family, source: "mount(2), MS_NOEXEC: a loader maps what may not be executed", try: mapNoexec,
			policy: "open", want: "EPERM", layer: "mounts: noexec"},
		{name: "exec-hidden", family: family, source: "execve(2) of what is not listed", try: execHidden,
			policy: "open", want: "ENOENT", layer: "mounts"},
	}
}

// argv for the program that was started in spite of all: it says that it was.
func (a *arena) argv(path string) uintptr {
	return a.words(a.text(path), a.text("started"), 0)
}

// secondStages are programs that an attack has started.
func secondStages() map[string]func([]string) int {
	return map[string]func([]string) int{
		"started":   func([]string) int { say("started", nil); return 0 },
		"overwrite": overwriteExe,
		"privilege": havePrivilege,
		"resident":  resident,
	}
}

func execPath(path string) (string, error) {
	a, err := newArena(1 << 16)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_EXECVE, a.text(path), a.argv(path), a.words(0))
	return "execve " + path, err
}

func execSelf(g given) (string, error)   { return execPath(g["victim"]) }
func execHidden(g given) (string, error) { return execPath(g["hidden"]) }

func execFd(fd int, sixth uintptr) (string, error) {
	a, err := newArena(1 << 16)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_EXECVEAT, uintptr(fd), a.text(""), a.argv("fd"), a.words(0), unix.AT_EMPTY_PATH, sixth)
	return "execveat", err
}

func execDescriptor(g given) (string, error) {
	fd, err := unix.Open(g["victim"], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	return execFd(fd, 0)
}

// execGuess guesses the value. One in 2^64 is right.
func execGuess(g given) (string, error) {
	fd, err := unix.Open(g["victim"], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	for _, sixth := range []uintptr{1, ^uintptr(0), 1 << 32, 0x5deece66d} {
		if detail, err := execFd(fd, sixth); err != unix.EPERM {
			return detail, err
		}
	}
	return execFd(fd, 0xdeadbeef)
}

// copySelf writes this program to a descriptor.
func copySelf(g given, fd int) error {
	in, err := os.Open(g["victim"])
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(rawWriter(fd), in)
	return err
}

// rawWriter writes to a descriptor and does not own it.
type rawWriter int

func (w rawWriter) Write(b []byte) (int, error) { return unix.Write(int(w), b) }

// inMemory is a copy of this program in memory.
func inMemory(g given) (int, error) {
	fd, err := unix.MemfdCreate("copy", unix.MFD_CLOEXEC)
	if err != nil {
		return 0, err
	}
	return fd, copySelf(g, fd)
}

func execMemfd(g given) (string, error) {
	fd, err := inMemory(g)
	if err != nil {
		return "copy", err
	}
	return execFd(fd, 0)
}

func execMemfdByPath(g given) (string, error) {
	fd, err := inMemory(g)
	if err != nil {
		return "copy", err
	}
	return execPath(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// execCopy writes this program to a path and starts it from there. The name is taken away first, so that nothing is left.
func execCopy(g given, path string) (string, error) {
	_ = unix.Unlink(path)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return "create", err
	}
	if err := copySelf(g, fd); err != nil {
		return "copy", err
	}
	if err := unix.Close(fd); err != nil {
		return "close", err
	}
	in, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	if err := unix.Unlink(path); err != nil {
		return "unlink", err
	}
	return execFd(in, 0)
}

func execInTmp(g given) (string, error) {
	return execCopy(g, fmt.Sprintf("/tmp/bulkhead-escape-%d", os.Getpid()))
}

func execInWritable(g given) (string, error) { return execCopy(g, g["write"]+"/program") }

// mapNoexec maps a file to be executed, as a loader does with what the kernel would not execute.
func mapNoexec(g given) (string, error) {
	fd, err := unix.Open(g["write"]+"/file", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	_, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	return "mmap", err
}
