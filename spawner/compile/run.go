package compile

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Parent is what the spawner's end needs.
type Parent interface {
	launch.Kernel
	posix.Sockets
	posix.Polling
}

// Timeout is how long the compile process may take, the answers included. It is for what hangs: a process that computes has cpuSeconds, which can
// take longer than that where others compute, too.
const Timeout = 30 * time.Second

// cpuSeconds bounds what the compile process may compute.
const cpuSeconds = 10

// maxQuestions bounds what the compile process may ask.
const maxQuestions = 100_000

// executable is what the process runs: our own program, whatever has become of its path. To open it is to get the file that this process runs,
// which may have been replaced since, or removed. See proc_pid_exe(5).
const executable = "/proc/self/exe"

// Run compiles the request in a confined process. An error means that there is no plan; what is wrong with the policies is in
// the plan's diagnostics.
func Run(k Parent, l *launch.Launcher, req Request) (wire.Plan, error) {
	plan, _, err := RunRecorded(k, l, req)
	return plan, err
}

// RunRecorded is Run, and also returns what the plan was made of.
func RunRecorded(k Parent, l *launch.Launcher, req Request) (wire.Plan, Record, error) {
	return tool{executable, Timeout}.run(k, l, req)
}

// tool is the program that compiles, and its time.
type tool struct {
	executable string
	timeout    time.Duration
}

func (t tool) run(k Parent, l *launch.Launcher, req Request) (plan wire.Plan, record Record, err error) {
	var at atomic.Pointer[string]
	err = t.exchange(k, l, req.Facts, Role, &at, func(c channel) (err error) {
		plan, record, err = compiled(c, lookup{k, req.Include, &at}, EncodeRequest(req))
		return err
	})
	if err != nil {
		return wire.Plan{}, Record{}, fmt.Errorf("compile the policy: %w", err)
	}
	return plan, record, nil
}

// exchange runs a role of the program, and talk with it. at is what talk is looking at.
func (t tool) exchange(k Parent, l *launch.Launcher, f host.Facts, role string, at *atomic.Pointer[string], talk func(channel) error) error {
	ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket pair for the confined process: %w", err)
	}
	p, err := t.start(k, l, f, role, theirs)
	err = errors.Join(err, k.Close(theirs))
	if err != nil {
		return errors.Join(err, k.Close(ours))
	}
	done := make(chan error, 1)
	// The answers are given by another thread: a file system that hangs must not take the spawner with it.
	go func() { done <- errors.Join(talk(channel{k, ours}), k.Close(ours)) }()
	timer := time.NewTimer(t.timeout)
	defer timer.Stop()
	select {
	case err = <-done:
	case <-timer.C:
		err = t.stuck(at)
	}
	status, reaped := finish(k, p)
	if err != nil {
		err = fmt.Errorf("%w%s", err, status)
	}
	return errors.Join(err, reaped)
}

// late is the error of a process that took too long.
func (t tool) late() error { return fmt.Errorf("no answer after %s", t.timeout) }

// stuck is the error of a host that took too long to answer, when it is that; at is what is being looked at.
func (t tool) stuck(at *atomic.Pointer[string]) error {
	if name := at.Load(); name != nil {
		return fmt.Errorf("no answer after %s: the file system of %s does not answer", t.timeout, *name)
	}
	return t.late()
}

// start launches a role of the program.
func (t tool) start(k Parent, l *launch.Launcher, f host.Facts, role string, theirs posix.FD) (p launch.Process, err error) {
	filter, err := OwnFilter(toolCalls)
	if err != nil {
		return launch.Process{}, err
	}
	program, err := k.Openat2(posix.AtFDCWD, t.executable, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
	if err != nil {
		return launch.Process{}, fmt.Errorf("start the confined process: open the own program: %w", err)
	}
	defer func() { err = errors.Join(err, k.Close(program)) }()
	p, err = l.Launch(launch.Request{
		Program: sandbox.CompileTool(sandbox.Tool{Name: "compile", Executable: "program", Argv: []string{"supervisor", role}, Channel: "channel",
			CPUSeconds: uint64(min(max(t.timeout, time.Second)/time.Second, cpuSeconds)), Facts: f, Filter: filter}),
		Stdio:     [3]posix.FD{theirs, 2, 2},
		Listeners: map[string]posix.FD{"channel": theirs, "program": program},
	})
	if err != nil {
		return p, fmt.Errorf("start the confined process: %w", err)
	}
	return p, nil
}

// Role is the first argument that makes the program the compile process.
const Role = "role:compile"

// compiled sends a request to the compile process, answers its questions from this host, and returns the plan with what it was made of.
func compiled(c channel, l lookup, request []byte) (wire.Plan, Record, error) {
	var r Record
	var err error
	r.Plan, err = converse(c, request, func(body []byte) ([]byte, error) {
		q, err := decodeQuestion(body)
		if err != nil {
			return nil, err
		}
		reply := l.answer(q).encode()
		r.add(body, reply)
		return reply, nil
	})
	if err != nil {
		return wire.Plan{}, Record{}, err
	}
	plan, err := wire.DecodePlan(r.Plan)
	return plan, r, err
}

// converse sends the request and answers questions until the process has said what it was started for.
func converse(c channel, request []byte, answer func([]byte) ([]byte, error)) ([]byte, error) {
	if err := c.send('r', request); err != nil {
		return nil, during("send the request", err)
	}
	for range maxQuestions {
		kind, body, err := c.receive()
		if err != nil {
			return nil, ended(err)
		}
		if kind == framePlan {
			return body, nil
		}
		if kind != frameQuestion {
			return nil, fmt.Errorf("%w: of kind %q", wire.ErrMalformed, kind)
		}
		reply, err := answer(body)
		if err != nil {
			return nil, err
		}
		if err := c.send('a', reply); err != nil {
			return nil, during("send an answer", err)
		}
	}
	return nil, fmt.Errorf("the confined process asked more than %d questions", maxQuestions)
}

// errEnded is the end of the process before it sent what it was started for.
var errEnded = errors.New("the confined process ended without an answer")

// ended replaces what a socket says when the other end is gone: the end of the stream, or a reset when something sent was not read.
func ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, posix.Errno(unix.ECONNRESET)) || errors.Is(err, posix.Errno(unix.EPIPE)) {
		return errEnded
	}
	return err
}

// during says what was done when an error came; but not when the process ended, which it may do before, during and after.
func during(what string, err error) error {
	if err = ended(err); errors.Is(err, errEnded) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// finish ends and reaps the process, and says how it ended when that was not by itself.
func finish(k Parent, p launch.Process) (string, error) {
	_ = k.PidfdSendSignal(p.Pidfd, unix.SIGKILL) // it has said all it had to say
	var info posix.WaitInfo
	err := k.Waitid(posix.PPidfd, int(p.Pidfd), &info, unix.WEXITED)
	if err := errors.Join(err, k.Close(p.Pidfd)); err != nil {
		return "", fmt.Errorf("reap the confined process: %w", err)
	}
	if info.Code != posix.CldExited && info.Status != int(unix.SIGKILL) {
		return fmt.Sprintf(" (it was ended by %s)", unix.SignalName(posix.Signal(info.Status))), nil
	}
	return "", nil
}
