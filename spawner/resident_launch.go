package spawner

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// launching is an instance that a lane launches.
type launching struct {
	*instance
	id      uint64   // of the request
	by      *manager // who asked for it
	pending *pending
	give    []posix.FD // what only the child needs
	made    []string   // in the runtime directory
	late    bool       // it was given up, and the request answered
}

// launchLimit is how long a launch may take. Opening its paths may take the launcher's deadline, which says which one does not answer.
const launchLimit = 12 * time.Second

// partQueue is the part of a launch in which other launches were carried out.
const partQueue = "queue"

// launch begins to launch an instance with pipes for its output, nothing on its input, and the sockets that its program wants. What comes of it
// answers a request.
func (r *Resident) launch(g *generation, m *wire.Module, replica uint32, id uint64) (err error) {
	if late := r.lateOf(m.Name); late != nil {
		return fmt.Errorf("%s: a launch of it from %s still waits for a file system; none is begun until that has ended",
			m.Name, late.Started.Format(time.TimeOnly))
	}
	begun := time.Now()
	i, ahead, err := r.takeAhead(m)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	if ahead == nil {
		i = r.newInstance(m)
	}
	i.Generation, i.Replica, i.Started = g.id, replica, begun
	l := &launching{instance: i, id: id, by: r.manager}
	defer func() {
		if err == nil {
			return
		}
		if ahead != nil { // not launched into
			err = errors.Join(err, ahead.Abandon())
		}
		err = errors.Join(err, r.clear(l), i.close(r.kernel))
	}()
	stdio, err := r.streams(l)
	if err != nil {
		return err
	}
	listeners, err := r.lend(l, g)
	if err != nil {
		return err
	}
	if ahead != nil {
		l.pending = ahead.pending(stdio, listeners)
	} else {
		sockets, made, err := r.instanceSockets(i)
		l.made = made
		for _, fd := range sockets {
			l.give = append(l.give, fd)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		l.pending = r.Host.pending(m, i.group(), launch.Request{Stdio: stdio, Listeners: listeners, Sockets: sockets})
	}
	ready := time.Now()
	i.Parts = []wire.Part{{Name: "streams", Took: ready.Sub(begun)}}
	var queued time.Duration
	r.launching = append(r.launching, l)
	r.lanes.run(&errand{
		do: func(on *launch.Launcher) error {
			queued = time.Since(ready)
			_, err := l.pending.launch(on)
			return err
		},
		cancel: func() error { return l.pending.cancel() },
		then: func(err error) {
			if err == nil {
				i.Parts = append(i.Parts, wire.Part{Name: partQueue, Took: queued})
			}
			r.launched(l, err)
		},
		limit: r.launchLimit, late: func() { r.giveUp(l) },
	})
	return nil
}

// streams makes the standard streams.
func (r *Resident) streams(l *launching) (stdio [3]posix.FD, err error) {
	k := r.kernel
	null, err := k.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		return stdio, fmt.Errorf("%s: open /dev/null: %w", l.Module, err)
	}
	l.give = append(l.give, null)
	for n := range l.pipes {
		read, write, err := k.Pipe2(unix.O_CLOEXEC)
		if err != nil {
			return stdio, fmt.Errorf("%s: make a pipe for its output: %w", l.Module, err)
		}
		l.pipes[n] = read
		l.give = append(l.give, write)
		if _, err := k.Fcntl(read, unix.F_SETFL, unix.O_NONBLOCK); err != nil {
			return stdio, fmt.Errorf("%s: set up the pipe for its output: %w", l.Module, err)
		}
	}
	return [3]posix.FD(l.give), nil
}

// lend returns the sockets that the module inherits, by name. They are copies: a listener may be closed while the launch is under way.
func (r *Resident) lend(l *launching, g *generation) (map[string]posix.FD, error) {
	own, err := r.ownSockets(l.instance)
	for _, fd := range own {
		l.give = append(l.give, fd)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Module, err)
	}
	all := g.fds()
	for _, want := range l.module.Program.Prepare {
		fd, ok := all[want.Path]
		if _, twice := own[want.Path]; want.Kind != program.Listener || !ok || twice {
			continue
		}
		dup, err := r.kernel.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, fmt.Errorf("%s: copy listener %s: %w", l.Module, want.Path, err)
		}
		own[want.Path] = posix.FD(dup)
		l.give = append(l.give, posix.FD(dup))
	}
	return own, nil
}

// clear gives back what a launch needed.
func (r *Resident) clear(l *launching) error {
	var errs []error
	for _, fd := range l.give {
		errs = append(errs, r.kernel.Close(fd))
	}
	l.give = nil
	return errors.Join(append(errs, r.removeMade(l))...)
}

// removeMade removes the names of the sockets in the runtime directory. The launch has descriptors of them.
func (r *Resident) removeMade(l *launching) error {
	var errs []error
	for _, name := range l.made {
		errs = append(errs, r.runtime.remove(name))
	}
	l.made = nil
	return errors.Join(errs...)
}

// launched goes on when a launch has come to its end.
func (r *Resident) launched(l *launching, err error) {
	i := l.instance
	err = errors.Join(err, r.clear(l))
	r.launching = slices.DeleteFunc(r.launching, func(x *launching) bool { return x == l })
	defer r.stopNext()
	if err == nil && !l.late && r.manager == l.by && r.manager.serves() {
		if err = r.register(l); err == nil {
			r.send(&outgoing{frame: wire.Frame{Kind: wire.KindReply, ID: l.id, Body: wire.Reply{Payload: i.Encode()}.Encode()}, of: i})
			return
		}
	}
	r.late = slices.DeleteFunc(r.late, func(x *launching) bool { return x == l })
	if process := l.pending.Instance; err == nil { // nobody waits for it any more
		r.inBackground(func() { err = errors.Join(process.Signal(unix.SIGKILL), finish(process)) }, func() { r.cleared(l, err) })
		return
	}
	if !l.late && r.manager == l.by && r.manager.serves() {
		r.answer(l.id, errors.Join(err, i.close(r.kernel)))
		return
	}
	r.cleared(l, nil)
}

// cleared closes what is left of an instance that nobody waits for.
func (r *Resident) cleared(l *launching, err error) {
	if err = errors.Join(err, l.close(r.kernel)); err != nil {
		r.Log.Error("something of a launch that nobody waits for could not be cleaned up", "module", l.Module, "error", err)
	} else if l.late {
		r.Log.Info(l.name()+": the launch that was given up has come to its end, and nothing is left of it", "module", l.Module, "instance", int(l.Replica))
	}
}

// register takes an instance that was launched among those that run.
func (r *Resident) register(l *launching) error {
	i := l.instance
	i.process = l.pending.Instance
	i.PID, i.Launch = uint32(i.process.PID), time.Since(i.Started)
	for _, p := range i.process.Parts {
		i.Parts = append(i.Parts, wire.Part{Name: p.Name, Took: p.Took})
	}
	if err := r.poller.add(i.process.Pidfd, func() error { return r.exits(i) }); err != nil {
		// Its end would never be seen.
		return errors.Join(fmt.Errorf("%s: %w", i.Module, err), i.process.Signal(unix.SIGKILL), finish(i.process))
	}
	r.observe(i)
	r.anticipate(i.module)
	r.instances[i.ID] = i
	r.started = append(r.started, i)
	return nil
}

// giveUp answers a request whose launch does not come to its end. What the launch has made goes when it does.
func (r *Resident) giveUp(l *launching) {
	l.late = true
	r.launching = slices.DeleteFunc(r.launching, func(x *launching) bool { return x == l })
	r.late = append(r.late, l)
	steps := l.module.Program.Steps
	place := l.module.Program.Place(steps[len(steps)-1].Origin) // of the command
	err := fmt.Errorf("%s: execute %s: not begun within %s, and given up: "+
		"the file system of the program, of its loader or of its working directory does not answer (policy %s)",
		l.Module, l.module.Command[0], r.launchLimit, place)
	if e := r.removeMade(l); e != nil {
		r.Log.Error("something of a launch that was given up could not be cleaned up", "module", l.Module, "error", e)
	}
	go l.pending.kill() // not one of the background's: it ends when the file system lets it
	if r.manager == l.by && r.manager.serves() {
		r.answer(l.id, err)
	} else {
		r.Log.Error(err.Error(), "module", l.Module, "instance", int(l.Replica))
	}
	r.stopNext()
}

// tellLate says, when everything ends, what does not end with it.
func (r *Resident) tellLate() {
	for _, l := range r.late {
		r.Log.Warn(l.name()+": a launch that was given up still waits for a file system: its process ends when that lets it go, and has begun nothing; "+
			"the next supervisor removes its control group", "module", l.Module, "instance", int(l.Replica))
	}
}

// lateOf returns a launch of a module that was given up and has not come to its end, if there is one.
func (r *Resident) lateOf(module string) *launching {
	for _, l := range r.late {
		if l.Module == module {
			return l
		}
	}
	return nil
}

// launchBounds are those of the histogram of launches.
var launchBounds = []time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond,
	250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second,
}

// observe counts a launch and its parts.
func (r *Resident) observe(i *instance) {
	count(&r.launches, i.Launch)
	for _, p := range i.Parts {
		at := slices.IndexFunc(r.parts, func(known wire.CallDuration) bool { return known.Op == p.Name })
		if at < 0 {
			at = len(r.parts)
			r.parts = append(r.parts, wire.CallDuration{Op: p.Name})
		}
		count(&r.parts[at].Histogram, p.Took)
	}
}

// count adds an observation to a histogram of launches.
func count(h *wire.Histogram, took time.Duration) {
	if h.Buckets == nil {
		for _, le := range launchBounds {
			h.Buckets = append(h.Buckets, wire.Bucket{Le: le})
		}
	}
	h.Count++
	h.Sum += took
	for n := range h.Buckets {
		if took <= h.Buckets[n].Le {
			h.Buckets[n].N++
		}
	}
}
