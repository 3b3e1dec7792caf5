package core

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/event"
	"github.com/bulkhead/bulkhead/core/future"
	"github.com/bulkhead/bulkhead/core/link"
	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/core/notify"
	"github.com/bulkhead/bulkhead/core/poll"
	"github.com/bulkhead/bulkhead/core/probe"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Kernel is what a manager needs of the system.
type Kernel interface {
	posix.Files
	posix.Sockets
	posix.Polling
}

// Service is what a [Server] is made of. The listening sockets are its own.
type Service struct {
	Options wire.Options
	Control posix.FD
	Metrics posix.FD     // -1 without
	Log     *slog.Logger // never blocks
}

// Server answers those who ask. Its methods are called by one goroutine and do not block.
type Server interface {
	// OpenSelf takes ownership of a listening socket on which an instance asks about itself.
	OpenSelf(wire.InstanceID, posix.FD)
	// CloseSelf is called when an instance has ended.
	CloseSelf(wire.InstanceID)
	// Close gives everything back; answers that are being given have a moment.
	Close() error
}

// Config configures a Runtime. Without Serve, sockets are closed; everything else but Level must be set.
type Config struct {
	Kernel Kernel
	// Channel is the manager's end of the channel to the spawner, which the Runtime owns.
	Channel posix.FD
	// Stdout and Stderr are the supervisor's own, which it does not own.
	Stdout, Stderr posix.FD
	PID            int // of this process
	// Random are the bytes of IDs, and Jitter spreads delays: a number in [0, 1).
	Random io.Reader
	Jitter func() float64
	// Serve begins to answer those who ask. It owns the sockets, also when it returns an error, which ends the manager.
	Serve func(*Runtime, Service) (Server, error)
	// Level is set to the level of the log that the supervisor was given.
	Level *slog.LevelVar
}

// keptEvents is how many events are remembered.
const keptEvents = 2048

// ErrEnded is the error of asking a manager that is ending.
var ErrEnded = errors.New("the manager is ending")

// decider is a [machine.Machine].
type decider interface {
	Step(machine.Event) []machine.Op
	Deadline() time.Time
	Status() api.Status
}

// Runtime is what lives as long as the manager. Its methods can be called by any goroutine.
type Runtime struct {
	c      Config
	link   *link.Link
	ring   *event.Ring
	lines  *logs.Ring
	loop   *poll.Loop
	notify *notify.Receiver
	probe  *probe.Prober

	todo  chan func(now time.Time) // for the goroutine that owns the machine
	ended chan struct{}

	// What follows is of the goroutine that receives from the spawner.
	server    Server
	collector *logs.Collector
	messages  *logs.Queue
	running   sync.WaitGroup
	failure   error // of greeting

	// What follows is of the goroutine that owns the machine.
	machine     decider
	log         *slog.Logger
	queue       *logs.Queue
	writer      *logs.Writer
	options     wire.Options
	listeners   []wire.Listener
	generations generations
	undrained   map[wire.InstanceID]*machine.Send // the Forget that waits; nil when it was not asked for
	failing     failing
	tickets     machine.Ticket
	waiting     map[machine.Ticket]func(api.Result, error) bool
	changed     bool // since the status was made
	status      api.Status

	mu    sync.Mutex // guards what follows
	asked uint64     // number of the last request of our own
	stats *future.Future[wire.Stats]
	tell  map[uint64]func(wire.Stats, error) bool
	last  api.Status // when it has ended

	trouble []error // of the goroutines that wait for descriptors
}

// New makes a runtime. Its owner runs it.
func New(c Config) (*Runtime, error) {
	ids := event.NewIDs(c.Random)
	return newRuntime(c, machine.New(machine.Options{NewID: ids.New, Jitter: c.Jitter, PID: c.PID}))
}

func newRuntime(c Config, m decider) (*Runtime, error) {
	r := &Runtime{
		c: c, machine: m, ring: event.NewRing(keptEvents), lines: logs.NewRing(), todo: make(chan func(time.Time), 256), ended: make(chan struct{}),
		log: slog.New(slog.DiscardHandler), undrained: map[wire.InstanceID]*machine.Send{}, waiting: map[machine.Ticket]func(api.Result, error) bool{},
		tell: map[uint64]func(wire.Stats, error) bool{}, changed: true,
	}
	var err error
	if r.link, err = link.New(c.Kernel, c.Channel); err != nil {
		return nil, err
	}
	if r.loop, err = poll.New(c.Kernel); err != nil {
		r.link.Close()
		return nil, errors.Join(err, ignoreClosed(r.link.Run(nil)))
	}
	r.notify = notify.New(r.loop, c.Kernel, notify.Options{Notified: r.notified, Refused: r.refused})
	r.probe = probe.New(r.loop, c.Kernel, r.probed)
	return r, nil
}

// Run manages until the spawner closes the channel. An error says what else has ended it.
func (r *Runtime) Run() error {
	r.running.Go(func() {
		if err := r.loop.Run(); err != nil {
			r.broken(fmt.Errorf("notice readiness and probes: %w", err))
		}
	})
	decided := make(chan struct{})
	go func() {
		r.decide()
		close(decided)
	}()
	err := ignoreClosed(r.link.Run(handler{r}))
	close(r.ended)
	<-decided
	errs := []error{err, r.failure}
	if r.server != nil {
		errs = append(errs, r.server.Close())
	}
	r.ring.Close()
	r.lines.Close()
	r.notify.Close()
	r.probe.Close()
	r.loop.Stop()
	if r.collector != nil {
		r.collector.Stop()
	}
	errs = append(errs, r.settle())
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(append(errs, r.trouble...)...)
}

// broken ends the manager, because it does not notice any more what it must: its successor will.
func (r *Runtime) broken(err error) {
	r.mu.Lock()
	r.trouble = append(r.trouble, err)
	r.mu.Unlock()
	r.link.Close()
}

// endTime is how long what is being written may take when the manager ends.
const endTime = 500 * time.Millisecond

// settle waits for goroutines. One that is held up by who reads the log is left behind: the process ends.
func (r *Runtime) settle() error {
	settled := make(chan struct{})
	go func() {
		r.running.Wait()
		if r.messages != nil {
			<-r.messages.Close()
		}
		close(settled)
	}()
	select {
	case <-settled:
		return nil
	case <-time.After(endTime):
		return errors.New("the log is not being read: what was to be written is lost")
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, link.ErrClosed) {
		return nil
	}
	if err != nil {
		err = fmt.Errorf("talk to the spawner: %w", err)
	}
	return err
}

// post has f called by the goroutine that owns the machine. False: it has ended.
func (r *Runtime) post(f func(now time.Time)) bool {
	select {
	case <-r.ended:
		return false
	case r.todo <- f:
		return true
	}
}

// feed posts an event.
func (r *Runtime) feed(event func(machine.Now) machine.Event) bool {
	return r.post(func(now time.Time) { r.step(event(machine.Now{Time: now})) })
}

// Observe makes it known that something has happened. Kind, Level and Text are set; an Instance has the rest filled in.
func (r *Runtime) Observe(e api.Event) {
	r.feed(func(now machine.Now) machine.Event { return machine.Observed{Now: now, Event: e} })
}
