package trace

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/call"
)

// Line is a call of a trace.
type Line struct {
	Number int // of the line on which the call begins, from 1
	Column int // of the call's name, in bytes from 1
	PID    int // 0 when the trace has none
	Text   string
	Call   call.Call // its Text is the call with its second piece; offsets are not columns of the line
	First  bool      // it is the first call of the trace
}

// Problem is what could not be read of a trace.
type Problem struct {
	Number, Column int // from 1, in bytes
	Width          int
	Text           string // the line
	Message, Hint  string
}

// Error returns the problem with its line and column.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%d:%d: %s", p.Number, p.Column, p.Message)
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// reliable are the calls of which strace leaves arguments out or moves them, with how many are where they belong. Sources: strace's
// futex.c, io.c (the offset is one argument there and two of the kernel), process.c, quota.c.
var reliable = map[string]int{
	"futex": 3, "futex_time64": 3, "preadv": 3, "pwritev": 3, "preadv2": 3, "pwritev2": 3, "ptrace": 2, "quotactl": 0, "ipc": 0, "socketcall": 0,
}

// distrust forgets the arguments of which the place is not certain.
func distrust(c *call.Call) {
	n, listed := reliable[c.Name]
	if !listed {
		return
	}
	for i := range c.Args {
		if a := &c.Args[i]; a.Index >= n {
			a.Kind, a.Value, a.Known = call.Unclear, 0, 0
			a.Why = "strace moves the arguments of " + c.Name
			c.Data.Args[a.Index], c.Known[a.Index] = 0, 0
		}
	}
}

// unknownArguments are the names of the arguments of which nothing is known.
func unknownArguments(c *call.Call, arch call.Arch) (names []string) {
	prototype, has := arch.Prototype(c.Name)
	for i := range c.Known {
		switch {
		case has && i >= len(prototype.Params):
			return names
		case has && (c.Known[i] == 0 || prototype.Params[i].Width == 64 && c.Known[i] != ^uint64(0)):
			names = append(names, prototype.Params[i].Name)
		case !has && c.Known[i] != ^uint64(0):
			names = append(names, fmt.Sprintf("argument %d", i+1))
		}
	}
	return names
}

// noise tells whether a line is none of a call: an exit, a signal, strace's own words, a stack.
func noise(rest string) bool {
	for _, begin := range []string{"+++ ", "--- ", "strace: ", "> ", "Process ", "[ Process PID="} {
		if strings.HasPrefix(rest, begin) {
			return true
		}
	}
	return rest == "" || rest == "<unfinished ...>"
}
