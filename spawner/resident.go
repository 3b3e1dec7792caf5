package spawner

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/listener"
	"github.com/bulkhead/bulkhead/spawner/source"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Config is what a [Resident] works with.
type Config struct {
	// Host is what instances and the manager are launched on. The caller closes it, after Run.
	Host  *Host
	Facts host.Facts
	// Options go to the manager. Control is the path of the control socket, whose directory is made when it is not there; Metrics is
	// empty, or the address, with a number for a host, that is listened on.
	Options wire.Options
	// Files are the names of the policies, and Plan is what they say: generation 1. Manager is the supervisor's own module: see [SplitManager].
	Files   []string
	Plan    wire.Plan
	Manager wire.Module
	// Read reads the policies again, under the rule of trust, for a reload. It is called by a goroutine of its own and may block.
	Read func() ([]compile.Source, error)
	// Variables and Include are those of [compile.Request].
	Variables map[string]string
	Include   func(path string) (source.File, error)
	// Runtime is a directory for the spawner alone, which is made and removed, as the one above it is when it is not there. No other supervisor
	// has the same.
	Runtime string
	// Log takes the spawner's own lines. Events go to the manager, which logs them; here is what there is nobody else to tell.
	Log *slog.Logger
	// Output takes the lines that modules write when there is no manager that could read them.
	Output LineWriter
	// Counters returns the counters of posix.Core; nil when nobody counts.
	Counters func() ([]wire.CallCount, []wire.CallDuration)
	// Rest is called when nothing has been asked for, for a while, after something was: to give back the memory that it took. It is called by a
	// goroutine of its own. Nil is nothing.
	Rest func()
	// Ahead makes the next instance of a module, but for its process, when one was launched: see [Ahead].
	Ahead bool
	// Signals delivers SIGHUP, which asks for a reload, and SIGINT and SIGTERM, which ask for an end.
	Signals <-chan os.Signal
}

// Resident is the spawner as a process that stays: it holds sockets, instances and their pipes, and does what its manager asks for
// as far as the policy allows it. Use [NewResident].
type Resident struct {
	Config
	kernel     Kernel
	poller     *poller
	alarms     alarms
	background sync.WaitGroup // goroutines that end by themselves within moments
	failed     error          // something that the loop cannot go on after
	since      time.Time
	runtime    *runtimeDir
	made       []string // directories

	services struct{ control, metrics *listener.Socket }

	// startManager launches the manager with its end of the channel, which stays the caller's.
	startManager func(channel posix.FD) (*Instance, error)
	// beginCompile starts the compile process.
	beginCompile  func(req compile.Request, ended func()) (compilation, error)
	manager       *manager // nil while there is none
	managerStarts uint32
	restarts      restartDelay
	restart       *alarm
	wishes        []wire.Wish   // for a manager that is still to come
	notices       []wire.Notice // as well
	memos         map[string][]byte

	instances    map[wire.InstanceID]*instance
	started      []*instance // those that run, in the order of their start
	lastInstance wire.InstanceID
	lanes        lanes
	launching    []*launching  // in the order of the requests
	late         []*launching  // given up, and not yet at their end
	launchLimit  time.Duration // [launchLimit]
	launches     wire.Histogram
	parts        []wire.CallDuration // of launches
	aheads       []*waiting          // the oldest first
	expected     []*wire.Module      // those of which an instance may be wanted soon, the last one first
	anticipating *alarm

	current, prepared *generation
	lastGeneration    wire.GenerationID
	pool              map[listener.Identity]*pooled
	preparing         *preparing // nil while no reload is being prepared
	reading           bool       // the policies are being read
	reserving         bool       // unix sockets are being made

	stop stopping
	done bool
	// status is that of the process.
	status int
	// resting is the alarm of the next rest; nil when there was one and nothing was asked for since.
	resting *alarm
}

// NewResident returns a spawner that has not begun. Nothing is opened yet.
func NewResident(c Config) *Resident {
	r := &Resident{Config: c, kernel: c.Host.Kernel, memos: map[string][]byte{}, instances: map[wire.InstanceID]*instance{},
		pool: map[listener.Identity]*pooled{}, stop: stopping{margin: stopMargin, echo: echo}, launchLimit: launchLimit}
	r.lanes = lanes{alarms: &r.alarms, post: func(f func()) { r.poller.post(f) },
		open: func() (*launch.Launcher, error) { return launch.New(r.kernel, launch.Options{Narrow: true}) }}
	r.startManager = func(channel posix.FD) (*Instance, error) {
		return c.Host.Start(&r.Manager, fmt.Sprint(r.managerStarts), [3]posix.FD{channel, 1, 2}, nil)
	}
	r.beginCompile = func(req compile.Request, ended func()) (compilation, error) {
		return compile.Begin(r.kernel, c.Host.Launcher, req, ended)
	}
	return r
}

// Run opens the listeners, starts the manager and does what it asks for until everything has been stopped. It runs on the thread that
// the launcher belongs to. The status is that of the supervisor; an error is that of the spawner itself, and then everything was ended at
// once. Nothing is left behind in either case.
func (r *Resident) Run() (status int, err error) {
	if err := r.begin(); err != nil {
		return 0, errors.Join(err, r.end())
	}
	for !r.done {
		if err := r.turn(); err != nil {
			r.Log.Error("the spawner cannot go on; killing everything", "error", err)
			return 0, errors.Join(err, r.end())
		}
	}
	return r.status, r.end()
}

// begin gets ready to serve, with the manager started and nothing else.
func (r *Resident) begin() (err error) {
	r.since = time.Now()
	if r.poller, err = newPoller(r.kernel, r.Signals); err != nil {
		return err
	}
	if err := errors.Join(r.directory(path.Dir(r.Runtime)), r.directory(path.Dir(r.Options.Control))); err != nil {
		return err
	}
	if removed, err := sweepRuntimes(r.kernel, r.Runtime); err != nil || len(removed) > 0 {
		about := []any{"removed", removed}
		if err != nil {
			about = append(about, "error", err)
		}
		r.Log.Warn("a supervisor before this one was killed", about...) // and this one can do its work all the same
	}
	if r.runtime, err = openRuntime(r.kernel, r.Runtime); err != nil {
		return err
	}
	if err := r.openServices(); err != nil {
		return err
	}
	r.lastGeneration = 1
	g := newGeneration(1, r.Files, r.Plan)
	r.Plan = wire.Plan{} // what is needed of it goes with its generation
	if err := r.reserve(g); err != nil {
		return err
	}
	if err := r.listen(g); err != nil {
		return err
	}
	r.current = g
	return r.launchManager()
}

// turn waits for something and deals with it.
func (r *Resident) turn() error {
	if err := r.poller.wait(r.alarms.patience()); err != nil {
		return err
	}
	r.poller.callPosted()
	for _, sig := range r.poller.signals() {
		r.signal(sig)
	}
	if err := r.alarms.ring(func() error { return r.poller.wait(0) }); err != nil {
		return err
	}
	return r.failed
}

// fail has the loop end with an error.
func (r *Resident) fail(err error) {
	if r.failed == nil {
		r.failed = err
	}
}

// inBackground runs work, which must not use what belongs to the loop, and has the loop call then.
func (r *Resident) inBackground(work, then func()) {
	r.background.Go(func() {
		work()
		r.poller.post(then)
	})
}

// end gives everything back: processes, sockets, directories. Whatever still runs is killed.
func (r *Resident) end() error {
	var errs []error
	if r.poller != nil {
		r.cancelPreparing()
		r.lanes.settle(r.poller.callPosted)
		r.tellLate()
		r.dropAheads(func(*wire.Module) bool { return true })
		errs = append(errs, r.endManager(), r.endInstances())
		r.background.Wait()
		r.poller.callPosted() // ends that were noticed in the background
		r.lanes.close()
	}
	for _, i := range r.instances {
		errs = append(errs, i.close(r.kernel))
	}
	for id, s := range r.pool {
		errs = append(errs, inTime(closeLimit, func() error { return s.Close(r.kernel) }))
		delete(r.pool, id)
	}
	for _, s := range []*listener.Socket{r.services.control, r.services.metrics} {
		if s != nil {
			errs = append(errs, s.Close(r.kernel))
		}
	}
	if r.runtime != nil {
		errs = append(errs, r.runtime.close())
	}
	for _, dir := range slices.Backward(r.made) {
		// Another supervisor may use it by now.
		if err := r.kernel.Unlinkat(posix.AtFDCWD, dir, unix.AT_REMOVEDIR); err != nil && !is(err, unix.ENOTEMPTY) && !is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("remove %s: %w", dir, err))
		}
	}
	if r.poller != nil {
		errs = append(errs, r.poller.close())
	}
	return errors.Join(errs...)
}

// signal passes on what the supervisor was asked by a signal.
func (r *Resident) signal(sig os.Signal) {
	switch {
	case sig == unix.SIGHUP && r.stop.asked.IsZero():
		r.ask(wire.WishReload)
	case sig == unix.SIGHUP:
		r.Log.Info("SIGHUP: it is stopping; nothing is reloaded")
	case r.stop.asked.IsZero():
		r.stop.asked = time.Now()
		r.dropAheads(func(*wire.Module) bool { return true })
		r.askToStop()
	case time.Since(r.stop.asked) < r.stop.echo:
		// The same request once more: timeout(1) and some terminals signal the process and its group.
	default:
		r.Log.Warn("asked again: killing what is left", "signal", sig.String())
		r.killAll()
	}
}

// ask tells the manager, this one or the next.
func (r *Resident) ask(w wire.Wish) {
	if r.manager.serves() {
		r.send(&outgoing{frame: wire.Frame{Kind: wire.KindAsked, Body: wire.EncodeWish(w)}})
		return
	}
	for _, waiting := range r.wishes {
		if waiting == w {
			return
		}
	}
	r.wishes = append(r.wishes, w)
}

// notice tells the manager of something that happened here, this one or the next.
func (r *Resident) notice(n wire.Notice) {
	if r.manager.serves() {
		r.send(&outgoing{frame: wire.Frame{Kind: wire.KindNotice, Body: n.Encode()}})
		return
	}
	const most = 100 // the oldest are in the log
	if r.notices = append(r.notices, n); len(r.notices) > most {
		r.notices = r.notices[1:]
	}
}
