package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// procAttacks change the host by files of /proc and /sys. procroot.yaml shows all of /proc to a module that runs as root.
func procAttacks() []attack {
	const family = "proc"
	file := func(name, source, path string, flags int) attack {
		return attack{name: name, family: family, source: source, try: func(given) (string, error) { return "", openAndClose(path, flags) },
			policy: "procroot", want: "EROFS", layer: "mounts: /proc read-only", rootOnly: "the files are root's, and it is not"}
	}
	pattern := file("core_pattern", "core(5): a program of the host's root is started", "/proc/sys/kernel/core_pattern", unix.O_WRONLY)
	pattern.try = corePattern
	sysrq := file("sysrq-trigger", "proc(5), /proc/sysrq-trigger", "/proc/sysrq-trigger", unix.O_WRONLY)
	sysrq.fact = config("CONFIG_MAGIC_SYSRQ")
	kcore := file("kcore", "proc(5), /proc/kcore: all memory", "/proc/kcore", unix.O_RDONLY)
	kcore.try, kcore.fact, kcore.want, kcore.layer = readSome("/proc/kcore"), config("CONFIG_PROC_KCORE"), "ENODATA", "mounts: masked"
	sys := file("sys-write", "sysfs(5)", "/sys/kernel/mm/transparent_hugepage/enabled", unix.O_WRONLY)
	sys.want, sys.layer = "ENOENT", "mounts"
	helper := file("uevent_helper", "CVE-2022-0492's neighbours: /sys/kernel/uevent_helper", "/sys/kernel/uevent_helper", unix.O_WRONLY)
	helper.want, helper.layer, helper.fact = "ENOENT", "mounts", config("CONFIG_UEVENT_HELPER")
	modprobe := file("modprobe-path", "proc(5), /proc/sys/kernel/modprobe: a program that the kernel starts", "/proc/sys/kernel/modprobe", unix.O_WRONLY)
	modprobe.fact = config("CONFIG_MODULES")
	return []attack{
		pattern, sysrq, kcore, sys, helper,
		modprobe,
		file("drop_caches", "proc(5), /proc/sys/vm/drop_caches", "/proc/sys/vm/drop_caches", unix.O_WRONLY),
		file("ns_last_pid", "proc(5), /proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/ns_last_pid", unix.O_WRONLY),
		{name: "core_pattern-locked", family: family, source: "core(5)", try: corePattern, policy: "examples/locked", want: "ENOENT", layer: "mounts: /proc of processes",
			fact: unprivileged("write access to /proc/sys")},
	}
}

// corePattern writes what is there.
func corePattern(given) (string, error) {
	const path = "/proc/sys/kernel/core_pattern"
	text, err := os.ReadFile(path)
	if err != nil {
		return "read", err
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, text)
	return "write", err
}
