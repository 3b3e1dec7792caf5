package cgroup

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Instance is the group of one instance: a directory in each hierarchy that is used.
type Instance struct {
	root        *Root
	module, rel string // both relative to the base of a place
	made        []place
	swapLimited bool
	diskLimits  []policy.Resource // io.max, of the hierarchy that controls disks
}

// dir returns the directory in p. The only instance there is has the top directory itself, where nothing else can be in it: a group of version
// 2 that hands controllers down may not have processes.
func (i *Instance) dir(p place) string {
	if i.alone(p) {
		return p.base + "/" + i.root.top
	}
	return p.base + "/" + i.rel
}

func (i *Instance) alone(p place) bool {
	return i.module == i.root.top && p.leaf == "" && (p.Version == 1 || p.controllers == 0)
}

// make makes the directories and writes the limits.
func (i *Instance) make(limits []policy.Resource) error {
	for _, p := range i.root.places {
		if err := i.makeIn(p); err != nil {
			return err
		}
		i.made = append(i.made, p)
	}
	for _, p := range i.made {
		var mine []policy.Resource
		for _, limit := range limits {
			if host.ControllerOf(limit.Key)&p.controllers != 0 {
				mine = append(mine, limit)
			}
		}
		if err := i.limit(p, mine); err != nil {
			return err
		}
	}
	for _, limit := range limits {
		if _, ok := i.placeOf(host.ControllerOf(limit.Key)); !ok {
			return fmt.Errorf("limit %s: its controller was not among those that the groups were opened with", limit.Key)
		}
	}
	return nil
}

// makeIn makes the directory in p, and the module's when this is its first instance ever: that one stays, for the next.
func (i *Instance) makeIn(p place) error {
	if i.alone(p) { // it is there, but after an instance that was removed
		if err := mkdir(i.root.kernel, i.dir(p)); !errors.Is(err, unix.EEXIST) {
			return errors.Join(err, p.copyCPUs(i.root.kernel, i.dir(p)))
		}
		return nil
	}
	if !i.root.modules[i.module] {
		dir := p.base + "/" + i.module
		if err := mkdir(i.root.kernel, dir); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		if err := errors.Join(p.handOn(i.root.kernel, dir), p.copyCPUs(i.root.kernel, dir)); err != nil {
			return err
		}
	}
	dir := i.dir(p)
	if err := mkdir(i.root.kernel, dir); err != nil {
		return err
	}
	return p.copyCPUs(i.root.kernel, dir)
}

// limit writes the limits that p controls and reads them back.
func (i *Instance) limit(p place, limits []policy.Resource) error {
	if len(limits) == 0 {
		return nil
	}
	k, dir := i.root.kernel, i.dir(p)
	accounted := p.swap
	limits, swap, err := swapOf(p, limits)
	if err != nil {
		return err
	}
	p.swap = swap
	for _, limit := range limits {
		if limit.Key == "io.weight" && len(p.weights) == 0 {
			return fmt.Errorf("limit io.weight: this kernel has no weights of disks for control groups of version %d (modprobe bfq)", p.Version)
		}
	}
	if err := i.root.write(p, dir, limits); err != nil {
		return err
	}
	for _, limit := range limits {
		if err := verify(k, dir, p, limit); err != nil {
			return err
		}
		if limit.Key == "io.max" {
			i.diskLimits = append(i.diskLimits, limit)
		}
		if limit.Key == "memory.max" && !accounted {
			i.swapLimited = false
		}
	}
	return nil
}

// SwapLimited is false when the instance has a limit on memory and the kernel does not account swap, so that swap comes on top.
func (i *Instance) SwapLimited() bool { return i.swapLimited }

// placeOf returns the hierarchy that controls c for this instance.
func (i *Instance) placeOf(c host.ControllerSet) (place, bool) {
	for _, p := range i.made {
		if p.controllers&c != 0 {
			return p, true
		}
	}
	return place{}, false
}

// Dir is one of an instance's directories.
type Dir struct {
	Version int
	// Controller is the name under which the directory is found below /sys/fs/cgroup on a version 1 host, the last
	// component of the hierarchy's mount point, such as "memory" or "cpu,cpuacct"; empty for version 2, whose
	// directory is /sys/fs/cgroup itself on a host that has version 2 only.
	Controller string
	Path       string // absolute, on the host
}

// Dirs returns the instance's directories, so that they can be bound into its root.
func (i *Instance) Dirs() []Dir {
	dirs := make([]Dir, 0, len(i.made))
	for _, p := range i.made {
		d := Dir{Version: p.Version, Path: i.dir(p)}
		if p.Version == 1 {
			d.Controller = lastComponent(p.Mount)
		}
		dirs = append(dirs, d)
	}
	return dirs
}

// Join is what a launch needs to start a process in an instance's groups.
type Join struct {
	// Into is a descriptor of the version 2 directory, for clone3 with CLONE_INTO_CGROUP, or -1.
	Into posix.FD
	// Procs are the version 1 tasks files, open for writing: the child writes "0" to each. All are O_CLOEXEC.
	//
	// They move the thread that writes, which is all there is of a new child. cgroup.procs, which moves whole processes, waits until
	// every processor has passed a grace period: 10 ms and more. Source: cgroup_procs_write_start in the kernel's cgroup.c.
	Procs []posix.FD
	files posix.Files
}

// Join opens what a process needs to get into the groups. The caller closes the Join after the launch.
func (i *Instance) Join() (Join, error) {
	k := i.root.kernel
	j := Join{Into: -1, files: k}
	for _, p := range i.made {
		name, flags := i.dir(p), uint64(unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC)
		if p.Version == 1 {
			name, flags = name+"/tasks", unix.O_WRONLY|unix.O_CLOEXEC
		}
		fd, err := k.Openat2(posix.AtFDCWD, name, posix.OpenHow{Flags: flags})
		if err != nil {
			return Join{Into: -1}, errors.Join(fmt.Errorf("open %s: %w", name, err), j.Close())
		}
		if p.Version == 1 {
			j.Procs = append(j.Procs, fd)
		} else {
			j.Into = fd
		}
	}
	return j, nil
}

// Close closes all descriptors. It does nothing the second time.
func (j *Join) Close() error {
	var errs []error
	if j.Into >= 0 && j.files != nil {
		errs = append(errs, j.files.Close(j.Into))
	}
	for _, fd := range j.Procs {
		errs = append(errs, j.files.Close(fd))
	}
	j.Into, j.Procs = -1, nil
	return errors.Join(errs...)
}

// Remove removes the instance's directories; the module's go with the Root. All processes must have ended: it waits for a moment,
// then returns an error that is [ErrStillRunning].
func (i *Instance) Remove() error {
	i.root.mu.Lock()
	defer i.root.mu.Unlock()
	return i.remove()
}

func (i *Instance) remove() error {
	k := i.root.kernel
	var errs []error
	if i.module == i.root.top {
		i.root.only = false
	}
	deadline := time.Now().Add(removePatience)
	for _, p := range i.made {
		errs = append(errs, removeBefore(k, i.dir(p), deadline))
	}
	if !i.root.modules[i.module] { // the module's first could not be made
		for _, p := range i.root.places {
			_ = k.Unlinkat(posix.AtFDCWD, p.base+"/"+i.module, unix.AT_REMOVEDIR) // what cannot go now goes with the Root
		}
	}
	return errors.Join(errs...)
}
