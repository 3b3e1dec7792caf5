package trace

import (
	"fmt"
	"slices"
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

// What strace shows is not always where, or as wide as, what is in the registers. All that is here was found by making every call, those with
// operations with each of them, with registers whose bits all differ: testdata/registers.strace is of strace 6.1. Sources for the reason:
// strace's futex.c (what an operation does not take is left out), io.c (an offset is one argument there and two of the kernel), process.c, quota.c.
var (
	// reliable are the calls of which strace leaves arguments out or moves them, with how many are where they belong.
	reliable = map[string]int{
		"futex": 2, "futex_time64": 2, "preadv": 3, "pwritev": 3, "preadv2": 3, "pwritev2": 3, "ptrace": 2, "quotactl": 0, "ipc": 0, "socketcall": 0,
	}
	// halves are arguments of which strace shows the lower half: descriptors, process numbers and flags that the kernel takes as long.
	halves = map[string][]int{
		"fcntl": {2}, "keyctl": {1, 2, 3, 4}, "mmap": {3, 4}, "mount": {3}, "prctl": {1, 2, 3, 4}, "preadv": {0}, "preadv2": {0}, "ptrace": {1},
		"pwritev": {0}, "pwritev2": {0}, "readv": {0}, "remap_file_pages": {4}, "writev": {0},
	}
)

// modeBits is what strace shows of a mode, whatever the register has. Source: strace's print_mode.c; umode_t is unsigned short.
const modeBits = 0xffff

// distrust forgets what is not certain of the arguments.
func distrust(c *call.Call, arch call.Arch) {
	n, listed := reliable[c.Name]
	half := halves[c.Name]
	prototype, has := arch.Prototype(c.Name)
	for i := range c.Args {
		a := &c.Args[i]
		switch {
		case a.Index < 0:
			continue
		case listed && a.Index >= n:
			a.Kind, a.Why = call.Unclear, "strace moves the arguments of "+c.Name
			a.Known = 0
		case slices.Contains(half, a.Index):
			a.Known &= 0xffffffff
		case has && prototype.Params[a.Index].Type == "umode_t", c.Name == "umask":
			a.Known &= modeBits
		default:
			continue
		}
		a.Value &= a.Known
		c.Data.Args[a.Index], c.Known[a.Index] = a.Value, a.Known
	}
}

// unknownArguments are the names of the arguments of which nothing is known.
func unknownArguments(c *call.Call, arch call.Arch) (names []string) {
	prototype, has := arch.Prototype(c.Name)
	for i := range c.Known {
		switch {
		case has && i >= len(prototype.Params):
			return names
		case has && ^c.Known[i]&(^uint64(0)>>(64-prototype.Params[i].Width)) != 0:
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

// summary tells whether a line is one of the table of counts that -C adds: none of them has a parenthesis, so none is a call.
// Source: strace's count.c, call_summary_pers().
func summary(line string) bool {
	fields := strings.Fields(line)
	switch n := len(fields); {
	case strings.HasPrefix(line, "% time "):
		return fields[n-1] == "syscall"
	case n >= 4 && strings.Trim(line, "- ") == "":
		return true
	case n < 5 || n > 7 || strings.ContainsAny(line, "(<"):
		return false
	}
	for _, f := range fields[:4] {
		if strings.Trim(f, "0123456789.") != "" {
			return false
		}
	}
	return strings.Contains(fields[0], ".") && strings.Contains(fields[1], ".")
}
