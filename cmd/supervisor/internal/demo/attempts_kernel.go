package demo

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// kernelDoors are attempts on the kernel itself: on what sandboxes are made of, and on where it was broken before.
func kernelDoors() []attempt {
	privileged := map[unix.Errno]Layer{unix.EPERM: LayerCapability, unix.EACCES: LayerCapability, unix.ENOENT: LayerMounts}
	return []attempt{
		{
			name: "mount something", gain: "to put its own files in the place of others",
			try: func() answer {
				err := unix.Mount("/tmp", "/tmp", "", unix.MS_BIND, "") // over itself: nothing looks different
				if err == nil {
					_ = unix.Unmount("/tmp", unix.MNT_DETACH)
				}
				return answer{call: `mount("/tmp", "/tmp", NULL, MS_BIND, NULL)`, nr: unix.SYS_MOUNT, errno: errno(err), layers: privileged}
			},
		},
		{
			name: "change the root directory", gain: "the first step out of a chroot",
			try: func() answer {
				return answer{call: `chroot("/")`, nr: unix.SYS_CHROOT, errno: errno(unix.Chroot("/")), layers: privileged}
			},
		},
		{
			name: "make a user namespace", gain: "all capabilities in there, and with them more of the kernel to attack",
			try: func() answer { // a process with threads gets EINVAL where others succeed: unshare(2)
				return answer{call: "unshare(CLONE_NEWUSER)", nr: unix.SYS_UNSHARE, errno: errno(unix.Unshare(unix.CLONE_NEWUSER)),
					reached: []unix.Errno{unix.EINVAL}, layers: privileged}
			},
		},
		{name: "join a namespace", gain: "the host's, if it can name it", try: func() answer { return joinNamespace(privileged) }},
		{
			name: "load a program into the kernel", gain: "a door to bugs such as CVE-2021-3490",
			try: func() answer {
				fd, e := rawBPFMapCreate()
				return closed(fd, answer{call: "bpf(BPF_MAP_CREATE, {BPF_MAP_TYPE_ARRAY, 4, 4, 1}, 20)", nr: unix.SYS_BPF, errno: e, layers: privileged})
			},
		},
		{
			name: "let the kernel make calls in its place", gain: "what io_uring does no filter sees",
			try: func() answer {
				fd, e := rawIOUringSetup()
				return closed(fd, answer{call: "io_uring_setup(1, {})", nr: unix.SYS_IO_URING_SETUP, errno: e})
			},
		},
		{
			name: "watch the processor", gain: "keys, from what the processor does with them",
			try: func() answer {
				attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK,
					Bits: unix.PerfBitDisabled | unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
				attr.Size = unix.PERF_ATTR_SIZE_VER1
				fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
				return closed(fd, answer{call: "perf_event_open({PERF_COUNT_SW_TASK_CLOCK}, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)",
					nr: unix.SYS_PERF_EVENT_OPEN, errno: errno(err), layers: privileged})
			},
		},
		{
			name: "look for keys that the kernel keeps", gain: "keys of the session that started it",
			try: func() answer {
				_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
				return answer{call: "keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0)", nr: unix.SYS_KEYCTL, errno: errno(err),
					reached: []unix.Errno{unix.ENOKEY}, layers: privileged}
			},
		},
		{name: "switch off the randomness of addresses", gain: "attacks that know where things are", try: fixedAddresses},
		{
			name: "type into the operator's terminal", gain: "a command, run by the operator's shell",
			try: func() answer { // no address of a character, so none is typed: EFAULT comes after all checks
				_, _, e := unix.Syscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, none)
				return answer{call: "ioctl(0, TIOCSTI, …)", nr: unix.SYS_IOCTL, errno: e, reached: []unix.Errno{unix.EFAULT},
					layers: map[unix.Errno]Layer{unix.EPERM: LayerCapability}}
			},
		},
	}
}

// closed closes a descriptor that an attempt got.
func closed(fd int, a answer) answer {
	if a.errno == 0 {
		_ = unix.Close(fd)
	}
	return a
}

// joinNamespace joins the one it is in.
func joinNamespace(layers map[unix.Errno]Layer) answer {
	const path = ownProc + "/ns/uts"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return open(path, unix.O_RDONLY, permRead)
	}
	defer unix.Close(fd)
	return answer{call: fmt.Sprintf("setns(%d, CLONE_NEWUTS)", fd), nr: unix.SYS_SETNS, errno: errno(unix.Setns(fd, unix.CLONE_NEWUTS)), layers: layers}
}

// fixedAddresses sets ADDR_NO_RANDOMIZE, which children would inherit, and sets it back.
func fixedAddresses() answer {
	const question, noRandomize = 0xffffffff, 0x0040000
	old, _, e := unix.Syscall(unix.SYS_PERSONALITY, question, 0, 0)
	call := "personality(0xffffffff)"
	if e == 0 {
		call = fmt.Sprintf("personality(%#x|ADDR_NO_RANDOMIZE)", old)
		if _, _, e = unix.Syscall(unix.SYS_PERSONALITY, old|noRandomize, 0, 0); e == 0 {
			_, _, _ = unix.Syscall(unix.SYS_PERSONALITY, old, 0, 0)
		}
	}
	return answer{call: call, nr: unix.SYS_PERSONALITY, errno: e}
}
