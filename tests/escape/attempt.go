package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limit is how long an attack may take. It is there so that one that hangs ends; nothing is measured by it.
const limit = 3 * time.Minute

// attempt is one run of an attack.
type attempt struct {
	*attack
	inside bool
	cmd    *exec.Cmd
	props  given // what it is told besides
}

// outcome is what came of one.
type outcome struct {
	answer string // "ok", an errno, a signal
	detail string
}

// outside makes an attack without the sandbox.
func (s *stage) outside(a *attack) outcome {
	cmd := exec.Command(s.victim)
	switch a.control {
	case asModule:
		s.becomeModule(cmd)
	case apart:
		attr := attributes(cmd)
		attr.Cloneflags = unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET
		attr.Unshareflags = unix.CLONE_NEWNS // which package syscall makes private, too: a mount does not reach the host
		if !isRoot() {
			attr.Cloneflags |= unix.CLONE_NEWUSER
			attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: s.uid, Size: 1}}
			attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: s.gid, Size: 1}}
		}
	}
	return s.run(&attempt{attack: a, cmd: cmd, props: given{}})
}

// under makes an attack in the sandbox.
func (s *stage) under(a *attack, policy string) outcome {
	path, err := s.policy(policy)
	if err != nil {
		return outcome{"error", err.Error()}
	}
	cmd := exec.Command(s.supervisor, "exec", "--log-level", "error", "--policy", path, "--", s.victim)
	return s.run(&attempt{attack: a, inside: true, cmd: cmd, props: given{}})
}

func (s *stage) run(t *attempt) outcome {
	var look judge
	if t.hook != nil {
		var err error
		if look, err = t.hook(s, t); err != nil {
			return outcome{"error", "prepare the attack: " + err.Error()}
		}
	}
	told := maps.Clone(s.props)
	maps.Copy(told, t.props)
	told["inside"] = strconv.FormatBool(t.inside)
	t.cmd.Args = append(t.cmd.Args, "attack", t.name)
	for _, key := range slices.Sorted(maps.Keys(told)) {
		t.cmd.Args = append(t.cmd.Args, key+"="+told[key])
	}
	t.cmd.Env = s.environment()
	if t.cmd.Dir == "" {
		t.cmd.Dir = "/"
	}
	var stdout, stderr bytes.Buffer
	t.cmd.Stdout = &stdout
	if t.cmd.Stderr == nil {
		t.cmd.Stderr = &stderr
	}
	out := finish(t.cmd, &stdout, &stderr)
	if t.inside && t.cmd.Process != nil {
		s.supervisors = append(s.supervisors, t.cmd.Process.Pid)
	}
	if look != nil {
		out = look(out)
	}
	return out
}

// finish waits for a command to end and reads what it says.
func finish(cmd *exec.Cmd, stdout, stderr *bytes.Buffer) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	attributes(cmd).Pdeathsig = syscall.SIGKILL
	cmd.WaitDelay = 5 * time.Second // what keeps its output open is not waited for
	if err := cmd.Start(); err != nil {
		return outcome{answer(err), "start"}
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return outcome{"timeout", limit.String()}
	}
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) && !errors.Is(err, exec.ErrWaitDelay) {
		return outcome{"error", err.Error()}
	}
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return outcome{unix.SignalName(ws.Signal()), ""}
	}
	if out, ok := answerIn(stdout.String()); ok {
		return out
	}
	switch code := ws.ExitStatus(); {
	case code > 128 && code < 128+65:
		return outcome{unix.SignalName(syscall.Signal(code - 128)), ""}
	default:
		return outcome{fmt.Sprintf("exit-%d", code), firstLine(stderr.String())}
	}
}

// answerIn finds what the victim said last.
func answerIn(stdout string) (out outcome, ok bool) {
	for line := range strings.Lines(stdout) {
		f := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		if f[0] == marker && len(f) > 1 {
			out, ok = outcome{answer: f[1]}, true
			if len(f) == 3 {
				out.detail = f[2]
			}
		}
	}
	return out, ok
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
