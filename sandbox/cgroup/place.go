package cgroup

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// place is a hierarchy and the directory in it below which our groups are made.
type place struct {
	host.Hierarchy
	controllers host.ControllerSet // those that limits are set with
	base        string             // the directory that holds our top directory
	swap        bool               // swap is accounted, so that it can be limited
	library     bool               // the library finds the hierarchy
	weights     []string           // the files that weights of disks are written to; a kernel has none, one or two
	leaf        string             // where the supervisor moved itself; empty when it did not
}

// leafName is the group that the supervisor moves itself into. No module can have this name.
const leafName = "_supervisor"

const (
	enableDelegate  = "systemd-run --scope -p Delegate=yes supervisor …; as an ordinary user with --user"
	enableRoot      = "run the supervisor as root; version 1 cannot be delegated safely"
	enableReadWrite = "mount %s read-write, or run the supervisor outside of the container"
)

// eachController are those that limits are set with.
var eachController = [...]host.ControllerSet{host.Memory, host.Pids, host.CPU, host.CPUSet, host.IO}

// choose returns the hierarchies that are needed for the controllers in want, not yet tried.
func choose(f host.CgroupFacts, want host.ControllerSet) ([]place, error) {
	var places []place
	if want&host.IO != 0 && f.V2.Offers&(host.IO|host.Memory) == host.IO|host.Memory {
		want |= host.Memory // what is written later on is counted by the owner of the memory. Source: cgroup-v2.rst, "Writeback"
	}
	if f.V2.Mount != "" {
		places = append(places, place{Hierarchy: f.V2, controllers: want & f.V2.Controllers})
	}
	add := func(h host.Hierarchy, c host.ControllerSet) {
		for i := range places {
			if places[i].Mount == h.Mount {
				places[i].controllers |= c
				return
			}
		}
		places = append(places, place{Hierarchy: h, controllers: c})
	}
	for _, c := range eachController {
		if want&c == 0 {
			continue
		}
		h, ok := f.For(c)
		if !ok {
			return nil, &UnavailableError{Controllers: c, Reason: "no mounted hierarchy has the controller " + c.String(),
				Enable: "mount -t cgroup2 none /sys/fs/cgroup, on a kernel with this controller that is not switched off by cgroup_disable="}
		}
		add(h, c)
	}
	return places, nil
}

// killer returns the version 1 hierarchy that an instance has to be in so that its processes can be found and ended.
func killer(f host.CgroupFacts) (place, bool) {
	for _, h := range []host.Hierarchy{f.Pids, f.Freezer, f.Memory, f.CPU} {
		if h.Mount != "" {
			return place{Hierarchy: h}, true
		}
	}
	return place{}, false
}

// settle finds the base of p, makes the top directory there, and learns what will be the same for every group in it.
func (p *place) settle(k Kernel, top string) error {
	if err := p.find(k, top); err != nil {
		return err
	}
	if p.controllers&host.Memory != 0 {
		file := map[int]string{1: "/memory.memsw.limit_in_bytes", 2: "/memory.swap.max"}[p.Version]
		p.swap = exists(k, p.base+"/"+top+file)
	}
	if p.controllers&host.IO != 0 {
		for _, file := range weightFiles[p.Version] {
			if exists(k, p.base+"/"+top+"/"+file) {
				p.weights = append(p.weights, file)
			}
		}
	}
	p.library = true
	for _, c := range eachController {
		if p.controllers&c != 0 {
			p.library = p.library && (p.Version == 2 || sameFile(k, path.Join(path.Dir(p.Mount), c.Name(1)), p.Mount))
		}
	}
	return nil
}

func (p *place) find(k Kernel, top string) error {
	if p.ReadOnly {
		return p.unavailable("", p.Mount+" is mounted read-only", fmt.Sprintf(enableReadWrite, p.Mount), nil)
	}
	if p.Dir == "" {
		return p.unavailable("", fmt.Sprintf("the supervisor's own group %s is not visible below %s", p.Group, p.Mount),
			"give the supervisor a cgroup namespace that matches the mount", nil)
	}
	if p.Version == 1 {
		if err := mkdir(k, p.Dir+"/"+top); err != nil {
			return p.unavailable(p.Dir, "a version 1 hierarchy cannot be written", enableRoot, err)
		}
		p.base = p.Dir
		return p.copyCPUs(k, p.Dir+"/"+top)
	}
	return p.find2(k, top)
}

// copyCPUs gives a new group of a version 1 cpuset the processors and the memory nodes of the one above: it has none, and no process can
// be put into it until it has. Source: cpusets(7).
func (p *place) copyCPUs(k Kernel, dir string) error {
	if p.Version != 1 || p.controllers&host.CPUSet == 0 {
		return nil
	}
	for _, file := range []string{"/cpuset.cpus", "/cpuset.mems"} {
		above, err := readFile(k, path.Dir(dir)+file)
		if err == nil {
			err = writeFile(k, dir+file, above)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// find2 goes upwards from the supervisor's own group to the first place that will do. The reason it gives otherwise is that of
// the nearest group, which is the one that can be changed.
func (p *place) find2(k Kernel, top string) error {
	var first error
	for dir := p.Dir; ; dir = path.Dir(dir) {
		err := p.try2(k, dir, top)
		if err == nil {
			p.base = dir
			return nil
		}
		if first == nil {
			first = err
		}
		if dir == p.Mount || len(dir) <= len(p.Mount) {
			return first
		}
	}
}

// try2 makes the top directory in dir, if dir hands down what is wanted or can be made to.
func (p *place) try2(k Kernel, dir, top string) error {
	offered, err := controllerNames(k, dir+"/cgroup.controllers")
	if err != nil {
		return p.unavailable(dir, "the group cannot be read", enableDelegate, err)
	}
	if missing := p.controllers &^ offered; missing != 0 {
		return p.unavailable(dir, "the group above does not hand down "+missing.String(), enableDelegate, nil)
	}
	if err := mkdir(k, dir+"/"+top); err != nil {
		return p.unavailable(dir, "the group cannot be written", enableDelegate, err)
	}
	err = p.handDown(k, dir, top)
	if err == nil {
		err = p.checkType(k, dir, top)
	}
	if err == nil {
		err = p.handOn(k, dir+"/"+top)
	}
	if err != nil {
		_ = p.moveBack(k, dir)
		_ = k.Unlinkat(posix.AtFDCWD, dir+"/"+top, unix.AT_REMOVEDIR)
	}
	return err
}

// handDown makes sure that dir hands down the wanted controllers. They are switched on only in the supervisor's own
// group and at the root of the hierarchy: other groups are somebody else's.
//
// A group with processes of its own has to be empty of them first. The kernel refuses only some controllers there (memory); with others
// (pids, cpu) it turns the group into a threaded one, below which no process can be started.
func (p *place) handDown(k Kernel, dir, top string) error {
	enabled, err := controllerNames(k, dir+"/cgroup.subtree_control")
	if err != nil {
		return p.unavailable(dir, "the group cannot be read", enableDelegate, err)
	}
	missing := p.controllers &^ enabled
	if missing == 0 {
		return nil
	}
	if dir != p.Dir && dir != p.Mount {
		return p.unavailable(dir, "the group does not hand down "+missing.String(), enableDelegate, nil)
	}
	if exists(k, dir+"/cgroup.type") { // only the root of all groups has none, and may have processes
		if err := p.moveAside(k, dir, top); err != nil {
			return err
		}
	}
	if err := writeFile(k, dir+"/cgroup.subtree_control", toggles("+", missing)); err != nil {
		return p.unavailable(dir, "the group does not hand down "+missing.String(), enableDelegate, err)
	}
	return nil
}

// handOn switches all controllers of p on below a group of ours. So every instance has them, with limits or not, and what it uses
// is counted: the controllers that one instance's limits need are on for none of its neighbours otherwise.
func (p *place) handOn(k Kernel, dir string) error {
	if p.Version == 1 || p.controllers == 0 {
		return nil
	}
	if err := writeFile(k, dir+"/cgroup.subtree_control", toggles("+", p.controllers)); err != nil {
		return p.unavailable(dir, "the group does not hand down "+p.controllers.String(), enableDelegate, err)
	}
	return nil
}

// checkType refuses a place below a threaded group. Source: cgroup-v2.rst, "Threads".
func (p *place) checkType(k Kernel, dir, top string) error {
	kind, err := readFile(k, dir+"/"+top+"/cgroup.type")
	if err != nil {
		return p.unavailable(dir, "the group cannot be read", enableDelegate, err)
	}
	if kind != "domain" {
		return p.unavailable(dir, fmt.Sprintf("groups in it are of the type %q, which no process can be started in", kind), enableDelegate, nil)
	}
	return nil
}

// moveAside moves the supervisor into a leaf, because a group that hands controllers down may not have processes of its own
// (cgroup-v2.rst, "No Internal Process Constraint"). It leaves other people's processes where they are.
func (p *place) moveAside(k Kernel, dir, top string) error {
	pids, err := processes(k, dir)
	if err != nil {
		return p.unavailable(dir, "the group cannot be read", enableDelegate, err)
	}
	switch {
	case len(pids) == 0:
		return nil
	case dir != p.Dir || len(pids) != 1 || pids[0] != k.Getpid():
		return p.unavailable(dir, "the group hands no controllers down while processes other than the supervisor are in it",
			enableDelegate, unix.EBUSY)
	}
	leaf := dir + "/" + top + "/" + leafName
	if err := mkdir(k, leaf); err != nil {
		return p.unavailable(dir, "the group cannot be written", enableDelegate, err)
	}
	if err := writeFile(k, leaf+"/cgroup.procs", strconv.Itoa(int(k.Getpid()))); err != nil {
		_ = k.Unlinkat(posix.AtFDCWD, leaf, unix.AT_REMOVEDIR)
		return p.unavailable(dir, "the supervisor cannot move itself", enableDelegate, err)
	}
	p.leaf = leaf
	return nil
}

// moveBack undoes moveAside: it switches the controllers off again, which is safe because the supervisor was alone in the group.
func (p *place) moveBack(k Kernel, dir string) error {
	if p.leaf == "" {
		return nil
	}
	for _, group := range []string{path.Dir(p.leaf), dir} { // bottom up: what a group hands down has to stay on above
		enabled, err := controllerNames(k, group+"/cgroup.subtree_control")
		if err != nil {
			return err
		}
		if on := enabled & p.controllers; on != 0 {
			if err := writeFile(k, group+"/cgroup.subtree_control", toggles("-", on)); err != nil {
				return err
			}
		}
	}
	if err := writeFile(k, dir+"/cgroup.procs", strconv.Itoa(int(k.Getpid()))); err != nil {
		return err
	}
	if err := remove(k, p.leaf); err != nil {
		return err
	}
	p.leaf = ""
	return nil
}

func (p *place) unavailable(dir, reason, enable string, err error) error {
	if dir == "" {
		dir = p.Mount
	}
	if !strings.Contains(reason, dir) {
		reason = dir + ": " + reason
	}
	return &UnavailableError{Controllers: p.controllers, Version: p.Version, Dir: dir, Reason: reason, Enable: enable, Err: err}
}

func sameFile(k posix.Files, a, b string) bool {
	var sa, sb posix.Stat
	return k.Fstatat(posix.AtFDCWD, a, &sa, 0) == nil && k.Fstatat(posix.AtFDCWD, b, &sb, 0) == nil &&
		sa.Dev == sb.Dev && sa.Ino == sb.Ino
}

// controllerNames reads a file with the names of controllers, ignoring those that do not matter here.
func controllerNames(k posix.Files, path string) (host.ControllerSet, error) {
	text, err := readFile(k, path)
	if err != nil {
		return 0, err
	}
	return host.ParseControllers(text), nil
}

// toggles returns what to write to cgroup.subtree_control.
func toggles(sign string, set host.ControllerSet) string {
	return sign + strings.Join(set.Names(), " "+sign)
}

// mkdir makes a directory, which must be new.
func mkdir(k posix.Files, path string) error {
	if err := k.Mkdirat(posix.AtFDCWD, path, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return nil
}
