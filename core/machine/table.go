package machine

import (
	"fmt"
	"strings"
)

// action is what is done when an instance comes into a state.
type action uint8

const (
	missing    action = iota // there is no such entry: a mistake in the table, which a test finds
	impossible               // it cannot happen: a bug of ours, reported as an event
	ignore
	launch   // ask the spawner
	withdraw // wait for the spawner's answer and end what it launched
	want     // remember what it is wanted for
	adopt    // wait for it to be ready
	end      // end at once what nobody wanted any more when it came up
	serve    // count as ready, watch whether it answers
	late     // kill it: it did not get ready in time
	abort    // kill it: it does not answer
	signal   // send the stop signal and wait for the grace period
	kill     // send SIGKILL
	delay    // wait for the next try
	hold     // wait for somebody
	rest     // leave it at that
	remove   // take it off the books
	actions
)

var actionNames = [actions]string{"missing", "impossible", "ignore", "launch", "withdraw", "want", "adopt", "end", "serve", "late", "abort", "signal", "kill",
	"delay", "hold", "rest", "remove"}

// String returns the name as the table shows it.
func (a action) String() string { return actionNames[a] }

// cell is one entry of the table.
type cell struct {
	next State
	do   action
}

// no is what cannot happen.
var no = cell{do: impossible}

// next is the table. What ends an instance is split by what its end leads to, which verdict decides.
var next = [states][inputs]cell{
	Waiting: {
		inStart: {Launching, launch}, inLaunched: no, inReady: no, inOverdue: no, inUnhealthy: no,
		inStop: {Stopped, rest}, inLeave: {Gone, remove},
		inAgain: no, inLimit: no, inFinal: no, inAsked: no, inUnwanted: no,
	},
	Launching: {
		inStart: {Launching, ignore}, inLaunched: {Starting, adopt}, inReady: no, inOverdue: no, inUnhealthy: no,
		inStop: {Cancelled, withdraw}, inLeave: {Cancelled, withdraw},
		inAgain: {Backoff, delay}, inLimit: {Held, hold}, inFinal: {Ended, rest}, inAsked: no, inUnwanted: {Gone, remove},
	},
	Cancelled: {
		inStart: {Launching, want}, inLaunched: {Starting, end}, inReady: no, inOverdue: no, inUnhealthy: no,
		inStop: {Cancelled, want}, inLeave: {Cancelled, want},
		inAgain: no, inLimit: no, inFinal: no, inAsked: {Stopped, rest}, inUnwanted: {Gone, remove},
	},
	Starting: {
		inStart: {Starting, ignore}, inLaunched: no, inReady: {Ready, serve}, inOverdue: {Failing, late}, inUnhealthy: no,
		inStop: {Stopping, signal}, inLeave: {Draining, signal},
		inAgain: {Backoff, delay}, inLimit: {Held, hold}, inFinal: {Ended, rest}, inAsked: {Stopped, rest}, inUnwanted: {Gone, remove},
	},
	Ready: {
		inStart: {Ready, ignore}, inLaunched: no, inReady: {Ready, ignore}, inOverdue: no, inUnhealthy: {Failing, abort},
		inStop: {Stopping, signal}, inLeave: {Draining, signal},
		inAgain: {Backoff, delay}, inLimit: {Held, hold}, inFinal: {Ended, rest}, inAsked: {Stopped, rest}, inUnwanted: {Gone, remove},
	},
	Failing: {
		inStart: {Failing, ignore}, inLaunched: no, inReady: {Failing, ignore}, inOverdue: {Failing, kill}, inUnhealthy: {Failing, ignore},
		inStop: {Stopping, kill}, inLeave: {Draining, kill},
		inAgain: {Backoff, delay}, inLimit: {Held, hold}, inFinal: {Ended, rest}, inAsked: {Stopped, rest}, inUnwanted: {Gone, remove},
	},
	Stopping: {
		inStart: {Stopping, want}, inLaunched: no, inReady: {Stopping, ignore}, inOverdue: {Stopping, kill}, inUnhealthy: {Stopping, ignore},
		inStop: {Stopping, want}, inLeave: {Draining, want},
		inAgain: {Backoff, delay}, inLimit: no, inFinal: no, inAsked: {Stopped, rest}, inUnwanted: no,
	},
	Draining: {
		inStart: no, inLaunched: no, inReady: {Draining, ignore}, inOverdue: {Draining, kill}, inUnhealthy: {Draining, ignore},
		inStop: {Draining, ignore}, inLeave: {Draining, ignore},
		inAgain: no, inLimit: no, inFinal: no, inAsked: no, inUnwanted: {Gone, remove},
	},
	Backoff: {
		inStart: {Launching, launch}, inLaunched: no, inReady: no, inOverdue: {Launching, launch}, inUnhealthy: no,
		inStop: {Stopped, rest}, inLeave: {Gone, remove},
		inAgain: no, inLimit: no, inFinal: no, inAsked: no, inUnwanted: no,
	},
	Held: {
		inStart: {Launching, launch}, inLaunched: no, inReady: no, inOverdue: no, inUnhealthy: no,
		inStop: {Stopped, rest}, inLeave: {Gone, remove},
		inAgain: no, inLimit: no, inFinal: no, inAsked: no, inUnwanted: no,
	},
	Stopped: {
		inStart: {Launching, launch}, inLaunched: no, inReady: no, inOverdue: no, inUnhealthy: no,
		inStop: {Stopped, ignore}, inLeave: {Gone, remove},
		inAgain: no, inLimit: no, inFinal: no, inAsked: no, inUnwanted: no,
	},
	Ended: {
		inStart: {Launching, launch}, inLaunched: no, inReady: no, inOverdue: no, inUnhealthy: no,
		inStop: {Stopped, rest}, inLeave: {Gone, remove},
		inAgain: no, inLimit: no, inFinal: no, inAsked: no, inUnwanted: no,
	},
	Gone: {
		inStart: no, inLaunched: no, inReady: no, inOverdue: no, inUnhealthy: no, inStop: no, inLeave: no,
		inAgain: no, inLimit: no, inFinal: no, inAsked: no, inUnwanted: no,
	},
}

// Table returns the table of states in Markdown: a line for each state and a column for each thing that can happen. An entry is the next
// state and what is done; where it is empty, that cannot happen.
func Table() string {
	var b strings.Builder
	b.WriteString("| |")
	for i := range inputs {
		fmt.Fprintf(&b, " %s |", i)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", int(inputs)) + "\n")
	for s := range states {
		fmt.Fprintf(&b, "| **%s** |", s)
		for i := range inputs {
			switch c := next[s][i]; {
			case c.do == impossible:
				b.WriteString(" |")
			case c.next == s:
				fmt.Fprintf(&b, " %s |", c.do)
			default:
				fmt.Fprintf(&b, " **%s**, %s |", c.next, c.do)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
