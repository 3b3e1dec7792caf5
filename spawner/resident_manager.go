package spawner

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

const (
	pingEvery  = 5 * time.Second
	pingAnswer = 15 * time.Second // how long it may take to answer
	// managerEnd is how long a manager that has finished may take to end by itself: what it waits for itself adds up to less than one second, but the
	// machine may have other things to do.
	managerEnd = 3 * time.Second
)

// manager is one life of the manager process.
type manager struct {
	process *Instance
	channel *channel // closed when it is not obeyed any more
	started time.Time
	why     string // why it is not obeyed any more; empty while it is
	gone    bool   // it closed its end, or was to
	pings   map[uint64]time.Time
	ping    *alarm
	pause   *alarm
	ended   bool // its end was noticed
	// statistics are the requests that wait for some.
	statistics []uint64
}

// serves tells whether there is a manager that is listened to.
func (m *manager) serves() bool { return m != nil && m.why == "" && !m.gone && !m.ended }

// restartDelay is how long to wait before a manager that ended is started again.
type restartDelay struct{ last time.Duration }

const (
	firstDelay  = 100 * time.Millisecond
	longestWait = 5 * time.Second
	healthyRun  = 10 * time.Second // after which the delay begins anew
)

// after returns the delay after a life of the given length.
func (d *restartDelay) after(life time.Duration) time.Duration {
	switch {
	case life >= healthyRun || d.last == 0:
		d.last = firstDelay
	default:
		d.last = min(2*d.last, longestWait)
	}
	return d.last
}

// launchManager starts a manager and tells it what there is.
func (r *Resident) launchManager() error {
	r.healServices()
	ours, theirs, err := r.kernel.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make the channel to the manager: %w", err)
	}
	r.managerStarts++
	p, err := r.startManager(theirs)
	err = errors.Join(err, r.kernel.Close(theirs))
	if err != nil {
		if p != nil {
			err = errors.Join(err, p.Signal(unix.SIGKILL), finish(p))
		}
		return errors.Join(fmt.Errorf("start the manager: %w", err), r.kernel.Close(ours))
	}
	m := &manager{process: p, channel: newChannel(r.kernel, ours), started: time.Now(), pings: map[uint64]time.Time{}}
	err = r.poller.add(p.Pidfd, func() error { return r.managerExits(m) })
	if err == nil {
		if err = r.poller.watch(ours, unix.EPOLLIN, func(events uint32) error { r.talk(m, events); return nil }); err != nil {
			err = errors.Join(err, r.poller.remove(p.Pidfd))
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("watch the manager: %w", err), p.Signal(unix.SIGKILL), finish(p), m.channel.close())
	}
	r.manager = m
	m.ping = r.alarms.set(pingEvery, func() { r.pingManager(m) })
	r.restless()
	return r.greet()
}

func finish(i *Instance) error {
	_, err := i.Finish()
	return err
}

// greet sends the first frames.
func (r *Resident) greet() error {
	fd, err := sealed(r.kernel, "bulkhead-snapshot", r.snapshot().Encode())
	if err != nil {
		return err
	}
	services := []posix.FD{r.services.control.FD}
	if r.services.metrics != nil {
		services = append(services, r.services.metrics.FD)
	}
	r.send(&outgoing{frame: wire.Frame{Kind: wire.KindHello}, fds: []posix.FD{fd}, lent: services})
	for _, i := range r.sortedInstances() {
		r.send(&outgoing{frame: wire.Frame{Kind: wire.KindAttach, Body: i.Encode()}, of: i})
	}
	for _, w := range r.wishes {
		r.send(&outgoing{frame: wire.Frame{Kind: wire.KindAsked, Body: wire.EncodeWish(w)}})
	}
	for _, n := range r.notices {
		r.send(&outgoing{frame: wire.Frame{Kind: wire.KindNotice, Body: n.Encode()}})
	}
	r.wishes, r.notices = nil, nil
	return nil
}

// snapshot is what a manager finds when it is started.
func (r *Resident) snapshot() wire.Snapshot {
	s := wire.Snapshot{
		Options: r.Options, PID: uint32(r.kernel.Getpid()), Since: r.since, ManagerStarts: r.managerStarts,
		Current: r.current.outline, Stopping: !r.stop.asked.IsZero(), Listeners: r.openListeners(),
	}
	s.Options.Owner = r.ownerAsSeen()
	if r.prepared != nil {
		s.Prepared = &r.prepared.outline
	}
	for _, i := range r.sortedInstances() {
		s.Instances = append(s.Instances, i.Instance)
	}
	for _, key := range sortedKeys(r.memos) {
		s.Memos = append(s.Memos, wire.Memo{Key: key, Data: r.memos[key]})
	}
	return s
}

// ownerAsSeen is the user who may use the control socket, by the number that the manager sees. Without root it is the spawner's own user whom
// the manager runs as, in a user namespace in which that one has the number of the manager's user, and nobody else has any.
func (r *Resident) ownerAsSeen() uint32 {
	mapped := slices.ContainsFunc(r.Manager.Enforcement, func(e sandbox.Enforcement) bool {
		return e.Protection == "user" && e.Level != sandbox.Enforced
	})
	if mapped && r.Options.Owner == uint32(r.kernel.Geteuid()) {
		return uint32(r.Manager.User.UID)
	}
	return r.Options.Owner
}

// pingManager asks whether it is there, and kills it when it has not answered for too long.
func (r *Resident) pingManager(m *manager) {
	if r.manager != m || !m.serves() {
		return
	}
	now := time.Now()
	for _, sent := range m.pings {
		if now.Sub(sent) >= pingAnswer {
			r.killManager(fmt.Sprintf("does not answer for %s", pingAnswer))
			return
		}
	}
	id := uint64(now.UnixNano())
	m.pings[id] = now
	m.ping = r.alarms.set(pingEvery, func() { r.pingManager(m) })
	r.send(&outgoing{frame: wire.Frame{Kind: wire.KindPing, ID: id}})
}

// killManager ends a manager that is not obeyed any more. What follows comes when its process has ended.
func (r *Resident) killManager(why string) {
	m := r.manager
	if !m.serves() {
		return
	}
	m.why = why
	r.hangUp(m)
	if err := m.process.Signal(unix.SIGKILL); err != nil {
		r.fail(fmt.Errorf("kill the manager: %w", err))
	}
}

// dismiss lets a manager end by itself that closed its end of the channel, or is not needed any more.
func (r *Resident) dismiss(m *manager) {
	m.gone = true
	r.hangUp(m)
	r.alarms.set(managerEnd, func() {
		if r.manager == m && !m.ended {
			m.gone = false
			r.killManager("does not end")
		}
	})
}

// hangUp closes the channel, and stops what belongs to it.
func (r *Resident) hangUp(m *manager) {
	r.alarms.stop(m.ping)
	r.alarms.stop(m.pause)
	if m.channel.fd < 0 {
		return
	}
	if err := errors.Join(r.poller.remove(m.channel.fd), m.channel.close()); err != nil {
		r.fail(fmt.Errorf("close the channel to the manager: %w", err))
	}
}

// managerExits deals with the end of the manager's process.
func (r *Resident) managerExits(m *manager) error {
	for range maxQueue { // what it said last still counts
		if !m.serves() {
			break
		}
		f, err := m.channel.receive()
		if err != nil || r.take(f) != nil {
			break
		}
	}
	m.ended = true
	r.hangUp(m)
	if err := r.poller.remove(m.process.Pidfd); err != nil {
		return err
	}
	var exit Exit
	var err error
	r.inBackground(func() { exit, err = m.process.Finish() }, func() { r.managerEnded(m, exit, err) })
	return nil
}

// managerEnded starts another manager, in a while, or does without one.
func (r *Resident) managerEnded(m *manager, exit Exit, err error) {
	r.manager = nil
	if err != nil {
		r.Log.Error("something of the manager could not be cleaned up", "error", err)
	}
	why := m.epitaph(exit)
	if r.done || r.stop.finishing {
		r.done = true
		if m.why != "" {
			r.Log.Error(why)
		}
		return
	}
	if r.stop.killed {
		r.stopAlone()
		return
	}
	if !r.stop.asked.IsZero() {
		r.Log.Warn(why + "; stopping without it")
		r.stopAlone()
		return
	}
	delay := r.restarts.after(time.Since(m.started))
	// The next one logs it. It is not said twice, and not by the spawner as long as there is a next one.
	r.notice(wire.Notice{Kind: "manager.restarted", Severity: wire.Warning, Text: why + "; this is another one, and the modules run on"})
	r.restartManager(delay, why)
}

// epitaph says how a manager ended.
func (m *manager) epitaph(exit Exit) string {
	if m.why != "" {
		return fmt.Sprintf("the manager (pid %d) was killed: it %s", m.process.PID, m.why)
	}
	return fmt.Sprintf("the manager (pid %d) ended: %s", m.process.PID, exit)
}

// restartManager tries until there is a manager. why is how the one before ended.
func (r *Resident) restartManager(delay time.Duration, why string) {
	r.restart = r.alarms.set(delay, func() {
		r.restart = nil
		if err := r.launchManager(); err != nil {
			if r.manager != nil { // it runs, and could not be told what there is
				r.killManager("cannot be told what there is: " + err.Error())
				return
			}
			delay := r.restarts.after(0)
			r.Log.Error("cannot start the manager; trying again", "error", err, "in", delay, "before", why)
			r.restartManager(delay, why)
		}
	})
}

// endManager makes sure that there is no manager, when everything ends.
func (r *Resident) endManager() error {
	r.alarms.stop(r.restart)
	m := r.manager
	if m == nil || m.ended {
		return nil
	}
	m.ended = true
	r.hangUp(m)
	err := errors.Join(r.poller.remove(m.process.Pidfd), m.process.Signal(unix.SIGKILL))
	return errors.Join(err, finish(m.process))
}

// talk deals with what the channel has for us, and with room in it.
func (r *Resident) talk(m *manager, events uint32) {
	if events&unix.EPOLLOUT != 0 && m.serves() {
		r.flush()
	}
	// Not all at once: there are others who wait.
	for range 64 {
		if !m.serves() || !r.hear(m) {
			return
		}
	}
}

// hear takes one frame from the manager. It returns false when none waits, or it is not listened to any more.
func (r *Resident) hear(m *manager) bool {
	f, err := m.channel.receive()
	switch {
	case err == nil:
		if err := r.take(f); err != nil {
			r.killManager(fmt.Sprintf("sent garbage: a frame of kind %s: %v", f.Kind, err))
		}
	case is(err, unix.EAGAIN):
		return false
	case errors.Is(err, errGone):
		r.dismiss(m)
	case errors.Is(err, wire.ErrMalformed):
		r.killManager("sent garbage: " + err.Error())
	default:
		r.killManager("cannot be heard: " + err.Error())
	}
	return m.serves()
}
