package kernel

import "github.com/bulkhead/bulkhead/posix"

// attributes are what prctl(2) sets.
type attributes struct {
	dumpable    int
	deathSignal posix.Signal // when the parent ends; 0 for none
	subreaper   bool
	underReaper bool // it or an ancestor was a subreaper when it was made
	overNproc   bool // setresuid made a user have more processes than RLIMIT_NPROC: the next exec fails
	securebits  uint32
	slack       uint64 // of timers, in nanoseconds
}

// child returns what a child has of it.
func (a attributes) child() attributes {
	a.underReaper = a.underReaper || a.subreaper
	a.deathSignal, a.subreaper, a.overNproc = 0, false, false
	return a
}

// defaultSlack is the timer slack of process 1, in nanoseconds. Source: PR_SET_TIMERSLACK(2const).
const defaultSlack = 50_000

// underReaper makes all descendants look for a subreaper when their parents end.
func (p *Process) underReaper() {
	for _, c := range p.children {
		if !c.attrs.underReaper {
			c.attrs.underReaper = true
			c.underReaper()
		}
	}
}
