package spawner

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/listener"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// pooled is a socket that generations share.
type pooled struct {
	*listener.Socket
	spec       policy.Listener // as it is in force
	generation wire.GenerationID
	healed     uint32

	watched posix.FD // what the loop waits for
	guarded bool     // there is something to wait for
	again   *alarm
	window  time.Time // when it began to count
	count   int       // times that the socket was found down since
	wait    time.Duration
	lost    bool // its loss was reported
}

// where is the address at which it really listens.
func (s *pooled) where() string {
	if s.Identity.Path != "" {
		return s.Identity.Path
	}
	return s.Addr.String()
}

// How often a socket may be shut down before healing it is put off, and how long to wait for what cannot be healed at once.
const (
	healWindow  = time.Second
	healsAtMost = 10
	healAgain   = 100 * time.Millisecond
	healLongest = 5 * time.Second
)

// guard waits for somebody to shut a listening socket down: all who hold it can. A TCP socket that can be written to does not listen either: it
// was shut down and connected to somewhere, before anybody looked.
func (r *Resident) guard(s *pooled) error {
	if s.guarded || s.again != nil { // of a generation that did not listen as a whole, and is to once more
		return nil
	}
	events := uint32(unix.EPOLLRDHUP)
	if s.Identity.Family != unix.AF_UNIX && s.Identity.Type == unix.SOCK_STREAM {
		events |= unix.EPOLLOUT
	}
	if err := r.poller.watch(s.FD, events, func(uint32) error { r.hungUp(s); return nil }); err != nil {
		return fmt.Errorf("watch listener %s: %w", s.spec.Name, err)
	}
	s.guarded, s.watched = true, s.FD
	return nil
}

// unguard undoes guard.
func (r *Resident) unguard(s *pooled) error {
	r.alarms.stop(s.again)
	s.again = nil
	if !s.guarded {
		return nil
	}
	s.guarded = false
	return r.poller.remove(s.watched)
}

// closePooled closes a socket that no generation wants.
func (r *Resident) closePooled(s *pooled) error {
	delete(r.pool, s.Identity)
	return errors.Join(r.unguard(s), inTime(closeLimit, func() error { return s.Close(r.kernel) }))
}

// closeLimit is how long the loop waits for the removal of a unix socket's path.
const closeLimit = time.Second

// inTime has another goroutine do something that may wait for a file system, and returns its error, or one after a while. What it works with is nobody
// else's any more.
func inTime(limit time.Duration, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("its file system does not answer within %s", limit)
	}
}

// hungUp deals with a socket that has hung up.
func (r *Resident) hungUp(s *pooled) {
	now := time.Now()
	if now.Sub(s.window) > healWindow {
		s.window, s.count = now, 0
	}
	if s.count++; s.count > healsAtMost {
		// Somebody shuts it down as fast as it is healed. It must not keep the loop from everything else.
		r.healLater(s, healWindow)
		return
	}
	if !s.Down(r.kernel) {
		return // an error that a peer has caused, such as a port that cannot be reached
	}
	r.heal(s)
}

// heal brings a socket back that somebody has shut down.
func (r *Resident) heal(s *pooled) {
	if err := r.unguard(s); err != nil {
		r.fail(err)
		return
	}
	replaced, err := s.Heal(r.kernel)
	if err == nil {
		err = r.guard(s)
	}
	if err != nil {
		if !s.lost {
			s.lost = true
			r.Log.Error("a module has shut a listener down, and it cannot be brought back yet", "listener", s.spec.Name, "error", err)
			r.notice(wire.Notice{Kind: "listener.lost", Severity: wire.Error, Listener: s.spec.Name,
				Text: fmt.Sprintf("somebody has shut it down, and it cannot be brought back yet: %v", err)})
		}
		s.wait = min(max(2*s.wait, healAgain), healLongest)
		r.healLater(s, s.wait)
		return
	}
	s.healed++
	s.lost, s.wait = false, 0
	n := wire.Notice{Kind: "listener.healed", Severity: wire.Warning, Listener: s.spec.Name,
		Text: fmt.Sprintf("somebody who holds the socket of %s has shut it down; it listens again", s.where())}
	if replaced {
		n.Kind = "listener.replaced"
		n.Text = fmt.Sprintf("somebody who holds the socket of %s has shut it down; there is a new one, and the modules that have it are restarted", s.where())
	}
	r.notice(n)
}

// healLater does not look at a socket for a while, and then heals it if it is down.
func (r *Resident) healLater(s *pooled, d time.Duration) {
	if err := r.unguard(s); err != nil {
		r.fail(err)
		return
	}
	s.again = r.alarms.set(d, func() {
		s.again = nil
		if s.Down(r.kernel) {
			r.heal(s)
		} else if err := r.guard(s); err != nil {
			r.fail(err)
		}
	})
}

// announce tells the manager where the listeners that a generation opened really listen.
func (r *Resident) announce(g *generation) {
	for _, l := range g.listeners {
		if s := g.sockets[l.Name]; s.generation == g.id {
			r.notice(wire.Notice{Kind: "listener.opened", Listener: l.Name, Address: s.where(), Text: fmt.Sprintf("listener %s listens on %s", l.Name, s.where())})
		}
	}
}

// openListeners are the sockets that listen, by name.
func (r *Resident) openListeners() []wire.Listener {
	var out []wire.Listener
	seen := map[*pooled]bool{}
	for _, g := range []*generation{r.current, r.prepared} {
		if g == nil || !g.listening {
			continue
		}
		for _, l := range g.listeners {
			s := g.sockets[l.Name]
			if seen[s] {
				continue
			}
			seen[s] = true
			out = append(out, wire.Listener{Name: l.Name, Network: l.Network, Address: s.where(), Generation: s.generation, Healed: s.healed,
				Backlog: uint32(s.Backlog)})
		}
	}
	slices.SortFunc(out, func(a, b wire.Listener) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Generation, b.Generation))
	})
	return out
}

// healServices brings back what a manager before this one has shut down. Nobody else holds these sockets.
func (r *Resident) healServices() {
	for _, s := range []*listener.Socket{r.services.control, r.services.metrics} {
		if s == nil || !s.Down(r.kernel) {
			continue
		}
		if _, err := s.Heal(r.kernel); err != nil {
			r.Log.Error("a manager has shut down what it was to serve, and it cannot be brought back", "error", err)
			continue
		}
		n := wire.Notice{Kind: "listener.healed", Severity: wire.Warning, Text: fmt.Sprintf("a manager before this one has shut down %s; it listens again", s.Identity)}
		r.notice(n)
	}
}

// openServices opens what the manager serves: the control socket and, when it is wanted, the address of the metrics.
func (r *Resident) openServices() (err error) {
	k := r.kernel
	control := policy.Listener{Name: "control", Network: "unix", Path: r.Options.Control}
	control.Mode.V = 0o600
	if r.Options.Owner != uint32(k.Geteuid()) {
		control.User.V = fmt.Sprint(r.Options.Owner)
	}
	if r.services.control, err = listener.Open(k, control); is(err, unix.EADDRINUSE) {
		return fmt.Errorf("control socket: somebody serves %s, most likely another supervisor (`ss -xlp` finds it): give this one a path of its own with "+
			"--control PATH, or stop the other one: %w", r.Options.Control, posix.Errno(unix.EADDRINUSE))
	} else if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if r.Options.Metrics == "" {
		return nil
	}
	addr, err := netip.ParseAddrPort(r.Options.Metrics)
	if err != nil {
		hint := ""
		if strings.HasPrefix(r.Options.Metrics, ":") {
			hint = "; say 127.0.0.1" + r.Options.Metrics + " or 0.0.0.0" + r.Options.Metrics
		}
		return fmt.Errorf("metrics: %q is not an address with a port%s", r.Options.Metrics, hint)
	}
	if r.services.metrics, err = listener.Open(k, policy.Listener{Name: "metrics", Network: "tcp", Addr: addr}); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}
