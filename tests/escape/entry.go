package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// entryAttacks reach a call by another door than the filter may be watching.
func entryAttacks() []attack {
	const family = "entry"
	return []attack{
		{name: "int80", family: family, source: "seccomp(2), NOTES, on the arch field; CVE-2009-0835", try: compatPID,
			policy: "open", want: "SIGSYS", layer: "seccomp: other architectures", fact: no32Bit},
		{name: "int80-socketcall", family: family, source: "socketcall(2): one number for all calls of sockets", try: compatSocket,
			policy: "arguments", want: "SIGSYS", layer: "seccomp: other architectures", fact: no32Bit},
		{name: "x32", family: family, source: "seccomp(2), X32 ABI; CVE-2014-0038", try: x32PID,
			policy: "open", want: "SIGSYS", layer: "seccomp: other architectures", fact: config("CONFIG_X86_X32_ABI")},
		{name: "high-bits-ioctl", family: family, source: "CVE-2019-10063 (Flatpak), CVE-2019-7303 (snapd)", try: highBitsIoctl,
			policy: "arguments", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "high-bits-socket", family: family, source: "CVE-2019-10063: an int is compared in 64 bits", try: highBitsSocket,
			policy: "arguments", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "negative-number", family: family, source: "arch/x86/entry/common.c: the number is an int, -1 is no call", try: highBitsNumber,
			policy: "arguments", want: "EPERM", layer: "seccomp: call numbers", opens: "open"},
	}
}

// compatPID asks for the own pid through the 32-bit interface.
func compatPID(given) (string, error) {
	const getpid = 20 // in the 32-bit table
	return compat(getpid, 0, 0, 0)
}

// compatSocket makes a socket by the 32-bit socket(2), number 359, whose number means another call in the 64-bit table.
func compatSocket(given) (string, error) {
	const socket = 359
	return compat(socket, unix.AF_INET, unix.SOCK_STREAM, 0)
}

func compat(number, a, b, c int32) (string, error) {
	if !has32Bit {
		return "this processor has no 32-bit calls", unix.ENOSYS
	}
	r := interrupt(number, a, b, c)
	if r < 0 {
		return "", unix.Errno(-r)
	}
	return fmt.Sprint(r), nil
}

// x32PID asks for it through x32: the number has a bit set.
func x32PID(given) (string, error) {
	_, err := direct(0x40000000 | unix.SYS_GETPID)
	return "", err
}

// highBitsIoctl sets bits of the command that the kernel cuts off and a filter that compares 64 bits does not.
func highBitsIoctl(given) (string, error) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return "pipe", err
	}
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_IOCTL, uintptr(p[0]), 1<<32|unix.TIOCINQ, address(a.take(8)))
	return "ioctl", err
}

// highBitsSocket does the same to the family of a socket.
func highBitsSocket(given) (string, error) {
	_, err := direct(unix.SYS_SOCKET, 1<<32|unix.AF_INET, 1<<63|unix.SOCK_STREAM, 0)
	return "socket", err
}

// highBitsNumber sets bits of the call's number that the kernel cuts off.
func highBitsNumber(given) (string, error) {
	_, err := direct(1<<32 | unix.SYS_GETPPID)
	return "getppid", err
}
