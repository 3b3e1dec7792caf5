package cgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Library writes limits that container runtimes have, too: memory.max, pids.max, cpu.max and io.max. What it wrote is read back. The
// other limits are a number in a file, which this package writes.
type Library interface {
	// Write2 writes limits to a group of version 2, which is relative to top, a directory of ours. Limits that are not its own it leaves alone. swap
	// says that a limit of memory is one of swap, too.
	Write2(top, group string, limits []policy.Resource, swap bool) error
	// Write1 writes cpu.max or io.max to the directory of a group in the version 1 hierarchy at mount.
	Write1(mount, dir string, limit policy.Resource) error
}

// ofLibrary tells whether a library writes a limit.
func ofLibrary(key string) bool {
	return key == "memory.max" || key == "pids.max" || key == "cpu.max" || key == "io.max"
}

// write writes limits of one hierarchy to the group dir. A library looks for a version 1 controller in a directory of that name; a joint mount
// without the usual symbolic links (cpu to cpu,cpuacct) is written by ourselves.
func (r *Root) write(p place, dir string, limits []policy.Resource) error {
	together := r.library != nil && p.Version == 2 // what the library writes it writes at once
	if together && slices.ContainsFunc(limits, func(l policy.Resource) bool { return ofLibrary(l.Key) }) {
		top := p.base + "/" + r.top
		if err := r.library.Write2(top, strings.TrimPrefix(dir, top+"/"), limits, p.swap); err != nil {
			return err
		}
	}
	for _, limit := range limits {
		var err error
		switch number := limit.Key == "memory.max" || limit.Key == "pids.max"; { // which takes the library five calls, and time that launches wait for
		case ofLibrary(limit.Key) && together:
		case ofLibrary(limit.Key) && r.library != nil && p.library && !number:
			err = r.library.Write1(p.Mount, dir, limit)
		default:
			err = writeSettings(r.kernel, p, dir, limit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeSettings(k posix.Files, p place, dir string, limit policy.Resource) error {
	for _, s := range p.settings(limit) {
		if err := writeFile(k, dir+"/"+s.file, s.want); err != nil {
			return fmt.Errorf("set limit %s: %w", limit.Key, err)
		}
	}
	return nil
}
