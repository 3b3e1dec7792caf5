package compile

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
)

// section allows calls, written at a line.
func section(line int, names ...string) policy.Seccomp {
	s := policy.Seccomp{Pos: policy.Pos{File: "a.yaml", Line: line, Col: 1}}
	for _, n := range names {
		s.Allow = append(s.Allow, policy.Call{Name: n, Pos: policy.Pos{File: "a.yaml", Line: line, Col: 9}})
	}
	return s
}

// counted counts how often a filter is compiled.
func counted(n *atomic.Int32) *filters {
	f := newFilters(libseccomp.Chooser(linux.New()))
	compile := f.compile
	f.compile = func(d *seccomp.Decision) (*seccomp.Filter, string, error) {
		n.Add(1)
		return compile(d)
	}
	return f
}

// TestFiltersOnce: what means the same is one filter, wherever and however it is written.
func TestFiltersOnce(t *testing.T) {
	base := section(3, "read", "write")
	group := section(9, "write", "read")
	group.Allow[0].Group = "@basic-io"
	denied := section(5, "mount", "read", "write")
	denied.Deny = []policy.Call{{Name: "mount"}}
	spelled := section(7, "read", "write")
	spelled.Default.V = policy.Action{Kind: policy.ActionErrno, Errno: 38}
	for _, tt := range []struct {
		name  string
		other policy.Seccomp
		want  int32
	}{
		{"the same", base, 1},
		{"through a group", group, 1},
		{"less what is denied", denied, 1},
		{"with the default spelled out", spelled, 1},
		{"another call", section(3, "read"), 2},
		{"may execute", section(3, "read", "write", "execveat"), 2},
		{"another answer", func() policy.Seccomp {
			s := section(3, "read", "write")
			s.Denied = policy.Value[policy.Action]{V: policy.Action{Kind: policy.ActionKillProcess}, Pos: s.Pos}
			return s
		}(), 2},
	} {
		var n atomic.Int32
		f := counted(&n)
		f.begin([]policy.Module{{Seccomp: base}, {Seccomp: tt.other}})
		first, err := f.Module(base)
		second, err2 := f.Module(tt.other)
		if err := errors.Join(err, err2); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if n.Load() != tt.want {
			t.Errorf("%s: compiled %d times, want %d", tt.name, n.Load(), tt.want)
		}
		if same := bytes.Equal(first.Program, second.Program); same != (tt.want == 1) {
			t.Errorf("%s: the same program: %t", tt.name, same)
		}
		if once := len(second.Cookie) == 2; once == slices.ContainsFunc(tt.other.Allow, func(c policy.Call) bool { return c.Name == "execveat" }) {
			t.Errorf("%s: exec once: %t", tt.name, once)
		}
	}
}

// TestFiltersFail: the errors of a section have its own places, also when another section was wrong in the same way before.
func TestFiltersFail(t *testing.T) {
	f := newFilters(libseccomp.Chooser(linux.New()))
	modules := []policy.Module{{Seccomp: section(3, "wirte")}, {Seccomp: section(8, "wirte")}}
	f.begin(modules)
	for i, place := range []string{"a.yaml:3:9", "a.yaml:8:9"} {
		if _, err := f.Module(modules[i].Seccomp); err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%v, want that it is at %s", err, place)
		}
	}
	broken := errors.New("out of memory")
	f.compile = func(*seccomp.Decision) (*seccomp.Filter, string, error) { return nil, "", broken }
	for range 2 {
		if _, err := f.Module(section(3, "read")); !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	}
}
