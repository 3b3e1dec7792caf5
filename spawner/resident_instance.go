package spawner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/aside"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// instance is one running copy of a module with its descriptors, or what is left of one that has ended.
type instance struct {
	wire.Instance
	module  *wire.Module
	process *Instance
	pipes   [2]posix.FD // reading ends of standard output and error
	notify  posix.FD
	control posix.FD

	ending bool // the process has ended and is being cleaned up after; its pidfds are not ours any more
	asked  bool // the spawner itself asked it to stop
	grace  *alarm
	unsent int // frames with its descriptors that wait
	// output takes over when there is no manager: then the pipes belong to it.
	output [2]*output
}

// descriptors are those that a manager gets, in the order of [wire.KindAttach].
func (i *instance) descriptors() []posix.FD {
	fds := i.pipes[:]
	for _, fd := range []posix.FD{i.notify, i.control} {
		if fd >= 0 {
			fds = append(fds[:len(fds):len(fds)], fd)
		}
	}
	return fds
}

// signal sends a signal to the process.
func (i *instance) signal(sig posix.Signal) error {
	if i.ending {
		return nil
	}
	return i.process.Signal(sig)
}

// kill ends the process, and all others at once where they are in a pid namespace. Those elsewhere end with the control group.
func (i *instance) kill() error {
	if i.ending {
		return nil
	}
	err := i.process.Signal(unix.SIGKILL)
	if i.process.InitPidfd >= 0 {
		if e := i.process.host.Kernel.PidfdSendSignal(i.process.InitPidfd, unix.SIGKILL); e != nil && !is(e, unix.ESRCH) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// close closes the instance's descriptors. Its process must have ended.
func (i *instance) close(k Kernel) error {
	var errs []error
	for n, o := range i.output {
		if o != nil {
			i.pipes[n] = -1
			if o.fd >= 0 {
				errs = append(errs, o.close())
			}
		}
	}
	for _, fd := range []*posix.FD{&i.pipes[0], &i.pipes[1]} {
		if *fd >= 0 {
			errs = append(errs, k.Close(*fd))
			*fd = -1
		}
	}
	for _, fd := range []*posix.FD{&i.notify, &i.control} {
		if *fd >= 0 {
			errs = append(errs, aside.Close(k, *fd)) // with what the module has left in it
			*fd = -1
		}
	}
	return errors.Join(errs...)
}

// newInstance returns an instance that has nothing yet.
func (r *Resident) newInstance(m *wire.Module) *instance {
	r.lastInstance++
	return &instance{module: m, pipes: [2]posix.FD{-1, -1}, notify: -1, control: -1, Instance: wire.Instance{ID: r.lastInstance, Module: m.Name}}
}

// group is the name of its control group.
func (i *instance) group() string { return strconv.FormatUint(uint64(i.ID), 10) }

// instanceSockets makes the sockets that the module's program names. It returns O_PATH descriptors by name, which the caller closes, and the
// names of the files in the runtime directory, which the caller removes, also with an error.
func (r *Resident) instanceSockets(i *instance) (paths map[string]posix.FD, made []string, err error) {
	k := r.kernel
	paths = map[string]posix.FD{}
	for _, want := range i.module.Mounts().Prepare {
		if want.Kind != program.Socket {
			continue
		}
		if _, twice := paths[want.Path]; twice {
			continue
		}
		var fd *posix.FD
		typ := unix.SOCK_STREAM
		switch want.Path {
		case program.NotifySocket:
			fd, typ, i.Notify = &i.notify, unix.SOCK_DGRAM, true
		case program.ControlSocket:
			fd, i.Control = &i.control, true
		default:
			return paths, made, fmt.Errorf("bug: its program wants a socket %q; please report it", want.Path)
		}
		name := fmt.Sprintf("%s-%d", want.Path, i.ID)
		made = append(made, name)
		sock, path, err := r.runtime.bind(name, typ)
		if err != nil {
			return paths, made, fmt.Errorf("make its %s socket: %w", want.Path, err)
		}
		*fd, paths[want.Path] = sock, path
		if typ == unix.SOCK_DGRAM {
			err = k.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
		} else {
			err = k.Listen(sock, 16)
		}
		if err != nil {
			return paths, made, fmt.Errorf("set up its %s socket: %w", want.Path, err)
		}
	}
	return paths, made, nil
}

// ownSockets makes the connected sockets that the module inherits. It returns the child's ends by name, which the caller closes, also
// with an error.
func (r *Resident) ownSockets(i *instance) (ends map[string]posix.FD, err error) {
	k := r.kernel
	ends = map[string]posix.FD{}
	for _, want := range i.module.Program.Prepare {
		if want.Kind != program.Listener || want.Path != policy.NotifyListener && want.Path != policy.ControlListener {
			continue
		}
		fd, typ := &i.control, unix.SOCK_STREAM
		if want.Path == policy.NotifyListener {
			fd, typ = &i.notify, unix.SOCK_DGRAM
		}
		ours, theirs, err := k.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return ends, fmt.Errorf("make its %s socket: %w", want.Path, err)
		}
		*fd, ends[want.Path] = ours, theirs
		// Only our end: the module's is as it would be after a connect.
		_, err = k.Fcntl(ours, unix.F_SETFL, unix.O_NONBLOCK)
		if typ == unix.SOCK_DGRAM {
			i.Notify = true
			err = errors.Join(err, k.SetsockoptInt(ours, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
		} else {
			i.Control = true
		}
		if err != nil {
			return ends, fmt.Errorf("set up its %s socket: %w", want.Path, err)
		}
	}
	return ends, nil
}

// exits deals with the end of an instance's process: everything that it left behind is ended too, by another thread, as that can take
// a moment.
func (r *Resident) exits(i *instance) error {
	if err := r.poller.remove(i.process.Pidfd); err != nil {
		return err
	}
	i.ending = true
	var exit Exit
	var err error
	r.inBackground(func() { exit, err = i.process.Finish() }, func() { r.ended(i, exit, err) })
	return nil
}

// name is the instance's for who reads the log: "web", or "web[1]" where there are several. The manager says the same.
func (i *instance) name() string {
	if i.module.Replicas > 1 || i.Replica > 0 {
		return fmt.Sprintf("%s[%d]", i.Module, i.Replica)
	}
	return i.Module
}

// ended keeps how an instance ended, and tells the manager.
func (r *Resident) ended(i *instance, exit Exit, err error) {
	r.alarms.stop(i.grace)
	r.started = slices.DeleteFunc(r.started, func(x *instance) bool { return x == i })
	i.Exit = &wire.Exit{Code: int32(exit.Code), Status: int32(exit.Status), OOMKills: exit.OOMKills, ForksRefused: exit.ForksRefused,
		Text: exit.String(), At: time.Now()}
	if err != nil {
		r.Log.Error("something of it could not be cleaned up", "module", i.Module, "instance", int(i.Replica), "error", err)
	}
	if r.manager.serves() {
		r.send(&outgoing{frame: wire.Frame{Kind: wire.KindExited, Body: wire.ExitedEvent{Instance: i.ID, Exit: *i.Exit}.Encode()}})
		return
	}
	if r.stop.alone {
		level := slog.LevelInfo
		if !i.asked && (exit.Code != posix.CldExited || exit.Status != 0) {
			level = slog.LevelError
		}
		r.Log.Log(context.Background(), level, i.name()+": "+i.Exit.Text, "module", i.Module, "instance", int(i.Replica), "pid", int(i.PID))
		r.drain(i)
		r.stopNext()
	}
}

// runningOf returns an instance of a generation that has not ended, or is being launched, if there is one.
func (r *Resident) runningOf(g wire.GenerationID) *instance {
	for _, i := range r.started {
		if i.Generation == g {
			return i
		}
	}
	for _, l := range r.launching {
		if l.Generation == g {
			return l.instance
		}
	}
	return nil
}

// sortedInstances are all instances by ID.
func (r *Resident) sortedInstances() []*instance {
	return slices.SortedFunc(maps.Values(r.instances), func(a, b *instance) int { return cmp.Compare(a.ID, b.ID) })
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// endInstances kills and reaps everything that still runs, when everything ends.
func (r *Resident) endInstances() error {
	var errs []error
	var left []*instance
	for _, i := range r.started {
		if !i.ending {
			errs = append(errs, i.kill(), r.poller.remove(i.process.Pidfd))
			i.ending = true
			left = append(left, i)
		}
	}
	for _, i := range left {
		errs = append(errs, finish(i.process))
	}
	r.started = nil
	return errors.Join(errs...)
}
