package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

func TestTrialGoesWithoutTheCommand(t *testing.T) {
	module := with("command: [/gone/program]", "working_dir: /")
	module = strings.Replace(module, "  - {path: /usr, access: rx}", "  - {path: /usr, access: rx}\n  - {path: /usr/share/doc, access: r}", 1)
	if _, ds := compileWith(t, debian(), module); !ds.HasErrors() {
		t.Fatal("it can be launched as it is")
	}
	res, ds := compileWith(t, debian(), module, func(r *Request) { r.Trial = true })
	if diff := cmp.Diff([]string{"W608 14"}, places(ds)); diff != "" || res == nil || ds[0].Severity != policy.SeverityWarning {
		t.Errorf("%s\n%v", diff, ds)
	}
}

// TestTry compares the program of a trial with that of the launch: nothing before the filter differs, and nothing is between the filter and
// the call but a note in memory.
func TestTry(t *testing.T) {
	p := mustCompile(t, debian(), plain).Program
	tried, read, err := p.Try(program.Trial{Number: unix.SYS_SOCKET, Args: [6]uint64{1, 2, 3, 4, 5, 6}, Strings: map[int]string{1: "a/b"}})
	if err != nil {
		t.Fatal(err)
	}
	n := len(p.Steps) - 2
	if diff := cmp.Diff(p.Steps[:n], tried.Steps[:n]); diff != "" {
		t.Error(diff)
	}
	var after []string
	for _, s := range tried.Steps[n:] {
		call, _, _ := strings.Cut(s.Text, "(")
		after = append(after, call)
	}
	want := []string{"setitimer", "clone", "wait4", "expect wait4 == 0xfffffffffffffff6", "store stage = 1", "prctl", "close_range", "setitimer",
		"store stage = 2", "seccomp", "store stage = 3", "call", "store answer = answer", "store stage = 4"}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
	call := tried.Steps[n+11]
	if call.Number != unix.SYS_SOCKET || call.Args[5].Value != 6 || !bytes.HasPrefix(tried.Memory[call.Args[1].Value:], []byte("a/b\x00")) {
		t.Errorf("%+v", call)
	}
	if out := read(tried.Memory); out != (program.Outcome{Status: program.NotEnded}) || unix.WaitStatus(out.Status).Exited() || unix.WaitStatus(out.Status).Signaled() {
		t.Errorf("before it runs: %+v", out)
	}
	if !bytes.Equal(tried.Memory[:len(p.Memory)], p.Memory) {
		t.Error("the filter is another one")
	}
	if _, _, err := (&program.Program{Steps: p.Steps[:3]}).Try(program.Trial{}); !errors.Is(err, program.ErrNoFilter) {
		t.Error(err)
	}
	if _, _, err := (&program.Program{Steps: p.Steps[:n+1]}).Try(program.Trial{}); err == nil {
		t.Error("a program that does not end with an exec was taken")
	}
}

// TestTryMarked: a marked filter differs in the errors that it answers, and in nothing else.
func TestTryMarked(t *testing.T) {
	p := mustCompile(t, debian(), plain, func(r *Request) { r.Filters = &errors1and38{} }).Program
	tried, _, err := p.Try(program.Trial{Number: unix.SYS_SOCKET, Marked: true})
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for at := 0; at+8 <= len(p.Memory); at += 8 {
		if bytes.Equal(p.Memory[at:at+8], tried.Memory[at:at+8]) {
			continue
		}
		k, marked := binary.NativeEndian.Uint32(p.Memory[at+4:]), binary.NativeEndian.Uint32(tried.Memory[at+4:])
		if binary.NativeEndian.Uint16(p.Memory[at:]) != bpf.RET|bpf.K || bpf.Action(k) != bpf.RetErrno || marked != k|program.Mark {
			t.Errorf("%x became %x", p.Memory[at:at+8], tried.Memory[at:at+8])
		}
		changed++
	}
	if changed != 2 {
		t.Errorf("%d instructions were changed", changed)
	}
}

// errors1and38 are filters that answer two errors, kill for one call and allow another. One instruction looks like an answer and is none.
type errors1and38 struct{ fakeFilters }

func (errors1and38) Module(policy.Seccomp) (Filter, error) {
	var text []byte
	for _, in := range []bpf.Instruction{{Code: bpf.LD | bpf.W | bpf.ABS}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: bpf.RetErrno | 1, JF: 1},
		{Code: bpf.RET | bpf.K, K: bpf.RetErrno | 1}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 4, JF: 1}, {Code: bpf.RET | bpf.K, K: bpf.RetKillProcess},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 5, JF: 1}, {Code: bpf.RET | bpf.K, K: bpf.RetAllow}, {Code: bpf.RET | bpf.K, K: bpf.RetErrno | 38}} {
		text = append(binary.NativeEndian.AppendUint16(text, in.Code), in.JT, in.JF)
		text = binary.NativeEndian.AppendUint32(text, in.K)
	}
	return Filter{Program: text}, nil
}
