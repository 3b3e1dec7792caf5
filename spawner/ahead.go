package spawner

import (
	"errors"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Ahead is an instance that has everything but its process: its control group with the limits, and its sandbox. It was made before anybody wanted it,
// for one launch of one module of one generation: nothing in it was anybody else's, or will be.
type Ahead struct {
	instance *Instance
	sandbox  *launch.Sandbox
}

// Ahead makes an instance but for its process; nil, without an error, where that cannot be made ahead. The caller gives it to StartAhead, or calls
// Abandon.
func (h *Host) Ahead(m *wire.Module, id string) (*Ahead, error) { return h.ahead(m, id, nil) }

// ahead is Ahead with the sockets of start.
func (h *Host) ahead(m *wire.Module, id string, sockets map[string]posix.FD) (*Ahead, error) {
	if m.Init == nil || !h.Launcher.Ahead() {
		return nil, nil
	}
	r := launch.Request{Sockets: sockets}
	i, wait := h.begin(m, id, &r)
	s, err := h.Launcher.Sandbox(r)
	if err != nil {
		return nil, errors.Join(err, i.giveUp(wait))
	}
	return &Ahead{instance: i, sandbox: s}, nil
}

// Current tells whether an instance that is launched now would be the same: nobody killed what was made, and behind the paths that the module
// sees is what was there before.
func (a *Ahead) Current() bool { return a.sandbox.Current() }

// StartAhead launches an instance of which the rest is there. It takes that over: when it fails nothing is left behind.
func (h *Host) StartAhead(a *Ahead, stdio [3]posix.FD, listeners map[string]posix.FD) (*Instance, error) {
	i := a.instance
	r := launch.Request{Program: i.Module.Program, Init: i.Module.Init, Cgroup: i.group, Sandbox: a.sandbox, Stdio: stdio, Listeners: listeners}
	var err error
	if i.Process, err = h.Launcher.Launch(r); err != nil {
		return nil, errors.Join(err, i.giveUp(func() error { return nil }))
	}
	return i, nil
}

// Abandon removes all that was made.
func (a *Ahead) Abandon() error {
	return errors.Join(a.sandbox.Abandon(), a.instance.giveUp(func() error { return nil }))
}
