package spawner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Supervisor runs the modules of a plan.
type Supervisor struct {
	Host      *Host
	Modules   []wire.Module
	Listeners map[string]posix.FD
	Log       *slog.Logger
	// Output takes the lines that modules write.
	Output LineWriter
	// Started is called once, when every module has been launched.
	Started func()
	// Signals delivers SIGINT and SIGTERM, which stop the supervisor, and SIGHUP, which it cannot serve.
	Signals <-chan os.Signal

	poller    *poller
	instances []*running
	stopping  bool
	askedAt   time.Time // when it was asked to stop
	failed    bool
}

// running is an instance with its output.
type running struct {
	*Instance
	output [2]*output // standard output and error
	asked  bool       // its stop signal was sent
	killAt time.Time  // when patience ends; zero before it was asked to stop
}

// ErrModuleFailed says that a module ended by itself and not well.
var ErrModuleFailed = errors.New("a module failed")

// Run launches all modules and returns when the last instance has ended. A launch that fails stops those that were launched before.
func (s *Supervisor) Run() (err error) {
	if s.poller, err = newPoller(s.Host.Kernel, s.Signals); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.poller.close()) }()
	launchErr := s.launchAll()
	if launchErr == nil {
		s.Started()
	} else {
		s.stop()
	}
	for len(s.instances) > 0 {
		if err := s.turn(); err != nil {
			return errors.Join(launchErr, err, s.abandon())
		}
	}
	if launchErr == nil && s.failed {
		return ErrModuleFailed
	}
	return launchErr
}

func (s *Supervisor) launchAll() error {
	for m := range s.Modules {
		for n := range max(s.Modules[m].Replicas, 1) {
			if err := s.launch(&s.Modules[m], n); err != nil {
				return err
			}
		}
	}
	return nil
}

// launch starts one instance with pipes for its output and nothing on its input.
func (s *Supervisor) launch(m *wire.Module, n int) (err error) {
	k := s.Host.Kernel
	r := &running{}
	var give []posix.FD // ends that belong to the child
	defer func() {
		for _, fd := range give {
			err = errors.Join(err, k.Close(fd))
		}
		if err != nil {
			for _, o := range r.output {
				if o != nil {
					err = errors.Join(err, o.close())
				}
			}
		}
	}()
	null, err := k.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		return fmt.Errorf("%s: open /dev/null: %w", m.Name, err)
	}
	give = append(give, null)
	for i := range r.output {
		read, write, err := k.Pipe2(unix.O_CLOEXEC)
		if err != nil {
			return fmt.Errorf("%s: make a pipe for its output: %w", m.Name, err)
		}
		give = append(give, write)
		r.output[i] = newOutput(k, read, Stream(i+1), m.Name, n, s.Output)
		if _, err := k.Fcntl(read, unix.F_SETFL, unix.O_NONBLOCK); err != nil {
			return fmt.Errorf("%s: set up the pipe for its output: %w", m.Name, err)
		}
	}
	if r.Instance, err = s.Host.Start(m, strconv.Itoa(n), [3]posix.FD(give), s.Listeners); err != nil {
		return err
	}
	if err := s.watch(r); err != nil {
		// Its end would never be seen.
		err = errors.Join(fmt.Errorf("%s: %w", m.Name, err), s.poller.forget(r.output[0].fd, r.output[1].fd), r.Signal(unix.SIGKILL))
		_, finishErr := r.Finish()
		return errors.Join(err, finishErr)
	}
	s.instances = append(s.instances, r)
	s.Log.Info("started", "module", m.Name, "instance", n, "pid", int(r.PID))
	return nil
}

// watch has the loop wait for an instance's output and for its end.
func (s *Supervisor) watch(r *running) error {
	for _, o := range r.output {
		if err := s.poller.add(o.fd, func() error { return s.read(o) }); err != nil {
			return err
		}
	}
	return s.poller.add(r.Pidfd, func() error { return s.ended(r) })
}

// turn waits for something and deals with it.
func (s *Supervisor) turn() error {
	if err := s.poller.wait(s.patience()); err != nil {
		return err
	}
	for _, sig := range s.poller.signals() {
		s.signal(sig)
	}
	now := time.Now()
	for _, r := range s.instances {
		if !r.killAt.IsZero() && !now.Before(r.killAt) {
			s.Log.Warn("still running at the end of its grace period; killing it", "module", r.Module.Name, "instance", r.ID)
			r.killAt = time.Time{}
			if err := r.Signal(unix.SIGKILL); err != nil {
				return err
			}
		}
	}
	return nil
}

// patience is how long to wait: until the first grace period ends.
func (s *Supervisor) patience() time.Duration {
	wait := time.Duration(-1)
	for _, r := range s.instances {
		if !r.killAt.IsZero() {
			left := max(time.Until(r.killAt), 0)
			if wait < 0 || left < wait {
				wait = left
			}
		}
	}
	return wait
}

func (s *Supervisor) signal(sig os.Signal) {
	switch {
	case sig == unix.SIGHUP:
		s.Log.Warn("SIGHUP: reloading belongs to the manager, which is not in this version of supervisor; nothing was changed")
	case s.stopping && time.Since(s.askedAt) < echo:
		// The same request once more: timeout(1) and some terminals signal the process and its group.
	case s.stopping:
		s.Log.Warn("asked again: killing what is left", "signal", sig.String())
		s.killAll()
	default:
		s.Log.Info("stopping", "signal", sig.String())
		s.stop()
	}
}

// stop begins to stop everything; it goes on in stopNext as instances end.
func (s *Supervisor) stop() {
	s.stopping, s.askedAt = true, time.Now()
	s.stopNext()
}

// stopNext asks the instances of the module that was started last to stop, when all that came after it have ended.
func (s *Supervisor) stopNext() {
	if !s.stopping || len(s.instances) == 0 {
		return
	}
	last := s.instances[len(s.instances)-1].Module
	for _, r := range s.instances {
		if r.Module != last || r.asked {
			continue
		}
		r.asked, r.killAt = true, time.Now().Add(r.Module.StopGracePeriod)
		if err := r.Signal(posix.Signal(r.Module.StopSignal)); err != nil {
			s.Log.Error("cannot signal it; killing it", "module", r.Module.Name, "instance", r.ID, "error", err)
			r.killAt = time.Now()
		}
	}
}

func (s *Supervisor) killAll() {
	for _, r := range s.instances {
		r.killAt = time.Time{}
		if err := r.Signal(unix.SIGKILL); err != nil {
			s.Log.Error("cannot kill it", "module", r.Module.Name, "instance", r.ID, "error", err)
		}
	}
}

// abandon kills and reaps everything when the loop cannot go on.
func (s *Supervisor) abandon() error {
	s.killAll()
	var errs []error
	for _, r := range s.instances {
		_, err := r.Finish()
		errs = append(errs, err)
		for _, o := range r.output {
			if o.fd >= 0 {
				errs = append(errs, s.Host.Kernel.Close(o.fd))
			}
		}
	}
	s.instances = nil
	return errors.Join(errs...)
}

// read passes on what a pipe holds.
func (s *Supervisor) read(o *output) error {
	done, err := o.read()
	if err != nil || !done {
		return err
	}
	return s.drop(o)
}

func (s *Supervisor) drop(o *output) error {
	return errors.Join(s.poller.remove(o.fd), o.close())
}

// ended deals with the end of an instance's process: everything that it left behind is ended too, and what it wrote is passed on.
func (s *Supervisor) ended(r *running) error {
	err := s.poller.remove(r.Pidfd)
	exit, finishErr := r.Finish()
	for _, o := range r.output {
		if o.fd < 0 {
			continue
		}
		err = errors.Join(err, o.drain())
		err = errors.Join(err, s.drop(o))
	}
	s.instances = slices.DeleteFunc(s.instances, func(x *running) bool { return x == r })
	level := slog.LevelInfo
	if !r.asked && (exit.Code != posix.CldExited || exit.Status != 0) {
		level, s.failed = slog.LevelError, true
	}
	attrs := []any{"module", r.Module.Name, "instance", r.ID, "pid", int(r.PID)}
	if exit.ForksRefused > 0 {
		attrs = append(attrs, "forks_refused_by_pids.max", exit.ForksRefused)
	}
	s.Log.Log(context.Background(), level, exit.String(), attrs...)
	if finishErr != nil {
		s.Log.Error("something of it could not be cleaned up", "module", r.Module.Name, "error", finishErr)
	}
	s.stopNext()
	return err
}
