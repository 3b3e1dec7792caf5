package host

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Kernel is what [Probe] asks of a system.
type Kernel interface {
	posix.Files
	posix.Limits
	posix.Hardening
	posix.Credentials
	OpenTree(dir posix.FD, path string, flags uint32) (posix.FD, error)
}

// ProbeSelf returns the facts about the calling process and its user namespace: the identifiers, the capabilities, what is in
// /proc/self/status, the overflow identifiers, and UserNS.Initial. They say who may be trusted and whether this process can launch at all.
// It needs /proc.
func ProbeSelf(k Kernel) (Facts, error) {
	return probe(k, probeStatus, probeIDs, probeInitial, probeForeign)
}

// Probe returns the facts that a launch needs. It changes nothing and makes no process; it takes about a hundred
// system calls. It needs /proc.
func Probe(k Kernel) (Facts, error) {
	return probe(k, probeKernel, probeStatus, probeIDs, probeNamespaces, probeInitial, probeForeign, probeUserNamespaces, probeMounts, probeSeccomp, probeLandlock,
		probeSubIDs)
}

func probe(k Kernel, parts ...func(Kernel, *reader, *Facts) error) (Facts, error) {
	f := Facts{UID: k.Getuid(), EUID: k.Geteuid(), GID: k.Getgid(), EGID: k.Getegid()}
	r := &reader{files: k}
	for _, part := range parts {
		if err := part(k, r, &f); err != nil {
			return Facts{}, fmt.Errorf("probe the host: %w", err)
		}
	}
	return f, nil
}

func probeKernel(k Kernel, r *reader, f *Facts) error {
	name, err := k.Uname()
	if err != nil {
		return fmt.Errorf("ask for the kernel's version: %w", err)
	}
	f.Release, f.Machine = name.Release, name.Machine
	if f.Kernel, err = parseRelease(name.Release); err != nil {
		return err
	}
	f.IntoCgroup = atLeast(f.Kernel, 5, 7)
	f.Pidfd = atLeast(f.Kernel, 5, 3)
	// A call that cannot succeed: ENOSYS, or the EPERM of a container's filter, says that it cannot be made at all.
	fd, err := k.OpenTree(-1, "", unix.OPEN_TREE_CLOEXEC)
	if err == nil {
		return fmt.Errorf("ask for the mount interface: descriptor -1 was opened: %w", k.Close(fd))
	}
	f.MountAPI = atLeast(f.Kernel, 5, 12) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM)
	f.MemfdNoexec, err = r.number("/proc/sys/vm/memfd_noexec")
	return err
}

func probeStatus(_ Kernel, r *reader, f *Facts) error {
	text, err := r.text("/proc/self/status")
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("/proc is not mounted here, or is that of another pid namespace (/proc/self/status is not there), and without it nobody can tell " +
			"what may be done here: mount -t proc proc /proc")
	}
	if err != nil {
		return err
	}
	if err := parseStatus(text, f); err != nil {
		return err
	}
	last, err := r.number("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return err
	}
	if last < 0 || last > 63 {
		return fmt.Errorf("read /proc/sys/kernel/cap_last_cap: %d is not the number of a capability", last)
	}
	f.Capabilities.Last = policy.Capability(last)
	return nil
}

func probeIDs(_ Kernel, r *reader, f *Facts) error {
	text, err := r.text("/proc/self/setgroups")
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // there is none without CONFIG_USER_NS
		return err
	}
	f.SetgroupsDenied = text == "deny"
	uid, err := r.number("/proc/sys/kernel/overflowuid")
	if err != nil {
		return err
	}
	gid, err := r.number("/proc/sys/kernel/overflowgid")
	if err != nil {
		return err
	}
	f.OverflowUID, f.OverflowGID = posix.UID(uid), posix.GID(gid)
	return nil
}

// namespaceFiles are the names in /proc/self/ns of the kinds of namespaces. Source: namespaces(7).
var namespaceFiles = []struct {
	name string
	kind policy.Namespace
}{
	{"mnt", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS},
	{"net", unix.CLONE_NEWNET}, {"cgroup", unix.CLONE_NEWCGROUP}, {"user", unix.CLONE_NEWUSER}, {"time", unix.CLONE_NEWTIME},
}

func probeNamespaces(k Kernel, _ *reader, f *Facts) error {
	var st posix.Stat
	for _, ns := range namespaceFiles {
		if k.Fstatat(posix.AtFDCWD, "/proc/self/ns/"+ns.name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			f.Namespaces |= ns.kind
		}
	}
	return nil
}

func probeInitial(_ Kernel, r *reader, f *Facts) error {
	text, err := r.text("/proc/self/uid_map")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.UserNS.Initial = err != nil || strings.Join(strings.Fields(text), " ") == "0 0 4294967295"; f.UserNS.Initial {
		return nil
	}
	f.UserNS.UIDMap = text
	f.UserNS.GIDMap, err = r.text("/proc/self/gid_map")
	return err
}

// probeForeign asks for what cannot succeed, a copy of nothing: whether mounting is allowed at all is what the kernel looks at before. Source:
// open_tree in fs/namespace.c.
func probeForeign(k Kernel, _ *reader, f *Facts) error {
	if !f.Capabilities.Has(capAdmin) {
		return nil
	}
	_, read := k.OpenTree(-1, "", unix.OPEN_TREE_CLOEXEC)
	_, mount := k.OpenTree(-1, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	f.ForeignMounts = !errors.Is(read, unix.EPERM) && errors.Is(mount, unix.EPERM)
	return nil
}

func probeUserNamespaces(_ Kernel, r *reader, f *Facts) (err error) {
	for path, place := range map[string]*int{
		"/proc/sys/user/max_user_namespaces":                     &f.UserNS.Max,
		"/proc/sys/kernel/unprivileged_userns_clone":             &f.UserNS.UnprivilegedClone,
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": &f.UserNS.AppArmorRestricts,
	} {
		if *place, err = r.number(path); err != nil {
			return err
		}
	}
	return nil
}

func probeMounts(_ Kernel, r *reader, f *Facts) error {
	text, err := r.text("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	mounts := parseMounts(text)
	f.Proc = procFacts(mounts)
	text, err = r.text("/proc/self/cgroup")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f.Cgroup = cgroupFacts(visible(mounts), parseGroups(text))
	if f.Cgroup.V2.Mount == "" {
		return nil
	}
	text, err = r.text(f.Cgroup.V2.Mount + "/cgroup.controllers")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // hidden below another mount
	}
	f.Cgroup.V2.Controllers = ParseControllers(text)
	return err
}

func probeSeccomp(k Kernel, _ *reader, f *Facts) error {
	for i, action := range []uint32{
		unix.SECCOMP_RET_KILL_PROCESS, unix.SECCOMP_RET_KILL_THREAD, unix.SECCOMP_RET_TRAP, unix.SECCOMP_RET_ERRNO,
		unix.SECCOMP_RET_USER_NOTIF, unix.SECCOMP_RET_TRACE, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_ALLOW,
	} {
		if k.SeccompActionAvail(action) == nil {
			f.Seccomp |= 1 << i
		}
	}
	return nil
}

func probeLandlock(k Kernel, _ *reader, f *Facts) error {
	abi, err := k.LandlockABI()
	if err == nil {
		f.Landlock.ABI = abi
	} else if !errors.As(err, &f.Landlock.Errno) {
		return fmt.Errorf("ask for Landlock's version: %w", err)
	}
	return nil
}
