package restrict_test

import (
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
	"github.com/bulkhead/bulkhead/posix/restrict"
)

// below answers some calls without an error.
type below struct{ posix.Unimplemented }

func (below) Read(posix.FD, []byte) (int, error)                         { return 1, nil }
func (below) Fstat(posix.FD, *posix.Stat) error                          { return nil }
func (below) Kill(posix.PID, posix.Signal) error                         { return nil }
func (below) Renameat2(posix.Rename) error                               { return nil }
func (below) Getpid() posix.PID                                          { return 7 }
func (below) Sendmsg(posix.FD, *posix.Msg, int) (int, error)             { return 1, nil }
func (below) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error)  { return 3, nil }
func (below) Prlimit(posix.PID, int, *posix.Rlimit, *posix.Rlimit) error { return syscall.EINVAL }
func (below) GetsockoptInt(posix.FD, int, int) (int, error)              { return 0, nil }

var rules = restrict.Rules{
	Read:   restrict.Allow,
	Fstat:  restrict.Allow,
	Getpid: restrict.Allow,
	Kill:   restrict.Kill(func(pid posix.PID, sig posix.Signal) bool { return pid > 0 && sig == syscall.SIGTERM }),
	Openat2: restrict.Openat2(func(dir posix.FD, path string, how posix.OpenHow) bool {
		return how.Flags&syscall.O_CLOEXEC != 0
	}),
	Sendmsg:   restrict.Sendmsg(func(_ posix.FD, m *posix.Msg, _ int) bool { return m.Addr.Family == syscall.AF_UNSPEC }),
	Renameat2: restrict.Renameat2(func(r posix.Rename) bool { return r.Flags == 0 }),
	Prlimit:   restrict.Prlimit(func(pid posix.PID, _ int, _, _ *posix.Rlimit) bool { return pid == 0 }),
}

func TestMessages(t *testing.T) {
	core := restrict.New(below{}, rules)
	for _, tt := range []struct {
		want string
		do   func() error
	}{
		{"", func() error { return core.Kill(1, syscall.SIGTERM) }},
		{"kill: operation not permitted: this process's own list of operations has kill, but not with these arguments",
			func() error { return core.Kill(-1, syscall.SIGTERM) }},
		{"close fd 5: operation not permitted: this process's own list of operations does not have close",
			func() error { return core.Close(5) }},
		{"openat2 /etc/shadow: operation not permitted: this process's own list of operations has openat2, but not with these arguments",
			func() error { _, err := core.Openat2(posix.AtFDCWD, "/etc/shadow", posix.OpenHow{}); return err }},
		{"renameat2 fd 3 -> b: operation not permitted: this process's own list of operations has renameat2, but not with these arguments",
			func() error { return core.Renameat2(posix.Rename{OldDir: 3, NewPath: "b", Flags: 1}) }},
		{"connect /run/x: operation not permitted: this process's own list of operations does not have connect",
			func() error { return core.Connect(3, posix.Sockaddr{Family: syscall.AF_UNIX, Path: "/run/x"}) }},
		{"invalid argument", func() error { return core.Prlimit(0, 99, nil, nil) }}, // the kernel's own answers stay as they are
	} {
		got := ""
		if err := tt.do(); err != nil {
			got = err.Error()
			var call *posix.Error
			if errors.Is(err, restrict.ErrDenied) != errors.As(err, &call) {
				t.Errorf("%v: denials and only they tell the call", err)
			}
		}
		if got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// Rules that are changed later change nothing.
func TestRulesAreCopied(t *testing.T) {
	mine := rules
	core := restrict.New(below{}, mine)
	mine.Read, mine.Close = nil, restrict.Allow
	if _, err := core.Read(3, nil); err != nil {
		t.Errorf("Read: %v", err)
	}
	if err := core.Close(3); !errors.Is(err, restrict.ErrDenied) {
		t.Errorf("Close: %v, want that it is denied", err)
	}
}

func TestAllowedAllocatesNothing(t *testing.T) {
	var core posix.Core = restrict.New(below{}, rules)
	buf, st, msg := make([]byte, 8), &posix.Stat{}, &posix.Msg{}
	for name, do := range map[string]func() error{
		"allowed":             func() error { _, err := core.Read(3, buf); return err },
		"pointer":             func() error { return core.Fstat(3, st) },
		"no arguments":        func() error { _ = core.Getpid(); return nil },
		"predicate":           func() error { return core.Kill(1, syscall.SIGTERM) },
		"predicate, struct":   func() error { _, err := core.Openat2(3, "x", posix.OpenHow{Flags: syscall.O_CLOEXEC}); return err },
		"predicate, pointer":  func() error { _, err := core.Sendmsg(3, msg, 0); return err },
		"predicate, by value": func() error { return core.Renameat2(posix.Rename{OldPath: "a", NewPath: "b"}) },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := testing.AllocsPerRun(1000, func() { _ = do() }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func Example() {
	core := restrict.New(posix.Unimplemented{}, restrict.Rules{ // in a program, linux.New()
		Read: restrict.Allow,
		PidfdSendSignal: restrict.PidfdSendSignal(func(_ posix.FD, sig posix.Signal) bool {
			return sig == syscall.SIGTERM || sig == syscall.SIGKILL
		}),
	})
	fmt.Println(core.PidfdSendSignal(5, syscall.SIGSTOP))
	err := core.Unlinkat(posix.AtFDCWD, "/etc/passwd", 0)
	fmt.Println(errors.Is(err, restrict.ErrDenied))
	// Output:
	// pidfd_send_signal fd 5: operation not permitted: this process's own list of operations has pidfd_send_signal, but not with these arguments
	// true
}

// Every operation is denied without a rule and passed on with Allow, and a predicate is asked.
func TestEveryOperation(t *testing.T) {
	var all restrict.Rules
	for _, op := range posix.Ops() {
		reflect.ValueOf(&all).Elem().FieldByName(op.Method()).Set(reflect.ValueOf(restrict.Allow))
	}
	for _, a := range trial.Every(restrict.New(trial.Succeeding{}, restrict.Rules{})) {
		var denied *restrict.Denied
		if !errors.As(a.Err, &denied) || denied.Call.Op != a.Op {
			t.Errorf("%s without a rule: %v", a.Op, a.Err)
		}
	}
	for _, a := range trial.Every(restrict.New(trial.Succeeding{}, all)) {
		if a.Err != nil {
			t.Errorf("%s with Allow: %v", a.Op, a.Err)
		}
	}
	for _, answer := range []bool{true, false} {
		var asking restrict.Rules
		for _, p := range trial.Predicates() {
			typ := reflect.TypeOf(p)
			rule := reflect.MakeFunc(typ, func([]reflect.Value) []reflect.Value { return []reflect.Value{reflect.ValueOf(answer)} })
			reflect.ValueOf(&asking).Elem().FieldByName(typ.Name()).Set(rule)
		}
		for _, a := range trial.Every(restrict.New(trial.Succeeding{}, asking)) {
			hasRule := !reflect.ValueOf(asking).FieldByName(a.Op.Method()).IsNil()
			if denied := errors.Is(a.Err, restrict.ErrDenied); denied == (hasRule && answer) {
				t.Errorf("%s with a predicate (%v) that says %v: %v", a.Op, hasRule, answer, a.Err)
			}
		}
	}
	// The contrary of Allow is no rule that allows.
	var none restrict.Rules
	for _, op := range posix.Ops() {
		reflect.ValueOf(&none).Elem().FieldByName(op.Method()).Set(reflect.ValueOf(!restrict.Allow))
	}
	for _, a := range trial.Every(restrict.New(trial.Succeeding{}, none)) {
		if !errors.Is(a.Err, restrict.ErrDenied) {
			t.Errorf("%s with the contrary of Allow: %v", a.Op, a.Err)
		}
	}
}
