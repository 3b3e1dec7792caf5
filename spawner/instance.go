package spawner

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Host is what instances are launched on: one per spawner.
type Host struct {
	Kernel   Kernel
	Launcher *launch.Launcher
	// groups is where instances get their control groups; nil when this host has no place for them and nothing needs one.
	groups *cgroup.Root
	// controllers are those that groups has, and former what it was before it needed more of them.
	controllers host.ControllerSet
	former      []*cgroup.Root
	library     cgroup.Library // nil: limits are written by package cgroup
	// alone: there is only ever one instance, whose group needs no level for its module.
	alone bool
	// keep are the capabilities that some module needs of the thread that launches it: see [launch.Needs].
	keep uint64
}

// NewHost finds the place for control groups that the modules need. Limits that cannot be had are an error, unless best_effort names
// them: then they are missing in the modules' Enforcement from here on. The caller closes the Host.
func NewHost(k Kernel, l *launch.Launcher, f host.Facts, modules []wire.Module) (*Host, error) {
	return newHost(k, l, f, modules, nil)
}

func newHost(k Kernel, l *launch.Launcher, f host.Facts, modules []wire.Module, library cgroup.Library) (*Host, error) {
	h := &Host{Kernel: k, Launcher: l, library: library}
	h.expect(modules)
	var limits []policy.Resource
	required := false
	for _, m := range modules {
		enforced := m.EnforcedResources()
		limits = append(limits, enforced...)
		for _, r := range enforced {
			required = required || !m.Accepts(r.Key)
		}
	}
	controllers := cgroup.Controllers(limits...)
	groups, err := cgroup.Open(k, f, cgroup.Options{Controllers: controllers, Library: library})
	if err != nil {
		if required {
			return nil, fmt.Errorf("%w; or accept the loss: best_effort: [resources]", err)
		}
		giveUp(modules, err)
		return h, nil
	}
	h.groups, h.controllers = groups, controllers
	return h, nil
}

// expect notes what modules are going to need of the threads that launch them.
func (h *Host) expect(modules []wire.Module) {
	for _, m := range modules {
		if m.Program != nil {
			h.keep |= launch.Needs(m.Program)
		}
	}
}

// sweep removes the empty groups that supervisors left behind which were killed.
func (h *Host) sweep() error {
	if h.groups == nil {
		return nil
	}
	if _, err := h.groups.Sweep(); err != nil {
		return fmt.Errorf("remove control groups of supervisors that died: %w", err)
	}
	return nil
}

// giveUp records that no limit of resources is in force, and why: the compile process could only see what the host offers.
func giveUp(modules []wire.Module, why error) {
	for _, m := range modules {
		for _, r := range m.Resources {
			for i, e := range m.Enforcement {
				if e.Protection == r.Key && e.Level != sandbox.Missing {
					m.Enforcement[i] = sandbox.Enforcement{Protection: r.Key, Level: sandbox.Missing, Detail: why.Error() + " (best_effort)"}
				}
			}
		}
	}
}

// Close removes the supervisor's control groups. All instances must have been closed.
func (h *Host) Close() error {
	var errs []error
	for _, g := range h.former {
		errs = append(errs, g.Close())
	}
	if h.groups != nil {
		errs = append(errs, h.groups.Close())
	}
	return errors.Join(errs...)
}

// Instance is one running copy of a module.
type Instance struct {
	host   *Host
	Module *wire.Module
	ID     string
	launch.Process
	group *cgroup.Instance
	join  *cgroup.Join // before the launch has taken it
}

// Start launches an instance. When it fails nothing is left behind.
func (h *Host) Start(m *wire.Module, id string, stdio [3]posix.FD, listeners map[string]posix.FD) (*Instance, error) {
	return h.start(m, id, stdio, listeners, nil)
}

// start is Start with O_PATH descriptors of the sockets of its own that the module's program names.
func (h *Host) start(m *wire.Module, id string, stdio [3]posix.FD, listeners, sockets map[string]posix.FD) (*Instance, error) {
	return h.request(m, id, launch.Request{Stdio: stdio, Listeners: listeners, Sockets: sockets})
}

// request is start with what is to be launched, but for the programs and the control group.
func (h *Host) request(m *wire.Module, id string, r launch.Request) (*Instance, error) {
	return h.pending(m, id, r).launch(h.Launcher)
}

// pending is an instance whose launch is still to be carried out, by a launcher that need not be the host's.
type pending struct {
	*Instance
	request launch.Request
	wait    func() error // for the control group
}

// pending begins an instance as start does. The caller calls launch.
func (h *Host) pending(m *wire.Module, id string, r launch.Request) *pending {
	p := &pending{request: r}
	p.Instance, p.wait = h.begin(m, id, &p.request)
	return p
}

// launch carries it out. When it fails nothing is left behind.
func (p *pending) launch(l *launch.Launcher) (i *Instance, err error) {
	if p.Process, err = l.Launch(p.request); err != nil {
		return nil, errors.Join(err, p.giveUp(p.wait))
	}
	return p.Instance, nil
}

// cancel removes what there is of one that is never launched.
func (p *pending) cancel() error {
	var err error
	if s := p.request.Sandbox; s != nil {
		err = s.Abandon()
	}
	return errors.Join(err, p.giveUp(p.wait))
}

// kill kills what a launch that does not come to its end has created, as far as it is in the control group. It may wait for long.
func (p *pending) kill() {
	if p.wait() == nil && p.group != nil {
		_ = p.group.Kill(patience) // what waits for a file system ends when that lets it
	}
}

// begin begins an instance. Its control group is made by another thread, if it gets one, when the launch says so: making directories in several
// hierarchies and starting the init take about as long, and do not need each other. wait returns when that is done.
func (h *Host) begin(m *wire.Module, id string, r *launch.Request) (i *Instance, wait func() error) {
	i = &Instance{host: h, Module: m, ID: id}
	r.Program, r.Init, r.Keep = m.Program, m.Init, h.keep
	if h.groups == nil {
		return i, func() error { return nil }
	}
	module := m.Name
	if h.alone {
		module = ""
	}
	made := make(chan error, 1)
	begin := sync.OnceFunc(func() {
		go func() {
			var err error
			if i.group, err = h.groups.Instance(module, id, m.EnforcedResources()); err == nil {
				var join cgroup.Join
				if join, err = i.group.Join(); err == nil {
					i.join = &join
				} else {
					err = errors.Join(fmt.Errorf("join the control group: %w", err), i.group.Remove())
				}
			}
			made <- err
		}()
	})
	wait = sync.OnceValue(func() error { begin(); return <-made })
	r.Begin = begin
	r.Await = func() (*cgroup.Instance, *cgroup.Join, error) {
		err := wait()
		join := i.join
		i.join = nil
		return i.group, join, err
	}
	return i, wait
}

// giveUp removes what belongs to an instance that was not launched.
func (i *Instance) giveUp(wait func() error) error {
	if wait() != nil || i.group == nil {
		return nil // said by the launch, and removed already
	}
	if i.join != nil {
		_ = i.join.Close() // nothing has been written
	}
	return i.group.Remove()
}

// patience is how long the processes of an instance may take to die of SIGKILL.
const patience = 10 * time.Second

// Exit is how an instance ended.
type Exit struct {
	posix.WaitInfo
	OOMKills     uint64
	MemoryMax    bool // that was because of the instance's own limit
	ForksRefused uint64
	TimedOut     bool // it was ended because it ran longer than it may, see [Foreground]
}

// Finish reaps the instance's process, which has ended, kills what is left of the instance and removes its control group.
func (i *Instance) Finish() (Exit, error) {
	k := i.host.Kernel
	var errs []error
	info, err := reap(k, i.Pidfd)
	i.Release()
	errs = append(errs, err, k.Close(i.Pidfd))
	if i.InitPidfd >= 0 {
		// The kernel kills everything in a pid namespace before its init can be reaped. Meanwhile the group goes, in which the init is not.
		_ = k.PidfdSendSignal(i.InitPidfd, unix.SIGKILL)
	}
	exit := Exit{WaitInfo: info}
	if i.group != nil {
		errs = append(errs, i.group.Kill(patience))
		if events, err := i.group.Events(); err != nil {
			errs = append(errs, err)
		} else {
			exit.OOMKills, exit.MemoryMax, exit.ForksRefused = events.OOMKills, events.MemoryMax, events.ForksRefused
		}
		errs = append(errs, i.group.Remove())
	}
	if i.InitPidfd >= 0 {
		_, err := reap(k, i.InitPidfd)
		errs = append(errs, err, k.Close(i.InitPidfd))
	}
	if err := errors.Join(errs...); err != nil {
		return exit, fmt.Errorf("%s: clean up: %w", i.Module.Name, err)
	}
	return exit, nil
}

// Signal sends a signal to the instance's process.
func (i *Instance) Signal(sig posix.Signal) error {
	err := i.host.Kernel.PidfdSendSignal(i.Pidfd, sig)
	if sig == unix.SIGKILL && i.group != nil {
		i.group.Unthrottle()
	}
	if errors.Is(err, posix.Errno(unix.ESRCH)) {
		return nil // it has just ended
	}
	return err
}

// String says how the instance ended, with the limit that did it.
func (e Exit) String() string {
	switch {
	case e.OOMKills > 0 && e.Code != posix.CldExited && e.MemoryMax:
		return "killed for want of memory: memory.max was reached"
	case e.OOMKills > 0 && e.Code != posix.CldExited:
		return "killed for want of memory: of the host, or of a control group above its own"
	case e.Code == posix.CldExited && e.Status == 0:
		return "exited"
	case e.Code == posix.CldExited:
		return fmt.Sprintf("exited with status %d", e.Status)
	case posix.Signal(e.Status) == unix.SIGSYS:
		return "killed by SIGSYS: it made a system call that the policy answers so"
	case e.Code == posix.CldDumped:
		return fmt.Sprintf("killed by %s, with a core dump", unix.SignalName(posix.Signal(e.Status)))
	}
	return "killed by " + unix.SignalName(posix.Signal(e.Status))
}

// ShellStatus is the exit status that a shell would give it: 128+n for signal n.
func (e Exit) ShellStatus() int {
	if e.Code == posix.CldExited {
		return e.Status
	}
	return 128 + e.Status
}
