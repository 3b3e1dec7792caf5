package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kill ends every process of the instance with SIGKILL and waits until none is left, for at most patience. It is final: the instance can
// only be removed afterwards. An error that is [ErrStillRunning] says that processes did not end in time; one in an
// uninterruptible sleep can take longer. The processes are not reaped.
//
// On version 2 the kernel does it (cgroup.kill, Linux 5.14). Otherwise the processes are kept from multiplying, by
// pids.max or by the freezer where the instance has one, and killed through pidfds until there are none.
func (i *Instance) Kill(patience time.Duration) error {
	if len(i.made) == 0 {
		return nil
	}
	if empty, err := i.Empty(); err != nil || empty {
		return err
	}
	k, p := i.root.kernel, i.made[0]
	dir := i.dir(p)
	killed := p.Version == 2 && writeFile(k, dir+"/cgroup.kill", "1") == nil
	if !killed {
		freeze(k, dir)
		defer thaw(k, dir) // a process that joins late must not be stuck for ever
	}
	unthrottle := sync.OnceFunc(i.Unthrottle)
	deadline := time.Now().Add(patience)
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 5*time.Millisecond) {
		empty, err := i.Empty()
		if err != nil || empty {
			return err
		}
		if !killed {
			if err := killOnce(k, dir); err != nil {
				return err
			}
			thaw(k, dir)
		}
		unthrottle() // now that nothing can make use of it
		if time.Now().After(deadline) {
			pids, _ := i.Processes()
			return fmt.Errorf("kill control group %s: %w: %v", dir, ErrStillRunning, pids)
		}
		time.Sleep(pause)
	}
}

// Empty tells whether no process is left in the instance, or below it.
func (i *Instance) Empty() (bool, error) {
	if len(i.made) == 0 {
		return true, nil
	}
	p := i.made[0]
	if p.Version == 2 {
		counts, err := readCounts(i.root.kernel, i.dir(p)+"/cgroup.events")
		if errors.Is(err, unix.ENOENT) {
			return true, nil // removed
		}
		return err == nil && counts["populated"] == 0, err
	}
	pids, err := i.Processes()
	return err == nil && len(pids) == 0, err
}

// Processes returns the processes of the instance, in ascending order. A process of another pid namespace counts as 0.
func (i *Instance) Processes() ([]posix.PID, error) {
	if len(i.made) == 0 {
		return nil, nil
	}
	return processesBelow(i.root.kernel, i.dir(i.made[0]))
}

// freeze keeps the processes of dir from forking faster than they are killed, by what the group has. What it does not have is
// no error: killing in rounds wins against everything but a fork bomb. A frozen process dies of SIGKILL on version 2
// at once, on version 1 when it is thawed.
func freeze(k posix.Files, dir string) {
	_ = writeFile(k, dir+"/pids.max", "0")
	_ = writeFile(k, dir+"/cgroup.freeze", "1")
	if writeFile(k, dir+"/freezer.state", "FROZEN") != nil {
		return
	}
	for range 100 {
		if state, err := readFile(k, dir+"/freezer.state"); err != nil || state == "FROZEN" {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func thaw(k posix.Files, dir string) { _ = writeFile(k, dir+"/freezer.state", "THAWED") }

// killOnce sends SIGKILL to everything in and below dir. A number that is read can belong to a stranger by the time it is
// used; so the processes are opened first, and only those whose number is still listed afterwards are killed. Either
// that is the process that was opened, or the opened one is dead and cannot be hit.
func killOnce(k Kernel, dir string) error {
	pids, err := processesBelow(k, dir)
	if err != nil {
		return err
	}
	opened := make(map[posix.PID]posix.FD, len(pids))
	defer func() {
		for _, fd := range opened {
			_ = k.Close(fd)
		}
	}()
	for _, pid := range pids {
		fd, err := k.PidfdOpen(pid, 0)
		switch {
		case err == nil:
			opened[pid] = fd
		case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE):
			if len(opened) == 0 {
				return fmt.Errorf("open process %d: %w", pid, err)
			}
		case !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.EINVAL): // EINVAL: not visible from this pid namespace
			return fmt.Errorf("open process %d: %w", pid, err)
		}
	}
	still, err := processesBelow(k, dir)
	if err != nil {
		return err
	}
	for _, pid := range still {
		fd, ok := opened[pid]
		if !ok {
			continue
		}
		if err := k.PidfdSendSignal(fd, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	return nil
}

// processesBelow returns the processes in dir and in all groups below it.
func processesBelow(k posix.Files, dir string) ([]posix.PID, error) {
	pids, err := processes(k, dir)
	if err != nil {
		return nil, err
	}
	names, err := subdirectories(k, dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		more, err := processesBelow(k, dir+"/"+name)
		if err != nil {
			return nil, err
		}
		pids = append(pids, more...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// processes returns the processes in dir. A group that is gone has none.
func processes(k posix.Files, dir string) ([]posix.PID, error) {
	text, err := readFile(k, dir+"/cgroup.procs")
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pids []posix.PID
	for line := range strings.FieldsSeq(text) {
		n, err := strconv.ParseInt(line, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read %s/cgroup.procs: %w", dir, err)
		}
		pids = append(pids, posix.PID(n))
	}
	return pids, nil
}
