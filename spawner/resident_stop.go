package spawner

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// stopping is how far the end of the supervisor has come.
type stopping struct {
	asked     time.Time // when a signal asked for it
	finishing bool      // the manager has said that all is done
	alone     bool      // the spawner stops the instances itself, because there is no manager
	killed    bool
	margin    time.Duration // [stopMargin]
	echo      time.Duration // [echo]
}

// begun tells whether nothing is going to be launched any more.
func (s *stopping) begun() bool { return !s.asked.IsZero() || s.finishing || s.alone || s.killed }

// echo is how long after a request to stop another one is taken for the same.
const echo = 500 * time.Millisecond

// statusKilled is that of a supervisor that was made to kill what it should have stopped.
const statusKilled = 1

// askToStop has the manager stop everything, or does it where there is none.
func (r *Resident) askToStop() {
	if r.manager.serves() {
		r.Log.Debug("stopping") // the manager says it to everybody
		r.ask(wire.WishStop)
		r.alarms.set(r.stopTime(), func() {
			if !r.done && !r.stop.finishing {
				r.killManager("was told to stop everything, and has not")
			}
		})
		return
	}
	if r.manager != nil {
		return // it is ending: managerEnded goes on
	}
	r.Log.Warn("stopping without the manager, which is not there")
	r.stopAlone()
}

// stopMargin is what a manager may take to stop everything beyond the grace periods.
const stopMargin = 15 * time.Second

// stopTime is how long a manager may take to stop everything: module by module, with the grace period of each.
func (r *Resident) stopTime() time.Duration {
	grace := map[string]time.Duration{}
	longest := func(name string, d time.Duration) { grace[name] = max(grace[name], d) }
	for _, i := range r.started {
		longest(i.Module, i.module.StopGracePeriod)
	}
	for name, m := range r.current.modules { // which may have another one than when an instance was launched
		longest(name, m.StopGracePeriod)
	}
	sum := r.stop.margin
	for _, d := range grace {
		sum += d
	}
	return sum
}

// stopAlone begins to stop all instances in the reverse order of their start, and passes their output on.
func (r *Resident) stopAlone() {
	if r.stop.alone {
		return
	}
	r.stop.alone = true
	r.alarms.stop(r.restart)
	r.restart = nil
	r.cancelPreparing()
	for _, i := range r.sortedInstances() {
		if i.Exit != nil {
			r.drain(i)
			continue
		}
		for n := range i.pipes {
			o := r.takeOutput(i, n)
			if err := r.poller.add(o.fd, func() error { r.readOutput(o); return nil }); err != nil {
				r.fail(err)
			}
		}
	}
	r.stopNext()
}

// takeOutput returns the output of a pipe that nobody else reads any more.
func (r *Resident) takeOutput(i *instance, n int) *output {
	if i.output[n] == nil {
		i.output[n] = newOutput(r.kernel, i.pipes[n], Stream(n+1), i.Module, int(i.Replica), r.Output)
		i.pipes[n] = -1
	}
	return i.output[n]
}

// readOutput passes on what a pipe holds. Lines that nobody takes are lost: nothing must keep modules from being stopped.
func (r *Resident) readOutput(o *output) {
	done, err := o.read()
	if err != nil {
		r.lost(o, err)
	}
	if done {
		if err := errors.Join(r.poller.remove(o.fd), o.close()); err != nil {
			r.lost(o, err)
		}
	}
}

func (r *Resident) lost(o *output, err error) {
	r.Log.Error("output is lost", "module", o.module, "instance", o.instance, "error", err)
}

// drain passes on all that an instance has left in its pipes, and closes them.
func (r *Resident) drain(i *instance) {
	for n := range i.pipes {
		if i.output[n] == nil && i.pipes[n] < 0 {
			continue
		}
		o := r.takeOutput(i, n)
		if o.fd < 0 {
			continue
		}
		err := o.drain()
		if _, watched := r.poller.ready[o.fd]; watched {
			err = errors.Join(err, r.poller.remove(o.fd))
		}
		if err := errors.Join(err, o.close()); err != nil {
			r.lost(o, err)
		}
	}
}

// stopNext asks the instances of the module that was started last to stop, when all that came after it have ended; at the end of all,
// so does the supervisor.
func (r *Resident) stopNext() {
	if !r.stop.alone || r.done {
		return
	}
	if len(r.started)+len(r.launching) == 0 {
		r.done = true
		if r.stop.killed {
			r.status = statusKilled
		}
		r.Log.Info(fmt.Sprintf("nothing is left; the exit status is %d", r.status))
		return
	}
	if len(r.started) == 0 {
		return // what is being launched ends when that has come to its end
	}
	last := r.started[len(r.started)-1].Module
	for _, i := range r.started {
		if i.Module != last || i.asked || i.ending {
			continue
		}
		i.asked = true
		if err := i.signal(posix.Signal(i.module.StopSignal)); err != nil {
			r.Log.Error("cannot signal it; killing it", "module", i.Module, "instance", int(i.Replica), "error", err)
			r.killOne(i)
			continue
		}
		i.grace = r.alarms.set(i.module.StopGracePeriod, func() {
			r.Log.Warn(i.name()+" is still running; killing it", "module", i.Module, "instance", int(i.Replica))
			r.killOne(i)
		})
	}
}

func (r *Resident) killOne(i *instance) {
	if err := i.kill(); err != nil {
		r.fail(fmt.Errorf("kill %s: %w", i.Module, err))
	}
}

// killAll ends everything at once: the manager first, so that it starts nothing again.
func (r *Resident) killAll() {
	r.stop.killed = true
	if m := r.manager; m != nil && !m.ended {
		m.why = "was not to wait any longer"
		r.hangUp(m)
		if err := m.process.Signal(unix.SIGKILL); err != nil {
			r.fail(fmt.Errorf("kill the manager: %w", err))
		}
	}
	for _, i := range r.started {
		i.asked = true
		r.killOne(i)
	}
	if r.manager == nil {
		r.stopAlone()
	}
}
