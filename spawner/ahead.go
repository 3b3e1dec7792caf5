package spawner

import (
	"errors"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Ahead is an instance that has everything but its process: its control group with the limits, and its sandbox. It was made before anybody wanted it,
// for one launch of one module of one generation: nothing in it was anybody else's, or will be.
type Ahead struct {
	instance *Instance
	sandbox  *launch.Sandbox // nil: it is made at the launch
	// What follows is of an instance whose control group was still being made when it was given to the caller.
	await func() (*cgroup.Instance, *cgroup.Join, error)
	wait  func() error
}

// Ahead makes an instance but for its process; nil, without an error, where that cannot be made ahead. The caller gives it to StartAhead, or calls
// Abandon.
func (h *Host) Ahead(m *wire.Module, id string) (*Ahead, error) {
	if m.Init == nil || !h.Launcher.Ahead() {
		return nil, nil
	}
	return h.pending(m, id, launch.Request{}).ahead(h.Launcher)
}

// ahead makes all but the process.
func (p *pending) ahead(l *launch.Launcher) (*Ahead, error) {
	s, err := l.Sandbox(p.request)
	if err != nil {
		return nil, errors.Join(err, p.giveUp(p.wait))
	}
	return &Ahead{instance: p.Instance, sandbox: s}, nil
}

// Alone begins an instance that is the only one the host will ever have, as [Host.Run] launches it: its control group is being made when this
// returns. Its sandbox may be given to Into.
func (h *Host) Alone(m *wire.Module, id string) *Ahead {
	h.alone = true
	var r launch.Request
	i, wait := h.begin(m, id, &r)
	if r.Begin != nil {
		r.Begin()
	}
	return &Ahead{instance: i, await: r.Await, wait: wait}
}

// Into says in which sandbox the instance shall be launched. It was made for the module's programs, and is the instance's from here on.
func (a *Ahead) Into(s *launch.Sandbox) { a.sandbox = s }

// Current tells whether an instance that is launched now would be the same: nobody killed what was made, and behind the paths that the module
// sees is what was there before.
func (a *Ahead) Current() bool { return a.sandbox.Current() }

// StartAhead launches an instance of which the rest is there. It takes that over: when it fails nothing is left behind.
func (h *Host) StartAhead(a *Ahead, stdio [3]posix.FD, listeners map[string]posix.FD) (*Instance, error) {
	return a.pending(stdio, listeners).launch(h.Launcher)
}

// pending is the launch into it, which takes it over.
func (a *Ahead) pending(stdio [3]posix.FD, listeners map[string]posix.FD) *pending {
	i := a.instance
	p := &pending{Instance: i, wait: a.made, request: launch.Request{
		Program: i.Module.Program, Init: i.Module.Init, Keep: i.host.keep, Sandbox: a.sandbox, Stdio: stdio, Listeners: listeners, Await: a.await}}
	if a.wait == nil {
		p.request.Cgroup = i.group
	}
	return p
}

// made waits until the control group is there.
func (a *Ahead) made() error {
	if a.wait == nil {
		return nil
	}
	return a.wait()
}

// Abandon removes all that was made.
func (a *Ahead) Abandon() error {
	var err error
	if a.sandbox != nil {
		err = a.sandbox.Abandon()
	}
	return errors.Join(err, a.instance.giveUp(a.made))
}
