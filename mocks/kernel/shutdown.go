package kernel

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Leftovers is what [Kernel.Close] found that nobody had closed.
type Leftovers struct {
	Descriptors []Leftover // by process, then by number
}

// Leftover is one descriptor that was open.
type Leftover struct {
	PID  posix.PID
	FD   posix.FD
	What string // what it is for: "*kernel.pipeEnd", or its path
}

// Error lists the descriptors.
func (l *Leftovers) Error() string {
	var b strings.Builder
	b.WriteString("kernel: descriptors were left open:")
	for _, d := range l.Descriptors {
		fmt.Fprintf(&b, "\n\tprocess %d, descriptor %d: %s", d.PID, d.FD, d.What)
	}
	return b.String()
}

// Close ends all programs and waits until their goroutines have ended: each that waits in a call, or makes the next one, does. It returns [*Leftovers] when processes that the test
// drives had descriptors open; those of programs are theirs, and closed with them. Afterwards no calls can be made. Close does nothing the second time.
func (k *Kernel) Close() error {
	k.mu.Lock()
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
	case me.why != isReady:
		panic("bug: programs of the in-memory kernel do not end; please report it")
	case orphaned != 0:
		return fmt.Errorf("bug: %d open files of the in-memory kernel belong to nobody; please report it", orphaned)
	case len(left.Descriptors) > 0:
		return left
	}
	return nil
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
