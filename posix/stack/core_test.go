package stack_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
	"github.com/bulkhead/bulkhead/posix/log"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/posix/stack"
)

// below answers some calls without an error.
type below struct {
	posix.Unimplemented
	calls []string
}

func (b *below) Read(_ posix.FD, p []byte) (int, error) {
	b.calls = append(b.calls, "read")
	return len(p), nil
}
func (b *below) Openat2(_ posix.FD, path string, _ posix.OpenHow) (posix.FD, error) {
	b.calls = append(b.calls, "open "+path)
	return 3, nil
}

// apart is the layers of a stack put together by hand.
func apart(next posix.Core, rules restrict.Rules) (posix.Core, *metrics.Core) {
	counts := metrics.New(restrict.New(retry.New(fault.New(next)), rules))
	return errs.New(log.New(counts, slog.New(slog.DiscardHandler))), counts
}

// answer makes a call with zero arguments and returns what came back as text.
func answer(core posix.Core, op posix.Op) string {
	a := trial.Call(core, op)
	return fmt.Sprintf("%v %v", a.Results, a.Err)
}

// What is returned and counted is what the layers one on top of the other would: for every operation, failing in each way, with each kind of
// rule, the first time (whose duration is taken) and later.
func TestBehavesAsTheLayers(t *testing.T) {
	var open, asking restrict.Rules
	for _, op := range posix.Ops() {
		reflect.ValueOf(&open).Elem().FieldByName(op.Method()).Set(reflect.ValueOf(restrict.Allow))
	}
	asking.Read = restrict.Read(func(fd posix.FD, _ []byte) bool { return fd == 0 })
	asking.Close = restrict.Close(func(fd posix.FD) bool { return fd != 0 })
	for name, rules := range map[string]restrict.Rules{"everything": open, "nothing": {}, "predicates": asking} {
		for _, errnos := range [][]posix.Errno{nil, {syscall.EINTR}, {syscall.EINTR, syscall.EINTR, syscall.EIO}, {syscall.EIO}, {syscall.EAGAIN}} {
			first, second := fault.New(trial.Succeeding{}), fault.New(trial.Succeeding{})
			want, wantCounts := apart(first, rules)
			got := stack.New(second, stack.Options{Rules: &rules})
			for range 3 {
				for _, op := range posix.Ops() {
					first.Set(1, fault.Sequence(errnos...))
					second.Set(1, fault.Sequence(errnos...))
					if w, g := answer(want, op), answer(got, op); w != g || first.Calls() != second.Calls() {
						t.Fatalf("%s, %v, %s: %q in %d calls, want %q in %d", name, errnos, op, g, second.Calls(), w, first.Calls())
					}
				}
			}
			if !slices.Equal(got.Counts().Counts(), wantCounts.Counts()) {
				t.Errorf("%s, %v: counted %v, want %v", name, errnos, got.Counts().Counts(), wantCounts.Counts())
			}
		}
	}
}

func TestSamplesDurations(t *testing.T) {
	core := stack.New(&below{}, stack.Options{})
	for range 1000 {
		_, _ = core.Read(3, nil)
	}
	d := core.Counts().Durations()
	if len(d) != 1 || d[0].Op != posix.OpRead || d[0].Count < 10 || d[0].Count > 16 {
		t.Errorf("%+v, want about 16 samples of read", d)
	}
}

// What is switched on while the program runs takes effect with the next call, and so does switching it off.
func TestSwitches(t *testing.T) {
	kernel := &below{}
	var text bytes.Buffer
	level := &slog.LevelVar{}
	core := stack.New(kernel, stack.Options{Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level})), Level: level})
	read := func() error { _, err := core.Read(3, make([]byte, 1)); return err }
	for range 2 {
		text.Reset()
		if err := read(); err != nil || text.Len() > 0 {
			t.Errorf("%v, logged %q", err, text.String())
		}
		level.Set(log.Level)
		if err := read(); err != nil || strings.Count(text.String(), "op=read") != 1 {
			t.Errorf("%v, logged %q", err, text.String())
		}
		level.Set(slog.LevelInfo)

		kernel.calls = nil
		core.Faults().Set(1, fault.Always(syscall.EIO))
		if err := read(); !errors.Is(err, syscall.EIO) || err.Error() != "read fd 3: input/output error" || kernel.calls != nil {
			t.Errorf("%v, with calls %v", err, kernel.calls)
		}
		core.Faults().Set(1, fault.Sequence(syscall.EINTR, syscall.EINTR))
		if err := read(); err != nil || len(kernel.calls) != 1 {
			t.Errorf("%v, with calls %v", err, kernel.calls)
		}
		core.Faults().Set(1)
	}
	if n := core.Repeated(posix.OpRead); n != 4 {
		t.Errorf("%d repetitions, want 4", n)
	}
}

func TestWithoutALevelTheLoggerIsAsked(t *testing.T) {
	var text bytes.Buffer
	core := stack.New(&below{}, stack.Options{Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: log.Level}))})
	for range 2 {
		_, _ = core.Read(3, nil)
	}
	if strings.Count(text.String(), "op=read") != 2 {
		t.Errorf("logged %q", text.String())
	}
}

func TestPrintsItsLayers(t *testing.T) {
	for _, tt := range []struct {
		o    stack.Options
		want string
	}{
		{stack.Options{}, "stack > errs > log > metrics > retry > fault > *stack_test.below"},
		{stack.Options{Rules: &restrict.Rules{}}, "stack > errs > log > metrics > restrict > retry > fault > *stack_test.below"},
	} {
		core := stack.New(&below{}, tt.o)
		if got := posix.Describe(core); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
		if err := posix.CheckOrder(core); err != nil {
			t.Error(err)
		}
	}
}

func Example() {
	level := &slog.LevelVar{}
	rules := restrict.Rules{
		Openat2: restrict.Openat2(func(_ posix.FD, path string, _ posix.OpenHow) bool { return strings.HasPrefix(path, "/etc/") }),
		Read:    restrict.Allow,
	}
	core := stack.New(posix.Unimplemented{}, stack.Options{Logger: slog.Default(), Level: level, Rules: &rules}) // in a program, linux.New()
	fmt.Println(posix.Describe(core))
	_, err := core.Read(3, nil)
	fmt.Println(err)
	_, err = core.Openat2(posix.AtFDCWD, "/root", posix.OpenHow{})
	fmt.Println(errors.Is(err, restrict.ErrDenied))
	for _, c := range core.Counts().Counts() {
		fmt.Println(c.Op, c.Errno, c.N)
	}
	// Output:
	// stack > errs > log > metrics > restrict > retry > fault > posix.Unimplemented
	// read fd 3: function not implemented
	// true
	// openat2 operation not permitted 1
	// read function not implemented 1
}
