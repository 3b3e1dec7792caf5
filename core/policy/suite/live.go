package suite

import (
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/explain"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Live is a call to be made in a sandbox, to see that the kernel agrees.
type Live struct {
	Name   string // of the test
	Pos    policy.Pos
	Module string
	Text   string // the call as it was written
	Nr     uint32
	Args   [6]uint64 // the registers, with 0 in what the test leaves open
	// Strings are texts that registers point to, by their number. What else would have to be in memory is not there: its register is 0.
	Strings map[int]string `json:",omitempty"`
	Want    policy.Action
	Skip    string   // why it is not to be made; "" when it is harmless
	Layers  []string // the keys of the policy that decide when the filter has let the call through
}

// LiveCalls returns the calls of the results whose call could be read, for a run on a kernel. module returns the modules that the tests are about.
func LiveCalls(results []Result, module func(name string) (*policy.Module, error), c policy.Catalog) []Live {
	var out []Live
	for _, r := range results {
		if r.Call == nil || r.Err != nil {
			continue
		}
		m, err := module(r.Test.Module.V)
		if err != nil {
			continue
		}
		l := Live{Name: r.Test.Name, Pos: r.Pos, Module: m.Name, Text: r.Call.String(), Nr: r.Call.Data.Nr, Args: r.Call.Data.Args, Want: r.Test.Expect.V,
			Skip: Harm(m, r.Call.Name), Strings: texts(r.Call)}
		if e, err := explain.Call(m, r.Call.Name, c); err == nil {
			for _, layer := range e.Layers {
				l.Layers = append(l.Layers, layer.Name)
			}
		}
		out = append(out, l)
	}
	return out
}

// Calls that only look at what a path leads to, with the register of the path; and those that do unless flags say otherwise.
var (
	looking = map[string]int{"access": 0, "chdir": 0, "faccessat": 1, "faccessat2": 1, "lstat": 0, "newfstatat": 1, "readlink": 0, "readlinkat": 1, "stat": 0,
		"statfs": 0, "statx": 1}
	opening = map[string]int{"open": 0, "openat": 1}
)

// changing are O_CREAT, O_TRUNC and __O_TMPFILE. Source: the kernel's asm-generic/fcntl.h.
const changing = 0o100 | 0o1000 | 0o20000000

// texts returns what the arguments of a call point to, where it is a path that the call only looks at. A test may name any path; so calls
// that would change what is there get none.
func texts(c *call.Call) map[int]string {
	path, ok := looking[c.Name]
	if i, opens := opening[c.Name]; opens && c.Data.Args[i+1]&changing == 0 {
		path, ok = i, true
	}
	if !ok {
		return nil
	}
	for _, a := range c.Args {
		if a.Index != path || a.Kind != call.Memory {
			continue
		}
		text := strings.TrimSpace(a.Text)
		if name, value, named := strings.Cut(text, "="); named && !strings.Contains(name, `"`) {
			text = strings.TrimSpace(value)
		}
		if s, err := strconv.Unquote(text); err == nil && !strings.Contains(s, "\x00") {
			return map[int]string{path: s}
		}
	}
	return nil
}
