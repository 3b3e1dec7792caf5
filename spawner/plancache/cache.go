package plancache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/source"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Kernel is what a Cache needs.
type Kernel interface {
	compile.Parent
	Geteuid() posix.UID
	Uname() (posix.Utsname, error)
}

// Cache is a directory of plans. The zero value keeps nothing: every request is compiled.
type Cache struct {
	// Dir is an absolute path, see [Dir]. It is made when it is missing.
	Dir string
	// Version is what the program says of itself.
	Version string
	// Log gets a line for each plan at the level debug; nil logs nothing.
	Log *slog.Logger
	// Timeout is how long the look into the cache may take, the answers included; 0 is [compile.Timeout].
	Timeout time.Duration

	identify func(posix.Files, string) (Program, error) // thisProgram, but in tests
	run      func(compile.Parent, *launch.Launcher, compile.Request) (wire.Plan, compile.Record, error)
}

// Outcome is where a plan came from.
type Outcome struct {
	Cached bool
	Why    string // why it was not taken from the cache
	Key    Key    // of the entry that has it; zero when it is not kept
}

// Compile returns the plan of a request: one that was kept, or a new one, which is then kept. Plans with errors are not.
// The errors are those of [compile.Run].
func (c *Cache) Compile(k Kernel, l *launch.Launcher, req compile.Request) (wire.Plan, Outcome, error) {
	key, plan, why := c.find(k, l, req)
	if why == nil {
		c.debug("plan taken from the cache", slog.String("entry", key.String()))
		return plan, Outcome{Cached: true, Key: key}, nil
	}
	run := c.run
	if run == nil {
		run = compile.RunRecorded
	}
	plan, record, err := run(k, l, req)
	if err != nil {
		return plan, Outcome{Why: why.Error()}, err
	}
	c.debug("plan compiled", slog.String("why", why.Error()))
	if err := c.keep(k, key, plan, record); err != nil {
		c.debug("plan not kept", slog.String("why", err.Error()))
		key = Key{}
	}
	return plan, Outcome{Why: why.Error(), Key: key}, nil
}

// Reasons for a miss that are no trouble.
var (
	errOff     = errors.New("there is no cache")
	errNone    = errors.New("there is no entry for this request")
	errChanged = errors.New("an answer about the host changed")
	errSlow    = errors.New("looking at the host took too long")
	errInvalid = errors.New("the plan has errors")
)

// find looks an entry up and makes sure that its plan is still the one that would be made. The work is done by another thread: a file
// system that hangs must not take the caller with it.
func (c *Cache) find(k Kernel, l *launch.Launcher, req compile.Request) (Key, wire.Plan, error) {
	if c.Dir == "" {
		return Key{}, wire.Plan{}, errOff
	}
	key, err := c.key(k, req)
	if err != nil {
		return Key{}, wire.Plan{}, err
	}
	found, same := make(chan Entry, 1), make(chan error, 1)
	go c.look(k, key, req.Include, found, same)
	timeout := c.timeout()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var plan wire.Plan
	for found != nil || same != nil {
		select {
		case e := <-found:
			found = nil
			if plan, err = decode(e); err != nil {
				return key, wire.Plan{}, err
			}
		case err := <-same: // without an error there is an entry
			same = nil
			if err != nil {
				return key, wire.Plan{}, err
			}
		case <-timer.C:
			return key, wire.Plan{}, fmt.Errorf("%w: %s", errSlow, timeout)
		}
	}
	return key, plan, nil
}

// key returns the key of a request.
func (c *Cache) key(k Kernel, req compile.Request) (Key, error) {
	p, err := c.program(k)
	if err != nil {
		return Key{}, err
	}
	kernel, err := k.Uname()
	if err != nil {
		return Key{}, fmt.Errorf("ask for the kernel's version: %w", err)
	}
	return KeyOf(p, kernel, req), nil
}

// program returns the program that compiles.
func (c *Cache) program(k Kernel) (Program, error) {
	if c.identify != nil {
		return c.identify(k, c.Version)
	}
	return thisProgram(k, c.Version)
}

func (c *Cache) timeout() time.Duration {
	if c.Timeout == 0 {
		return compile.Timeout
	}
	return c.Timeout
}

// decode returns the plan of an entry.
func decode(e Entry) (wire.Plan, error) {
	plan, err := wire.DecodePlan(e.Plan)
	if err != nil {
		return wire.Plan{}, err
	}
	if plan.Diagnostics.HasErrors() {
		return wire.Plan{}, errInvalid
	}
	return plan, nil
}

// look reads an entry and hands it to found. Then it asks the entry's questions again, and says on same what speaks against using it.
func (c *Cache) look(k Kernel, key Key, include includer, found chan<- Entry, same chan<- error) {
	e, err := load(k, c.Dir, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		same <- errNone
	case err != nil:
		same <- fmt.Errorf("read the entry: %w", err)
	default:
		found <- e
		same <- ask(k, include, e)
	}
}

// includer is Include of [compile.Request].
type includer = func(path string) (source.File, error)

// ask is an error unless all answers are now those of the entry.
func ask(k Kernel, include includer, e Entry) error {
	for _, x := range e.Exchanges {
		now, err := compile.Answer(k, include, x.Question)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, x.Answer) {
			return fmt.Errorf("%w: %q", errChanged, x.Question)
		}
	}
	return nil
}

// keep writes a new plan down.
func (c *Cache) keep(k Kernel, key Key, plan wire.Plan, r compile.Record) error {
	switch {
	case c.Dir == "" || key == Key{}:
		return errOff
	case plan.Diagnostics.HasErrors():
		return errInvalid
	case r.Truncated || len(r.Exchanges) > maxExchanges:
		return errors.New("it rests on too many answers")
	}
	return save(k, c.Dir, Entry{Key: key, Exchanges: r.Exchanges, Plan: r.Plan})
}

func (c *Cache) debug(what string, attrs ...slog.Attr) {
	if c.Log != nil {
		c.Log.LogAttrs(context.Background(), slog.LevelDebug, what, attrs...)
	}
}
