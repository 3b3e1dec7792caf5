package victim

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// namespaceFlags are the CLONE_NEW… flags that clone(2) takes.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// contained:NAME,PATH[,ARGUMENT…] executes a program under a filter that refuses what makes namespaces and mounts. "docker" answers as Docker's
// default profile does to a process without CAP_SYS_ADMIN: clone3 with ENOSYS, so that libraries fall back to clone, the rest with EPERM.
// "unshare" refuses unshare alone, "mounts" the calls that mount.
func contained(args []string) (string, error) {
	refused := map[string][]uint32{
		"docker": {unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN,
			unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY},
		"unshare": {unix.SYS_UNSHARE},
		"mounts": {unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG,
			unix.SYS_FSMOUNT, unix.SYS_MOUNT_SETATTR},
	}[args[0]]
	if refused == nil {
		return "", fmt.Errorf("no filter %q", args[0])
	}
	const number, firstArgument = 0, 16 // struct seccomp_data: seccomp(2)
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	ret := func(value uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value} }
	unless := func(test uint16, k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jf: skip, K: k}
	}
	filter := []unix.SockFilter{load(number)}
	for _, call := range refused {
		filter = append(filter, unless(unix.BPF_JEQ, call, 1), ret(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)))
	}
	if args[0] == "docker" {
		filter = append(filter, unless(unix.BPF_JEQ, unix.SYS_CLONE3, 1), ret(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)),
			unless(unix.BPF_JEQ, unix.SYS_CLONE, 3), load(firstArgument), unless(unix.BPF_JSET, namespaceFlags, 1), ret(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)))
	}
	filter = append(filter, ret(unix.SECCOMP_RET_ALLOW))
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return "", err
	}
	if err := asError(rawFilter(filter)); err != nil {
		return "", err
	}
	return execve(args[1:])
}
