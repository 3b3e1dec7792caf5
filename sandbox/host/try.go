package host

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// FullKernel is what [ProbeAll] asks of a system.
type FullKernel interface {
	Kernel
	posix.Processes
}

// ProbeAll returns the facts of [Probe] and tries out what can only be known by trying: it opens a pidfd, opens control group files for
// writing (and writes nothing), and lets children that end at once make a namespace of each kind and join a session keyring.
func ProbeAll(k FullKernel) (Facts, error) {
	f, err := Probe(k)
	if err != nil {
		return Facts{}, err
	}
	fd, err := k.PidfdOpen(k.Getpid(), 0)
	if f.Pidfd = err == nil; f.Pidfd {
		_ = k.Close(fd)
	}
	if err := tryUserNamespace(k, &f.UserNS); err != nil {
		return Facts{}, fmt.Errorf("probe the host: %w", err)
	}
	if err := tryNamespaces(k, &f); err != nil {
		return Facts{}, fmt.Errorf("probe the host: %w", err)
	}
	for _, h := range []*Hierarchy{&f.Cgroup.V2, &f.Cgroup.Memory, &f.Cgroup.Pids, &f.Cgroup.CPU, &f.Cgroup.Freezer, &f.Cgroup.CPUSet, &f.Cgroup.IO} {
		if h.Mount != "" {
			tryHierarchy(k, h)
		}
	}
	f.Tried = true
	return f, nil
}

// childKernel is what it takes to make a child.
type childKernel interface {
	posix.Processes
	Close(fd posix.FD) error
}

// tryUserNamespace lets a child make a user namespace and then, with the capabilities that this should have brought, a
// mount namespace: some hosts allow the first and take the capabilities away (Ubuntu's AppArmor restriction).
func tryUserNamespace(k childKernel, f *UserNSFacts) (err error) {
	f.Errno, f.InsideFailed, err = tryCall(k, unix.CLONE_NEWUSER, unix.SYS_UNSHARE, unix.CLONE_NEWNS)
	return err
}

// tryNamespaces lets a child of its own make a namespace of each kind, with CAP_SYS_ADMIN or else in a user namespace. User
// namespaces were tried before.
func tryNamespaces(k childKernel, f *Facts) (err error) {
	var within uint64
	if !f.Capabilities.Has(capAdmin) {
		within = unix.CLONE_NEWUSER
	}
	if f.Clone3, _, err = tryCall(k, 0, unix.SYS_GETPID, 0); f.Clone3 != 0 || err != nil {
		return err // without a process nothing else can be asked
	}
	if f.Keyring, _, err = tryCall(k, 0, unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING); err != nil {
		return err
	}
	for i, ns := range namespaceFiles {
		switch {
		case f.Namespaces&ns.kind == 0, ns.kind == unix.CLONE_NEWUSER, within != 0 && f.UserNS.Errno != 0:
		case ns.kind == unix.CLONE_NEWPID && within == 0: // as launches make them: with the process
			f.Refused[i], _, err = tryCall(k, unix.CLONE_NEWPID, unix.SYS_GETPID, 0)
		default:
			f.Refused[i], _, err = tryCall(k, within, unix.SYS_UNSHARE, uint64(ns.kind))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tryCall makes a child with clone flags that makes one call, and ends. It returns the kernel's answer, 0 when there was no error, and whether
// it was the child that had it.
func tryCall(k childKernel, flags uint64, number uint32, arg uint64) (errno posix.Errno, inside bool, err error) {
	child, err := k.Clone3(&posix.CloneArgs{
		Flags:      flags,
		ExitSignal: unix.SIGCHLD,
		Cgroup:     -1,
		Program:    &posix.Program{Steps: []posix.Step{{Op: posix.StepCall, Number: number, Args: [6]posix.Arg{{Value: arg}}}}},
	})
	if err != nil {
		if !errors.As(err, &errno) {
			return 0, false, fmt.Errorf("make a process with the flags %#x: %w", flags, err)
		}
		return errno, false, nil
	}
	defer func() { _ = k.Close(child.Pidfd) }()
	if child.Failed != nil {
		errno, inside = child.Failed.Errno, true
	}
	var info posix.WaitInfo
	if err := k.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED); err != nil {
		return 0, false, fmt.Errorf("wait for a child made with the flags %#x: %w", flags, err)
	}
	return errno, inside, nil
}

// tryHierarchy finds the place where groups may be made, as sandbox/cgroup looks for it: on version 1 the group of this
// process, on version 2 the one from there upwards that offers the most. Whoever may write cgroup.procs there owns the place.
func tryHierarchy(k FullKernel, h *Hierarchy) {
	r := &reader{files: k}
	for dir := h.Dir; len(dir) >= len(h.Mount) && dir != ""; dir = path.Dir(dir) {
		fd, err := k.Openat2(posix.AtFDCWD, dir+"/cgroup.procs", posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC})
		if err != nil {
			if dir == h.Dir {
				_ = errors.As(err, &h.Errno)
			}
		} else {
			_ = k.Close(fd)
			offers := h.Controllers
			if h.Version == 2 {
				offers = offered(k, r, h, dir)
			}
			if h.Place == "" || offers&^h.Offers != 0 && h.Offers&^offers == 0 {
				h.Place, h.Offers = dir, offers
			}
		}
		if h.Version == 1 || dir == h.Mount {
			return
		}
	}
}

// offered returns the controllers that groups made in dir would have. They need not be switched on yet in a group
// that this process has to itself, nor at the root of all groups, which alone has no cgroup.type.
func offered(k FullKernel, r *reader, h *Hierarchy, dir string) ControllerSet {
	on, _ := r.text(dir + "/cgroup.subtree_control")
	procs, _ := r.text(dir + "/cgroup.procs")
	var st posix.Stat
	root := dir == h.Mount && errors.Is(k.Fstatat(posix.AtFDCWD, dir+"/cgroup.type", &st, 0), unix.ENOENT)
	alone := dir == h.Dir && strings.TrimSpace(procs) == strconv.Itoa(int(k.Getpid()))
	if root || alone {
		all, _ := r.text(dir + "/cgroup.controllers")
		return ParseControllers(all)
	}
	return ParseControllers(on)
}
