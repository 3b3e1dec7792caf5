package main

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// kernelAttacks use parts of the kernel that no service needs and many exploits did, or change the host by them.
func kernelAttacks() []attack {
	const family = "kernel"
	filter := func(name, source string, try func(given) (string, error)) attack {
		return attack{name: name, family: family, source: source, try: try, policy: "examples/locked", want: "EPERM", layer: "seccomp"}
	}
	opens := func(a attack) attack { a.opens = "open"; return a }
	needs := func(a attack, fact func() string) attack { a.fact = fact; return a }
	with := func(a attack, c control) attack { a.control = c; return a }
	return []attack{
		with(opens(filter("userfaultfd", "userfaultfd(2); CVE-2021-22555's way to win races", userfault)), asModule),
		needs(filter("bpf", "bpf(2); CVE-2021-3490, CVE-2022-23222", bpfMap), setting("/proc/sys/kernel/unprivileged_bpf_disabled")),
		with(opens(filter("perf_event_open", "perf_event_open(2); CVE-2013-2094", perfEvent)), asModule),
		with(opens(filter("modify_ldt", "modify_ldt(2); CVE-2015-5157", modifyLDT)), asModule),
		with(opens(filter("fanotify", "fanotify_init(2)", fanotify)), asModule),
		with(opens(filter("quotactl", "quotactl(2), Q_SYNC of everything", quotaSync)), asModule),
		with(opens(filter("sysfs", "sysfs(2): obsolete calls that nobody tests any more", oldSysfs)), asModule),
		with(opens(filter("add_key-ring", "keyctl(2), KEYCTL_JOIN_SESSION_KEYRING; CVE-2016-0728", joinKeyring)), asModule),
		{name: "vmsplice", family: family, source: "vmsplice(2); CVE-2008-0600, CVE-2022-0847 (Dirty Pipe)", try: vmsplice, control: asModule,
			policy: "examples/noexec", want: "EPERM", layer: "seccomp", opens: "open"},
		{name: "no-randomize", family: family, source: "personality(2), ADDR_NO_RANDOMIZE", try: noRandomize, control: asModule,
			policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "sethostname", family: family, source: "sethostname(2)", try: setHostname, control: apart, policy: "open", want: "EPERM", layer: "capabilities"},
		{name: "settimeofday", family: family, source: "settimeofday(2): nothing is set, and asked for", try: setTime, policy: "open", want: "EPERM", layer: "capabilities",
			fact: unprivileged("CAP_SYS_TIME")},
		{name: "syslog", family: family, source: "syslog(2): addresses in the log of the kernel", try: readLog, policy: "open", want: "EPERM", layer: "capabilities",
			fact: setting("/proc/sys/kernel/dmesg_restrict")},
		needs(filter("kexec_load", "kexec_load(2)", kexec), config("CONFIG_KEXEC")),
		needs(filter("init_module", "init_module(2)", initModule), config("CONFIG_MODULES")),
		needs(filter("ioperm", "ioperm(2)", ioperm), config("CONFIG_X86_IOPL_IOPERM")),
		needs(filter("iopl", "iopl(2)", iopl), config("CONFIG_X86_IOPL_IOPERM")),
	}
}

func userfault(given) (string, error) {
	const userModeOnly = 1
	fd, err := direct(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly)
	if err == nil {
		err = unix.Close(int(fd))
	}
	return "", err
}

// bpfMap makes an array of one element.
func bpfMap(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	attr := a.take(128)
	for i, v := range []uint32{2, 4, 4, 1} { // BPF_MAP_TYPE_ARRAY, size of key, of value, entries
		binary.NativeEndian.PutUint32(attr[4*i:], v)
	}
	fd, err := direct(unix.SYS_BPF, unix.BPF_MAP_CREATE, address(attr), 128)
	if err == nil {
		err = unix.Close(int(fd))
	}
	return "", err
}

// perfEvent counts the time of this thread.
func perfEvent(given) (string, error) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK, Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err == nil {
		err = unix.Close(fd)
	}
	return "", err
}

// modifyLDT adds a segment, in a child that ends.
func modifyLDT(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	// struct user_desc: entry 0, base 0, limit 0, 32 bits, usable.
	desc := s.words(0, 1<<32|0x41<<32)
	s.add(unix.SYS_MODIFY_LDT, 1, desc, 16)
	_, err = s.run(0)
	return "", err
}

// fanotify makes a group of the kind that everybody may have.
func fanotify(given) (string, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_REPORT_FID|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err == nil {
		err = unix.Close(fd)
	}
	return "", err
}

func quotaSync(given) (string, error) {
	const sync = 0x800001 << 8 // QCMD(Q_SYNC, USRQUOTA)
	_, err := direct(unix.SYS_QUOTACTL, sync, 0, 0, 0)
	return "", err
}

// oldSysfs asks for the number of kinds of file systems.
func oldSysfs(given) (string, error) {
	_, err := direct(unix.SYS_SYSFS, 3)
	return "", err
}

// joinKeyring makes a keyring for a child, which ends.
func joinKeyring(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
	_, err = s.run(0)
	return "", err
}

// vmsplice gives a page of its own memory to a pipe.
func vmsplice(given) (string, error) {
	a, err := newArena(8192)
	if err != nil {
		return "", err
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return "pipe2", err
	}
	_, err = direct(unix.SYS_VMSPLICE, uintptr(p[1]), a.words(address(a.take(16)), 16), 1, 0)
	return "vmsplice", err
}

// noRandomize is for this thread, which ends.
func noRandomize(given) (string, error) {
	const addrNoRandomize = 0x0040000
	_, err := direct(unix.SYS_PERSONALITY, addrNoRandomize)
	return "", err
}

// setHostname sets the name to what it is.
func setHostname(given) (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "uname", err
	}
	return "", unix.Sethostname([]byte(unix.ByteSliceToString(u.Nodename[:])))
}

// setTime sets neither the time nor the time zone; whether one may is asked all the same: kernel/time/time.c.
func setTime(given) (string, error) {
	_, err := direct(unix.SYS_SETTIMEOFDAY, 0, 0)
	return "", err
}

func readLog(given) (string, error) {
	const readAll = 3 // SYSLOG_ACTION_READ_ALL
	_, err := unix.Klogctl(readAll, make([]byte, 256))
	return "", err
}

// kexec unloads an image, where none is loaded.
func kexec(given) (string, error) {
	_, err := direct(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0)
	return "", err
}

// initModule loads nothing. A kernel with modules says that this is none.
func initModule(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_INIT_MODULE, a.text("none"), 5, a.text(""))
	if err == unix.ENOEXEC {
		err = nil // it was looked at
	}
	return "", err
}

func ioperm(given) (string, error) { _, err := direct(unix.SYS_IOPERM, 0x80, 1, 1); return "", err }
func iopl(given) (string, error)   { _, err := direct(unix.SYS_IOPL, 3); return "", err }
