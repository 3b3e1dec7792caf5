package launch

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Needs returns the capabilities that must be in the bounding set of the thread that creates the process of a program, because the program does not take them
// away.
func Needs(p *program.Program) uint64 {
	taken, fresh := p.Bounding()
	if fresh {
		return 0
	}
	return ^taken
}

// narrow takes from the thread's own bounding set what all programs take from that of their processes: a child inherits the set, and
// so its steps need not be made again for each launch, where they are a third of all. The thread executes nothing itself, and what it may do
// depends on its other sets. Source: capabilities(7).
//
// It is done once; nothing can put a capability back. A program that needs one that the thread has lost is launched by another thread: see wide. What
// cannot be taken away here the children try themselves, and say why that cannot be done.
func (l *Launcher) narrow(r *Request) {
	if !l.narrows || !l.returns || l.narrowed {
		return
	}
	l.narrowed = true
	kept := r.Keep | Needs(r.Program)
	for c := range uint64(64) {
		if kept>>c&1 == 1 {
			continue
		}
		if _, err := l.kernel.Prctl(posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: c}); err != nil {
			return
		}
		l.lost |= 1 << c
	}
}

// fits tells whether this thread can give a program all that it needs.
func (l *Launcher) fits(p *program.Program) bool { return l.lost == 0 || l.lost&Needs(p) == 0 }

// wide is a launcher on a thread of its own, which has lost nothing.
type wide struct {
	work  chan func(l *Launcher, broken error)
	ended chan struct{}
}

// wider returns the wide launcher, which ends with this one.
func (l *Launcher) wider() *wide {
	if l.wide == nil {
		w := &wide{work: make(chan func(*Launcher, error)), ended: make(chan struct{})}
		l.wide = w
		// A goroutine that is new never gets the thread that another one is locked to, nor one that was made by such a thread: the runtime
		// has a thread from before the first lock that makes them. Source: runtime.LockOSThread, runtime/proc.go, startTemplateThread.
		go w.serve(l.kernel, Options{Deadline: l.deadline})
	}
	return l.wide
}

func (w *wide) serve(k Kernel, o Options) {
	defer close(w.ended)
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine, and with it what it has created
	l, err := New(k, o)
	for do := range w.work {
		do(l, err)
	}
	if err == nil {
		_ = l.Close() // descriptors that were only read from
	}
}

// launch has the thread launch.
func (w *wide) launch(r Request) (p Process, err error) {
	done := make(chan struct{})
	w.work <- func(l *Launcher, broken error) {
		defer close(done)
		if broken != nil {
			p, err = none, broken
			if r.Sandbox != nil {
				err = errors.Join(err, r.Sandbox.Abandon())
			}
			return
		}
		p, err = l.Launch(r)
	}
	<-done
	return p, err
}

// close ends the thread.
func (w *wide) close() {
	close(w.work)
	<-w.ended
}
