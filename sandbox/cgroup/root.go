package cgroup

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Options says what [Open] shall prepare. The zero value is a group to find and end processes by, without limits.
type Options struct {
	// Name begins the name of the top directory. The default is "bulkhead".
	Name string
	// Controllers are those that the limits of all instances together need; see [Controllers].
	Controllers host.ControllerSet
	// Library writes the limits that it knows; without one they are all written by this package.
	Library Library
}

// Root is where one supervisor makes its groups. It may be used by several goroutines at once.
type Root struct {
	kernel  Kernel
	name    string // Options.Name
	library Library
	self    identity
	top     string // the name of our top directory
	places  []place
	// v1 says that processes are found and ended through places[0], a version 1 hierarchy.
	v1 bool

	mu      sync.Mutex      // guards what follows, and the directories that instances share
	modules map[string]bool // the directories that instances are made in
	only    bool            // there is an instance without a module
}

// Open finds the hierarchies for o.Controllers and makes this supervisor's top directory in each. The caller closes the Root.
//
// The error is an [*UnavailableError] when the host does not let us.
func Open(k Kernel, f host.Facts, o Options) (*Root, error) {
	if o.Name == "" {
		o.Name = "bulkhead"
	}
	if err := checkName("top directory", o.Name); err != nil {
		return nil, err
	}
	self, err := identify(k)
	if err != nil {
		return nil, err
	}
	places, err := choose(f.Cgroup, o.Controllers)
	if err != nil {
		return nil, err
	}
	r := &Root{kernel: k, name: o.Name, library: o.Library, self: self, top: o.Name + "-" + self.String()}
	r.modules = map[string]bool{r.top: true}
	var refused error
	for _, p := range places {
		err := p.settle(k, r.top)
		switch {
		case err == nil:
			r.places = append(r.places, p)
		case p.controllers != 0:
			return nil, errors.Join(err, r.Close())
		default:
			refused = err // a version 2 mount that no limit needs
		}
	}
	if len(r.places) > 0 && r.places[0].Version == 2 {
		return r, nil
	}
	if err := r.addKiller(f.Cgroup, refused); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// addKiller puts the version 1 hierarchy first that instances are ended through. The ones that hold limits will do when no other can be had.
func (r *Root) addKiller(f host.CgroupFacts, refused error) error {
	r.v1 = true
	p, ok := killer(f)
	if !ok {
		if refused != nil {
			return refused
		}
		return &UnavailableError{Reason: "no control group hierarchy is mounted", Enable: "mount -t cgroup2 none /sys/fs/cgroup"}
	}
	for i := range r.places {
		if r.places[i].Mount == p.Mount {
			r.places[0], r.places[i] = r.places[i], r.places[0]
			return nil
		}
	}
	if err := p.settle(r.kernel, r.top); err != nil {
		if len(r.places) > 0 {
			return nil
		}
		return err
	}
	r.places = append([]place{p}, r.places...)
	return nil
}

// Close removes the top directories, and with them every group that is empty. It returns an error that is [ErrStillRunning]
// when processes are left in one.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for i := range r.places {
		p := &r.places[i]
		if p.leaf != "" { // the supervisor itself is in there
			errs = append(errs, r.removeModules(p), p.moveBack(r.kernel, p.base))
		}
		errs = append(errs, remove(r.kernel, p.base+"/"+r.top))
	}
	r.places = nil
	return errors.Join(errs...)
}

// removeModules removes everything in the top directory but the leaf that the supervisor itself is in.
func (r *Root) removeModules(p *place) error {
	dir := p.base + "/" + r.top
	names, err := subdirectories(r.kernel, dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if name != leafName {
			errs = append(errs, remove(r.kernel, dir+"/"+name))
		}
	}
	return errors.Join(errs...)
}

// Instance makes the group of one instance of a module, with limits. An empty module is for the only instance at a time, which saves a level or two: it is
// directly below the top directory, or is that directory. The caller removes the instance.
//
//   - module and id consist of letters, digits, and "._-", and start with a letter or digit.
//   - No other instance of this Root has them both.
//   - The controllers of limits were in Options.Controllers.
func (r *Root) Instance(module, id string, limits []policy.Resource) (*Instance, error) {
	rel := r.top
	if module != "" {
		if err := checkName("module", module); err != nil {
			return nil, err
		}
		rel += "/" + module
	}
	if err := checkName("instance", id); err != nil {
		return nil, err
	}
	for _, limit := range limits {
		if err := checkLimit(limit); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if module == "" {
		if r.only {
			return nil, fmt.Errorf("control group of %s: %w: an instance without a module is the only one", id, unix.EEXIST)
		}
		r.only = true
	}
	i := &Instance{root: r, module: rel, rel: rel + "/" + id, swapLimited: true}
	if err := i.make(limits); err != nil {
		return nil, errors.Join(fmt.Errorf("control group of %s: %w", strings.TrimPrefix(i.rel, r.top+"/"), err), i.remove())
	}
	r.modules[i.module] = true
	return i, nil
}

// checkName accepts a name that is one component of a path and cannot be taken for anything else.
func checkName(what, name string) error {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._-", c)) {
			return fmt.Errorf("control group: the name %q of the %s has a %q", name, what, c)
		}
	}
	if name == "" || len(name) > 100 {
		return fmt.Errorf("control group: the name of the %s has %d characters, not 1 to 100", what, len(name))
	}
	return nil
}

// identity tells a supervisor from every other one that ran or runs since the host was started.
type identity struct {
	pid   posix.PID
	start uint64 // in clock ticks since boot
	ns    uint64 // inode of the pid namespace
}

func (id identity) String() string { return fmt.Sprintf("%d-%d-%d", id.pid, id.start, id.ns) }

func identify(k Kernel) (identity, error) {
	start, err := startTime(k, "self")
	if err != nil {
		return identity{}, err
	}
	buf := make([]byte, 64)
	n, err := k.Readlinkat(posix.AtFDCWD, "/proc/self/ns/pid", buf)
	if err != nil {
		return identity{}, fmt.Errorf("read /proc/self/ns/pid: %w", err)
	}
	ns, err := strconv.ParseUint(strings.Trim(strings.TrimPrefix(string(buf[:n]), "pid:"), "[]"), 10, 64)
	if err != nil {
		return identity{}, fmt.Errorf("read /proc/self/ns/pid: %w", err)
	}
	return identity{pid: k.Getpid(), start: start, ns: ns}, nil
}

// startTime returns when a process started, in clock ticks since boot; ESRCH for one that has ended and that nobody has waited for, as the first
// process of many a container waits for nobody. Source: proc_pid_stat(5): state, num_threads, starttime.
func startTime(k posix.Files, pid string) (uint64, error) {
	text, err := readFile(k, "/proc/"+pid+"/stat")
	if err != nil {
		return 0, err
	}
	// The second field is the name of the program in parentheses and may contain anything.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("read /proc/%s/stat: %w", pid, unix.EINVAL)
	}
	if ended, threads := fields[0] == "Z" || fields[0] == "X", fields[17]; ended && (threads == "0" || threads == "1") {
		return 0, fmt.Errorf("read /proc/%s/stat: %w", pid, unix.ESRCH)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// parseIdentity is the inverse of identity.String.
func parseIdentity(s string) (identity, bool) {
	parts := strings.Split(s, "-")
	if len(parts) != 3 {
		return identity{}, false
	}
	pid, err1 := strconv.ParseInt(parts[0], 10, 32)
	start, err2 := strconv.ParseUint(parts[1], 10, 64)
	ns, err3 := strconv.ParseUint(parts[2], 10, 64)
	id := identity{pid: posix.PID(pid), start: start, ns: ns}
	return id, err1 == nil && err2 == nil && err3 == nil && id.String() == s
}
