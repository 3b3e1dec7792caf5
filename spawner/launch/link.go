package launch

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// linked is a program with its descriptors and the exec-once value filled in.
type linked struct {
	program *posix.Program
	joins   int    // steps put in front, which write to tasks files of control groups
	lost    uint64 // capabilities whose steps are not there: the thread has taken them from the bounding set
}

// link replaces what only this launch knows.
func (l *Launcher) link(p *program.Program, d *descriptors, join *cgroup.Join) (linked, error) {
	value, err := l.cookie()
	if err != nil {
		return linked{}, fmt.Errorf("%s: %w", p.Module, err)
	}
	out := &posix.Program{
		Steps:       l.steps[:0],
		Memory:      append(slices.Clone(p.Memory), '0'),
		Relocations: p.Relocations,
	}
	for i, at := range p.Cookies {
		binary.NativeEndian.PutUint32(out.Memory[at:], uint32(value>>(32*i)))
	}
	for _, procs := range join.Procs {
		out.Steps = append(out.Steps, posix.Step{Number: unix.SYS_WRITE, Args: [6]posix.Arg{
			{Value: uint64(procs)}, {Kind: posix.Address, Value: uint64(len(p.Memory))}, {Value: 1},
		}})
	}
	lost := l.lost
	if _, fresh := p.Bounding(); fresh {
		lost = 0
	}
	for _, step := range p.Steps {
		if c, ok := step.Bounds(); ok && lost>>c&1 == 1 {
			continue
		}
		s := step.Step
		for i, a := range s.Args {
			switch a.Kind {
			case program.Descriptor:
				s.Args[i] = posix.Arg{Value: uint64(d.fds[a.Value])}
			case program.Cookie:
				s.Args[i] = posix.Arg{Value: value}
			}
		}
		out.Steps = append(out.Steps, s)
	}
	l.steps = out.Steps
	return linked{out, len(join.Procs), lost}, nil
}

// StepError is a step of the child that failed; the program was not executed.
type StepError struct {
	Module string
	Call   string      // the name of the system call, or the comparison
	Text   string      // the step as `policy explain --launch` prints it
	Errno  posix.Errno // 0 when a comparison failed
	Got    uint64      // what was found, when a comparison failed
	Place  string      // "web.yaml:31"
	Exec   bool        // it was the last step, the exec of the command
}

// Error says which call failed and which line of the policy asked for it.
func (e *StepError) Error() string {
	answer := e.Errno.Error()
	if e.Errno == 0 {
		answer = fmt.Sprintf("the kernel says %#x", e.Got)
	}
	if e.Errno == 0 && strings.Contains(e.Call, "working directory") {
		return fmt.Sprintf("%s: the working directory leads out of the module's root, through a link or a descriptor in /proc (policy %s)", e.Module, e.Place)
	}
	if e.Call == "prlimit64" && e.Errno == posix.Errno(unix.EPERM) {
		answer += ": the supervisor's own hard limit is lower, and it may not raise it"
	}
	switch e.Call {
	case "unshare", "setns", "pivot_root", "chroot", "move_mount", "mount_setattr", "umount2":
		if e.Errno == posix.Errno(unix.EPERM) || e.Errno == posix.Errno(unix.ENOSYS) {
			answer += ": a seccomp filter or a security module of this host refuses it to the supervisor; `supervisor doctor` says what would allow it"
		}
	}
	return fmt.Sprintf("%s: %s: %s (policy %s)", e.Module, e.Call, answer, e.Place)
}

// Unwrap returns the errno, so that errors.Is works with the sentinels of io/fs.
func (e *StepError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// step returns which step of a program the n-th one is that was linked.
func (l linked) step(p *program.Program, n int) int {
	for i := range p.Steps {
		if c, ok := p.Steps[i].Bounds(); ok && l.lost>>c&1 == 1 {
			n++
		}
		if i == n {
			break
		}
	}
	return n
}

func (l linked) stepError(p *program.Program, f *posix.StepFailure) error {
	e := &StepError{Module: p.Module, Errno: f.Errno, Got: f.Got}
	if f.Step < l.joins {
		e.Call, e.Text, e.Place = "write to tasks", `write(<tasks>, "0", 1)`, "every module"
		return e
	}
	at := l.step(p, f.Step-l.joins)
	s := p.Steps[at]
	e.Text, e.Place, e.Exec = s.Text, p.Place(s.Origin), at == len(p.Steps)-1
	e.Call, _, _ = strings.Cut(s.Text, "(")
	if s.Op != posix.StepCall {
		e.Call = s.Text
	}
	return e
}
