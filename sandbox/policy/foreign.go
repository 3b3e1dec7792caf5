package policy

// foreignArchitecture returns the architectures that have a system call of this name, for names that exist in Linux
// and not on every architecture: the tables of the kernel's arch/*/ directories. It is asked only about names that the
// native table does not have.
func foreignArchitecture(name string) string {
	switch name {
	case "_llseek", "_newselect", "chown32", "fchown32", "fcntl64", "fstat64", "fstatat64", "fstatfs64", "ftruncate64",
		"getegid32", "geteuid32", "getgid32", "getgroups32", "getresgid32", "getresuid32", "getuid32", "lchown32",
		"lstat64", "mmap2", "sendfile64", "setfsgid32", "setfsuid32", "setgid32", "setgroups32", "setregid32",
		"setresgid32", "setresuid32", "setreuid32", "setuid32", "stat64", "statfs64", "truncate64", "ugetrlimit",
		"clock_adjtime64", "clock_getres_time64", "clock_gettime64", "clock_nanosleep_time64", "clock_settime64",
		"futex_time64", "io_pgetevents_time64", "mq_timedreceive_time64", "mq_timedsend_time64", "ppoll_time64",
		"pselect6_time64", "recvmmsg_time64", "rt_sigtimedwait_time64", "sched_rr_get_interval_time64",
		"semtimedop_time64", "timer_gettime64", "timer_settime64", "timerfd_gettime64", "timerfd_settime64",
		"utimensat_time64":
		return "32-bit architectures such as i386 and arm"
	case "sigaction", "sigpending", "sigprocmask", "sigreturn", "sigsuspend", "ipc", "bdflush", "stime", "nice",
		"umount", "afs_syscall_64":
		return "32-bit architectures such as i386"
	case "break", "ftime", "gtty", "idle", "lock", "mpx", "oldfstat", "oldlstat", "oldolduname", "oldstat", "olduname",
		"prof", "profil", "readdir", "sgetmask", "signal", "socketcall", "ssetmask", "stty", "ulimit", "vm86", "vm86old",
		"waitpid":
		return "i386"
	case "arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls", "usr26", "usr32", "get_tls":
		return "arm"
	case "arch_prctl", "iopl", "ioperm", "modify_ldt", "map_shadow_stack", "uretprobe", "get_thread_area", "set_thread_area":
		return "x86"
	case "riscv_flush_icache", "riscv_hwprobe":
		return "riscv"
	case "s390_guarded_storage", "s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr", "s390_sthyi":
		return "s390"
	case "pciconfig_iobase", "pciconfig_read", "pciconfig_write", "rtas", "spu_create", "spu_run", "subpage_prot",
		"swapcontext", "switch_endian", "multiplexer", "sync_file_range2":
		return "powerpc and others"
	case "access", "alarm", "chmod", "chown", "creat", "dup2", "epoll_create", "epoll_ctl_old", "epoll_wait",
		"epoll_wait_old", "eventfd", "fork", "futimesat", "getdents", "getpgrp", "inotify_init", "lchown", "link", "lstat",
		"mkdir", "mknod", "open", "pause", "pipe", "poll", "readlink", "rename", "renameat", "rmdir", "select", "signalfd",
		"stat", "symlink", "sysfs", "time", "unlink", "uselib", "ustat", "utime", "utimes", "vfork", "getpmsg", "putpmsg",
		"_sysctl", "create_module", "get_kernel_syms", "query_module", "nfsservctl", "afs_syscall", "tuxcall", "security":
		return "x86-64 and other architectures that kept the old calls"
	}
	return ""
}
