package program

import (
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Trial is a system call to be made by a process that is confined as a module's, in the place of the module's command.
type Trial struct {
	Number uint32
	Args   [6]uint64
	// Strings are arguments, by their number, that point to a text with a zero byte behind it.
	Strings map[int]string
	// Marked makes the filter answer errors that the kernel itself never answers, [Mark] added to those of the policy. So what came
	// from the filter can be told from what came from behind it.
	Marked bool
}

// Mark is what is added to the errors of a marked filter. The kernel has no error as large, and cuts none off below 4096. Source: the
// kernel's kernel/seccomp.c, MAX_ERRNO.
const Mark = 0x800

// How long a trial may take, in seconds: the call, and the process that waits for it.
const (
	callSeconds = 2
	waitSeconds = 5
)

// ErrNoFilter is a program that loads no filter: the host has none, and the policy accepts that.
var ErrNoFilter = errors.New("the launch loads no seccomp filter")

// errOrder is a program that is not one of package sandbox's.
var errOrder = errors.New("bug: the filter is not what is loaded last before the exec; please report it")

// Stage is how far a trial came.
type Stage uint64

const (
	StageLaunch   Stage = iota // a step of the launch has failed
	StageCloned                // the process of the trial exists
	StageTimed                 // its time is limited
	StageFilter                // the filter is loaded, and the call made: the process has not come back from it
	StageAnswered              // the call has been answered
)

// Outcome is what a trial left in the program's memory.
type Outcome struct {
	Stage  Stage
	Answer int64  // with StageAnswered: as the kernel returns it, an error is negative
	Status uint32 // how the process ended, as wait4(2) says; NotEnded when nobody has seen it end
}

// NotEnded is the status of a process that nobody has seen end. No process ends so: its low byte says that it was stopped.
const NotEnded = 0xffff_ff7f

// Try returns the program with the trial instead of the exec, and the function that reads its memory afterwards.
//
// What the process does before is what the module's does, to the last step. Then it creates another one, because it shares the memory of the
// spawner itself, and the call may change memory, or end; it waits for that one, and fails at the step that only the other may pass.
// The other one gives up the descriptors that an exec would have closed, loads the filter, makes the call, stores the answer and ends.
// Nothing after the filter is loaded needs a call but the one that is tried.
func (p *Program) Try(t Trial) (*Program, func(memory []byte) Outcome, error) {
	at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Op == posix.StepCall && s.Number == unix.SYS_SECCOMP })
	switch {
	case at < 0:
		return nil, nil, ErrNoFilter
	case at != len(p.Steps)-2 || p.Steps[at+1].Number != unix.SYS_EXECVEAT:
		return nil, nil, errOrder
	}
	b := &Builder{Program: *p, strings: map[string]uint32{}}
	b.Steps, b.Memory, b.Relocations = slices.Clone(p.Steps[:at]), slices.Clone(p.Memory), slices.Clone(p.Relocations)
	if t.Marked {
		if err := b.mark(p.Steps[at]); err != nil {
			return nil, nil, err
		}
	}
	out := b.Words(uint64(StageLaunch), 0, NotEnded)
	const echild = ^uint64(unix.ECHILD) + 1
	var every Origin
	stage := func(s Stage) { b.Store(every, Int(int(s)), out, "stage") }

	b.alarm(waitSeconds)
	b.Call(every, "clone", unix.SYS_CLONE, Const(uint64(unix.SIGCHLD), "SIGCHLD"), Int(0), Int(0), Int(0), Int(0))
	// The parent comes back from this one when the child has ended; the child, which has none, at once.
	wait := b.Call(every, "wait4", unix.SYS_WAIT4, Const(^uint64(0), "-1"), At(out+16, "&status"), Const(unix.WALL, "__WALL"), Null())
	wait.MayFail = true
	wait.Keep(waited)
	b.Expect(every, Kept(waited, "wait4"), ^uint64(0), echild)
	stage(StageCloned)
	b.Call(every, "prctl", unix.SYS_PRCTL, Const(unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"), Const(uint64(unix.SIGKILL), "SIGKILL"))
	b.Call(every, "close_range", unix.SYS_CLOSE_RANGE, Int(3+p.Listeners), Const(uint64(^uint32(0)), "~0U"), Int(0))
	b.alarm(callSeconds)
	stage(StageTimed)
	b.Steps = append(b.Steps, p.Steps[at])
	stage(StageFilter)
	args := make([]Value, len(t.Args))
	for i, a := range t.Args {
		args[i] = Hex(a)
		if s, ok := t.Strings[i]; ok {
			args[i] = b.String(s)
		}
	}
	tried := b.Call(every, "call", t.Number, args...)
	tried.MayFail = true
	tried.Keep(answered)
	b.Store(every, Kept(answered, "answer"), out+8, "answer")
	stage(StageAnswered)
	return &b.Program, func(memory []byte) Outcome {
		return Outcome{Stage: Stage(binary.NativeEndian.Uint64(memory[out:])), Answer: int64(binary.NativeEndian.Uint64(memory[out+8:])),
			Status: binary.NativeEndian.Uint32(memory[out+16:])}
	}, nil
}

// Slots of a trial. No step before it uses them.
const (
	waited   = 14
	answered = 15
)

// alarm ends the process by SIGALRM after some seconds. A process that it creates has no alarm. Source: setitimer(2).
func (b *Builder) alarm(seconds int) {
	at := b.Words(0, 0, uint64(seconds), 0)
	b.Call(Origin{}, "setitimer", unix.SYS_SETITIMER, Const(uint64(unix.ITIMER_REAL), "ITIMER_REAL"), At(at, "{…}"), Null())
}

// mark changes the errors that the filter answers which a step loads.
func (b *Builder) mark(load Step) error {
	const ret, actions, errno, data = unix.BPF_RET | unix.BPF_K, 0xffff0000, 0x00050000, 0xffff
	fprog := load.Args[2].Value
	if load.Args[2].Kind != posix.Address || fprog+16 > uint64(len(b.Memory)) {
		return errOrder
	}
	i := slices.IndexFunc(b.Relocations, func(r posix.Relocation) bool { return uint64(r.At) == fprog+8 })
	if i < 0 {
		return errOrder
	}
	n, at := uint64(binary.NativeEndian.Uint16(b.Memory[fprog:])), uint64(b.Relocations[i].To)
	if at+8*n > uint64(len(b.Memory)) {
		return errOrder
	}
	for in := b.Memory[at : at+8*n]; len(in) > 0; in = in[8:] {
		k := binary.NativeEndian.Uint32(in[4:])
		if binary.NativeEndian.Uint16(in) == ret && k&actions == errno && k&data < Mark {
			binary.NativeEndian.PutUint32(in[4:], k|Mark)
		}
	}
	return nil
}
