package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Leftovers is what [Kernel.Close] found that nobody had closed or ended.
type Leftovers struct {
	Descriptors []Leftover     // by process, then by number
	Calls       []LeftoverCall // by process
}

// LeftoverCall is a call that a goroutine of the test was still waiting in, in a process that the test drives: that of a poller that was not
// closed, for example.
// The goroutine has been ended, as by runtime.Goexit.
type LeftoverCall struct {
	PID  posix.PID
	What string // "epoll_wait"
}

// Leftover is one descriptor that was open.
type Leftover struct {
	PID  posix.PID
	FD   posix.FD
	What string // what it is for: "*kernel.pipeEnd", or its path
}

// Error lists the descriptors and the calls.
func (l *Leftovers) Error() string {
	var b strings.Builder
	b.WriteString("kernel: something was left:")
	for _, d := range l.Descriptors {
		fmt.Fprintf(&b, "\n\tprocess %d, descriptor %d: %s", d.PID, d.FD, d.What)
	}
	for _, c := range l.Calls {
		fmt.Fprintf(&b, "\n\tprocess %d was still waiting in %s", c.PID, c.What)
	}
	return b.String()
}

// Close ends all programs and waits until their goroutines have ended: each that waits in a call, or makes the next one, does. It returns
// [*Leftovers] when processes that the test drives had descriptors open, or calls that were not over; those of programs are theirs, and closed
// with them. When a program has panicked and no call has told the test, Close returns its [*Crash]. Afterwards no calls can be made. Close does
// nothing the second time.
func (k *Kernel) Close() error {
	if !k.seize() {
		return errors.New("close the in-memory kernel: a call is under way that does not end, perhaps since it has panicked")
	}
	if k.closed {
		k.mu.Unlock()
		return nil
	}
	k.closed = true
	left := &Leftovers{}
	for _, p := range k.procs.all() {
		if !p.programmed && p.state == alive {
			left.of(p)
		}
	}
	left.endCalls(k)
	for _, p := range k.procs.all() {
		p.terminate(ending{posix.CldKilled, int(unix.SIGKILL)})
	}
	me := &wait{what: "Close", until: never, idle: true, ready: func() bool { return k.sched.goroutines == 0 }}
	if !me.ask(k) {
		k.park(me)
	}
	orphaned := k.files
	k.mu.Unlock()
	switch {
	case k.crash != nil && !k.told:
		return k.crash
	case k.crash != nil: // what the program was doing is not tidied up
		return nil
	case me.why != isReady:
		panic("bug: programs of the in-memory kernel do not end; please report it")
	case orphaned != 0 && len(left.Calls) == 0: // a call holds what it waits for
		return fmt.Errorf("bug: %d open files of the in-memory kernel belong to nobody; please report it", orphaned)
	case len(left.Descriptors)+len(left.Calls) > 0:
		return left
	}
	return nil
}

// endCalls ends the goroutines of the test that wait in calls.
func (l *Leftovers) endCalls(k *Kernel) {
	for _, w := range slices.Clone(k.sched.waits) {
		if w.process == nil || w.process.programmed {
			continue
		}
		l.Calls = append(l.Calls, LeftoverCall{w.process.pid, w.what})
		w.why = shut
		k.resume(w)
	}
	slices.SortFunc(l.Calls, func(a, b LeftoverCall) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.What, b.What))
	})
}

func (l *Leftovers) of(p *Process) {
	for fd, s := range p.fds.slots {
		if s.file == nil {
			continue
		}
		what := fmt.Sprintf("%T", s.file.object)
		if s.file.place != nil {
			what = s.file.place.entry.name
		}
		l.Descriptors = append(l.Descriptors, Leftover{PID: p.pid, FD: posix.FD(fd), What: what})
	}
}
