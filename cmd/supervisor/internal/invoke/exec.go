package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/plancache"
	"github.com/bulkhead/bulkhead/spawner/terminal"
)

// ExecOptions are the flags of `supervisor exec`.
type ExecOptions struct {
	file, module string
	noPlanCache  bool
	logLevel     string
	over         overrides
	fds          []string
	timeout      time.Duration
	jsonStatus   int
	// dieWithParent ends this process with the one that started it.
	dieWithParent bool
}

// Register adds the flags to a set.
func (o *ExecOptions) Register(f *pflag.FlagSet) {
	f.StringVar(&o.file, "policy", "", "policy `FILE`")
	f.StringVar(&o.module, "module", "", "module of the policy, when it has several")
	f.BoolVar(&o.noPlanCache, "no-plan-cache", false, "compile the policy anew, and do not keep the plan")
	f.StringArrayVar(&o.over.binds, "bind", nil, "show `SRC[:DEST][:ACCESS]` of the host; ACCESS is r, rx, rw (the default) or rwx; repeatable")
	f.StringArrayVar(&o.over.readOnly, "ro-bind", nil, "show `SRC[:DEST]` of the host, to be read and executed; repeatable")
	f.StringArrayVar(&o.over.tmpfs, "tmpfs", nil, "an empty file system in memory at `DEST[:SIZE]`, 16M without a size; repeatable")
	f.StringArrayVar(&o.over.environment, "env", nil, "set the variable `NAME=VALUE`, or NAME as it is here; repeatable")
	f.StringVar(&o.over.workingDir, "working-dir", "", "the `DIR` that the command starts in, as it sees it")
	f.StringArrayVar(&o.fds, "fd", nil, "pass descriptor `N` on, or OURS:THEIRS; repeatable")
	f.DurationVar(&o.timeout, "timeout", 0, "after `DURATION` send the stop signal, after the grace period SIGKILL, and exit with 124")
	f.BoolVar(&o.dieWithParent, "die-with-parent", false, "end at once, with the command, when the process that started this one ends")
	f.IntVar(&o.jsonStatus, "json-status", -1, "write how the command began and ended to descriptor `FD`, an object of JSON in each line")
	f.StringVar(&o.logLevel, "log-level", "info", "lowest `LEVEL` that is logged: debug (every system call, where the plan came from), info, warn or error")
}

// planCache returns where plans are kept, or a cache that keeps none.
func (a *Invocation) planCache(o ExecOptions) (*plancache.Cache, error) {
	log, err := NewLogger(os.Stderr, "text", o.logLevel, false)
	if err != nil {
		return nil, Exit(StatusInvalid, err)
	}
	if log.Enabled(context.Background(), slog.LevelDebug) {
		a.CoreLevel.Set(slog.LevelDebug)
	}
	c := &plancache.Cache{Version: Version, Log: log}
	if !o.noPlanCache {
		c.Dir = plancache.Dir(a.Core.Geteuid(), os.Getenv)
	}
	return c, nil
}

// Exec is `supervisor exec`: it runs the command and says how that went where --json-status wants it. See [Invocation.Status].
func (a *Invocation) Exec(o ExecOptions, command []string) error {
	status := statusStream{core: a.Core, fd: posix.FD(o.jsonStatus)}
	if o.jsonStatus >= 0 {
		if err := a.inherited(o.jsonStatus); err != nil {
			return Exit(StatusInvalid, fmt.Errorf("--json-status %d: %w", o.jsonStatus, err))
		}
	}
	err := a.execute(o, command, &status)
	return errors.Join(err, status.failed(err))
}

func (a *Invocation) execute(o ExecOptions, command []string, status *statusStream) error {
	parent := a.Core.Getppid()
	switch {
	case o.file == "":
		return Exit(StatusInvalid, errors.New("exec needs --policy FILE"))
	case o.timeout < 0:
		return Exit(StatusInvalid, fmt.Errorf("--timeout %s: it lies in the past", o.timeout))
	}
	fds, err := parsePassed(o.fds)
	if err != nil {
		return Exit(StatusInvalid, err)
	}
	given := map[string]posix.FD{}
	for to, from := range fds {
		if err := a.inherited(from); err != nil {
			return Exit(StatusInvalid, fmt.Errorf("--fd %d: %w", from, err))
		}
		given[program.Inherited(to)] = posix.FD(from)
	}
	override, err := o.over.text(a.workingDir, os.LookupEnv)
	if err != nil {
		return Exit(StatusInvalid, err)
	}
	cache, err := a.planCache(o)
	if err != nil {
		return err
	}
	req := compile.Request{Module: o.module, Exec: true, Command: command, Override: override, Descriptors: slices.Sorted(maps.Keys(fds))}
	var size posix.Winsize
	if req.Terminal = a.Core.Tcgetwinsize(0, &size) == nil; req.Terminal {
		req.Environment = []string{"TERM=" + os.Getenv("TERM")}
	}
	var signals *spawner.Signals
	// A signal that comes before the command is there waits for it. Catching them takes other threads a while, so it begins early; but not in a
	// process that is going to be replaced, which would lose those that it caught.
	a.Stays = func() { signals = spawner.CatchSignals() }
	b, err := a.begin(o.file, cache, req)
	if err != nil {
		return err
	}
	m := &b.plan.Modules[0]
	if o.dieWithParent {
		if err := a.dieWith(parent); err != nil {
			if b.ahead != nil {
				err = errors.Join(err, b.ahead.Abandon())
			}
			return Exit(StatusSupervisor, errors.Join(err, b.host.Close()))
		}
	}
	f := spawner.Foreground{Module: m, Signals: signals, Listeners: given, Timeout: o.timeout, Started: status.began, Ahead: b.ahead}
	exit, err := a.foreground(b.host, f, req.Terminal)
	err = errors.Join(err, b.host.Close())
	if err != nil {
		return Exit(launchStatus(err), err)
	}
	if exit.OOMKills > 0 && exit.Code != posix.CldExited {
		fmt.Fprintf(os.Stderr, "supervisor: %s: %s\n", m.Name, exit)
	}
	code := exit.ShellStatus()
	if exit.TimedOut {
		fmt.Fprintf(os.Stderr, "supervisor: %s: ended because --timeout %s was over: %s\n", m.Name, o.timeout, exit)
		code = StatusTimeout
	}
	return Exit(code, status.ended(exit, code))
}

// dieWith has the kernel kill this process, and so its command, when its parent ends: the thread of it, where it has several, that started this one. To enter
// a user namespace takes that back, so it comes after. Source: PR_SET_PDEATHSIG(2const).
func (a *Invocation) dieWith(parent posix.PID) error {
	if _, err := a.Core.Prctl(posix.PrctlArgs{Op: unix.PR_SET_PDEATHSIG, Arg2: uint64(unix.SIGKILL)}); err != nil {
		return fmt.Errorf("--die-with-parent: %w", err)
	}
	if a.Core.Getppid() != parent {
		return errors.New("--die-with-parent: the process that started this one has ended already")
	}
	return nil
}

// workingDir is where relative paths of the command line start.
func (a *Invocation) workingDir() (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := a.Core.Readlinkat(posix.AtFDCWD, "/proc/self/cwd", buf)
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	dir := string(buf[:n])
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("the working directory %s is outside of this root", dir)
	}
	return dir, nil
}

// inherited is an error unless a descriptor is one that this process was started with: its own are closed by an exec.
func (a *Invocation) inherited(fd int) error {
	flags, err := a.Core.Fcntl(posix.FD(fd), unix.F_GETFD, 0)
	switch {
	case err != nil && !errors.Is(err, posix.Errno(unix.EBADF)):
		return err
	case err != nil, flags&unix.FD_CLOEXEC != 0:
		return errors.New("no such descriptor is open here; a shell opens one as in `supervisor … 7<file`")
	}
	return nil
}

// foreground runs the command, behind a pseudo-terminal of its own when the standard input is one.
func (a *Invocation) foreground(h *spawner.Host, f spawner.Foreground, tty bool) (exit spawner.Exit, err error) {
	if tty {
		if f.Terminal, err = terminal.Open(a.Core, 0); err != nil {
			if f.Ahead != nil {
				err = errors.Join(err, f.Ahead.Abandon())
			}
			return exit, err
		}
		defer func() { err = errors.Join(err, f.Terminal.Close()) }()
	}
	return h.Run(f)
}

// launchStatus is the exit status for a launch that failed: that of a shell when the command could not be executed.
func launchStatus(err error) int {
	var step *launch.StepError
	if errors.As(err, &step) && step.Exec {
		if errors.Is(step.Errno, posix.Errno(unix.ENOENT)) {
			return StatusNotFound
		}
		return StatusNotAllowed
	}
	return StatusSupervisor
}

// invalidStatus is the exit status for a policy with errors: that of a shell when all that is wrong is the command.
func invalidStatus(ds policy.Diagnostics) int {
	status := StatusInvalid
	for _, d := range ds {
		if d.Severity != policy.SeverityError {
			continue
		}
		switch d.Code {
		case sandbox.CodeCommandNotFound:
			status = StatusNotFound
		case sandbox.CodeCommandNotAllowed:
			status = StatusNotAllowed
		default:
			return StatusInvalid
		}
	}
	return status
}
