package kernel

import (
	"cmp"
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// launch is a launch program that is being interpreted: each step is what a child of posix/linux's Clone3 does between clone3 and execveat. It runs
// on
// the goroutine of the parent, which waits, as after vfork(2). Calls are made through the child's own methods, with the kernel not locked in between.
type launch struct {
	child    *Process
	program  *posix.Program
	memory   []byte // a copy of the program's, at launchMemory
	slots    [posix.MaxSlots + 1]uint64
	index    int  // of the step that is being made
	executed bool // execveat succeeded
}

// launchMemory is the address of Program.Memory in the child.
const launchMemory = 0x7f00_0000_0000

// checkProgram refuses programs that refer outside of themselves, as posix/linux does before it makes a call.
func checkProgram(p *posix.Program) posix.Errno {
	inside := func(offset, size uint64) bool {
		return offset <= uint64(len(p.Memory)) && size <= uint64(len(p.Memory))-offset
	}
	for _, r := range p.Relocations {
		if !inside(uint64(r.At), 8) || !inside(uint64(r.To), 0) {
			return einval
		}
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Op > posix.StepExpect || s.Result > posix.MaxSlots {
			return einval
		}
		for _, a := range s.Args {
			switch {
			case a.Kind == posix.Immediate,
				a.Kind == posix.Address && inside(a.Value, 0),
				a.Kind == posix.Load && inside(a.Value, 8),
				a.Kind == posix.Slot && a.Value >= 1 && a.Value <= posix.MaxSlots:
			default:
				return einval
			}
		}
		written := [...]uint64{posix.StepDecimal: 21, posix.StepStore: 8, posix.StepExpect: 0}[s.Op]
		if written > 0 && !(s.Args[1].Kind == posix.Address && inside(s.Args[1].Value, written)) {
			return einval
		}
	}
	return 0
}

// launch runs a launch program in a child until it executes another program or ends. The kernel is locked before and after. It returns the step
// that failed, nil when none has.
func (k *Kernel) launch(child *Process, program *posix.Program) *posix.StepFailure {
	l := newLaunch(child, program)
	k.mu.Unlock()
	failed := l.run()
	k.mu.Lock()
	return failed
}

// newLaunch lays out a program that checkProgram accepted.
func newLaunch(child *Process, p *posix.Program) *launch {
	l := &launch{child: child, program: p, memory: append([]byte(nil), p.Memory...)}
	for _, r := range p.Relocations {
		binary.NativeEndian.PutUint64(l.memory[r.At:], launchMemory+uint64(r.To))
	}
	return l
}

// run makes the steps until the child has executed a program or ended. The kernel is not locked. What the program stored is in its memory afterwards.
func (l *launch) run() (failed *posix.StepFailure) {
	l.child.box.launching = true
	defer func() {
		if !l.executed { // otherwise the child runs on its own by now
			l.child.box.launching, l.child.box.asked = false, false
		}
		copy(l.program.Memory, l.memory)
		if e := recover(); e != nil {
			if end, ok := e.(launchEnded); !ok || end.p != l.child {
				panic(e)
			}
			failed = nil // ended by a signal: the parent learns it when it reaps the child
		}
	}()
	for i := range l.program.Steps {
		l.index = i
		errno, got, ok := l.step(&l.program.Steps[i])
		if !ok {
			failed = &posix.StepFailure{Step: i, Errno: errno, Got: got}
			l.exit(cmp.Or(int(errno), 127))
			return failed
		}
		if l.executed {
			return nil
		}
	}
	l.exit(0)
	return nil
}

// step makes one step. It is not ok when it ends the child: errno says why, or got for a comparison.
func (l *launch) step(s *posix.Step) (errno posix.Errno, got uint64, ok bool) {
	var a [6]uint64
	for i, arg := range s.Args {
		switch arg.Kind {
		case posix.Immediate:
			a[i] = arg.Value
		case posix.Address:
			a[i] = launchMemory + arg.Value
		case posix.Slot:
			a[i] = l.slots[arg.Value]
		case posix.Load:
			a[i] = binary.NativeEndian.Uint64(l.memory[arg.Value:])
		}
	}
	switch s.Op {
	case posix.StepDecimal:
		at := l.memory[a[1]-launchMemory:]
		at[copy(at, strconv.AppendUint(nil, a[0], 10))] = 0
	case posix.StepStore:
		binary.NativeEndian.PutUint64(l.memory[a[1]-launchMemory:], a[0])
	case posix.StepExpect:
		if v := a[0] & a[1]; v != a[2] {
			return 0, v, false
		}
	default:
		result, errno := l.call(s.Number, a)
		if errno != 0 {
			if !s.MayFail {
				return errno, 0, false
			}
			result = -uint64(errno)
		}
		l.slots[s.Result] = result
	}
	return 0, 0, true
}

// call makes a system call: the filters see its number and arguments as they are.
func (l *launch) call(number uint32, a [6]uint64) (uint64, posix.Errno) {
	p := l.child
	k := p.k
	k.mu.Lock()
	if p.state != alive || p.stopped || p.interrupted() {
		p.mayEnter()
	}
	var errno posix.Errno
	if p.box.filters != nil {
		p.calls++
		errno = p.askFilters(number, a[:])
		p.calls--
	}
	if k.config.FailStep != nil && errno == 0 {
		errno = k.config.FailStep(Step{PID: p.pid, Index: l.index, Number: number})
	}
	p.box.asked = true
	k.mu.Unlock()

	var result uint64
	if errno == 0 {
		result, errno = l.make(number, a)
	}

	k.mu.Lock()
	p.box.asked = false
	if errno == answered {
		errno = 0
	}
	if k.config.Trace != nil {
		k.config.Trace(Call{Time: k.now, PID: p.pid, Number: number, Errno: errno})
	}
	k.mu.Unlock()
	return result, errno
}

// exit ends the child. A filter that denies exit_group makes it run into the instruction behind it, which is none.
func (l *launch) exit(status int) {
	p := l.child
	k := p.k
	k.mu.Lock()
	if p.state != alive || p.stopped || p.interrupted() {
		p.mayEnter()
	}
	if p.box.filters != nil {
		p.calls++
		errno := p.askFilters(unix.SYS_EXIT_GROUP, []uint64{uint64(status)})
		p.calls--
		if errno != 0 {
			p.die(unix.SIGILL)
		}
	}
	p.terminate(ending{posix.CldExited, status & 0xff})
	p.perish()
	k.mu.Unlock()
}
