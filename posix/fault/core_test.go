package fault_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
)

// calm answers some calls without an error and notes which descriptors it closed.
type calm struct {
	posix.Unimplemented
	closed []posix.FD
}

func (c *calm) Read(_ posix.FD, p []byte) (int, error)                  { return len(p), nil }
func (*calm) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) { return 3, nil }
func (c *calm) Close(fd posix.FD) error                                 { c.closed = append(c.closed, fd); return nil }
func (*calm) Getpid() posix.PID                                         { return 7 }
func (*calm) Accept4(posix.FD, int) (posix.FD, posix.Sockaddr, error) {
	return 9, posix.Sockaddr{}, nil
}
func (*calm) Renameat2(posix.Rename) error { return nil }

// answers makes calls and returns what they answered: "ok", or the errno's text.
func answers(core posix.Core, calls string) []string {
	var list []string
	for _, call := range strings.Fields(calls) {
		var err error
		switch name, arg, _ := strings.Cut(call, ":"); name {
		case "open":
			_, err = core.Openat2(posix.AtFDCWD, arg, posix.OpenHow{})
		case "read":
			_, err = core.Read(4, make([]byte, 1))
		case "close":
			err = core.Close(5)
		case "rename":
			err = core.Renameat2(posix.Rename{OldPath: "a", NewPath: "b"})
		case "pid":
			_ = core.Getpid()
		}
		switch {
		case err == nil:
			list = append(list, "ok")
		case err == error(syscall.EINTR):
			list = append(list, "intr")
		case err == error(syscall.EMFILE):
			list = append(list, "mfile")
		default:
			list = append(list, err.Error())
		}
	}
	return list
}

func TestRules(t *testing.T) {
	const intr, mfile = syscall.EINTR, syscall.EMFILE
	for _, tt := range []struct {
		name  string
		rules []fault.Rule
		calls string
		want  string
	}{
		{"none", nil, "open read close", "ok ok ok"},
		{"nth of any", []fault.Rule{fault.Nth(2, mfile)}, "open read close read", "ok mfile ok ok"},
		{"what cannot fail does not count", []fault.Rule{fault.Nth(2, mfile)}, "open pid pid read", "ok ok ok mfile"},
		{"nth of one", []fault.Rule{fault.Nth(2, mfile).On(posix.OpRead)}, "read open open read read", "ok ok ok mfile ok"},
		{"nth of two", []fault.Rule{fault.Nth(3, mfile).On(posix.OpRead, posix.OpClose)}, "read open close close", "ok ok ok mfile"},
		{"nth but not of one", []fault.Rule{fault.Nth(2, mfile).Except(posix.OpRead)}, "open read read close", "ok ok ok mfile"},
		{"always", []fault.Rule{fault.Always(intr).On(posix.OpOpenat2)}, "open read open", "intr ok intr"},
		{"never, as a share", []fault.Rule{fault.Share(0, intr)}, "open read close", "ok ok ok"},
		{"always, as a share", []fault.Rule{fault.Share(1, intr)}, "open read close", "intr intr intr"},
		{"sequence", []fault.Rule{fault.Sequence(intr, 0, mfile).On(posix.OpRead)}, "read open read read read", "intr ok ok mfile ok"},
		{"empty sequence", []fault.Rule{fault.Sequence()}, "read open", "ok ok"},
		{"a path", []fault.Rule{fault.Always(intr).If(func(c fault.Call) bool { return c.Path == "/x" })}, "open:/y open:/x read", "ok intr ok"},
		{"a descriptor", []fault.Rule{fault.Always(intr).If(func(c fault.Call) bool { return c.FD == 5 })}, "read close read", "ok intr ok"},
		{"a path of two", []fault.Rule{fault.Always(intr).If(func(c fault.Call) bool { return strings.HasSuffix(c.Path, "-> b") })}, "rename read", "intr ok"},
		{"the first rule says", []fault.Rule{fault.Nth(1, intr), fault.Nth(1, mfile)}, "read read", "intr ok"},
		{"all rules count", []fault.Rule{fault.Nth(1, intr), fault.Nth(2, mfile)}, "read read", "intr mfile"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core := fault.New(&calm{})
			core.Set(1, tt.rules...)
			got := answers(core, tt.calls)
			if !slices.Equal(got, strings.Fields(tt.want)) {
				t.Errorf("%s: %v, want %s", tt.calls, got, tt.want)
			}
			failed := 0
			for _, a := range got {
				if a != "ok" {
					failed++
				}
			}
			if n := len(core.Failed()); n != failed {
				t.Errorf("says that %d failed, want %d: %v", n, failed, core.Failed())
			}
			calls := len(got) - strings.Count(tt.calls, "pid")
			if tt.rules == nil {
				calls = 0
			}
			if core.Calls() != calls {
				t.Errorf("says that there were %d calls, want %d", core.Calls(), calls)
			}
		})
	}
}

// The seed says which calls fail, and another rule in front changes nothing about that.
func TestShareIsOfTheSeed(t *testing.T) {
	pattern := func(seed uint64, rules ...fault.Rule) string {
		core := fault.New(&calm{})
		core.Set(seed, rules...)
		return strings.Join(answers(core, strings.Repeat("read ", 2000)), " ")
	}
	some := fault.Share(0.25, syscall.EINTR)
	first := pattern(7, some)
	if again := pattern(7, some); again != first {
		t.Error("the same seed failed other calls")
	}
	if other := pattern(8, some); other == first {
		t.Error("another seed failed the same calls")
	}
	if beside := pattern(7, some, fault.Share(0.5, syscall.EMFILE).On(posix.OpWrite)); beside != first {
		t.Error("a rule about something else changed which calls fail")
	}
	if n := strings.Count(first, "intr"); n < 400 || n > 600 {
		t.Errorf("%d of 2000 failed, want about 500", n)
	}
}

// Every operation that can fail can be made to, without reaching the layer below, and returns no descriptor then.
func TestEveryOperationFails(t *testing.T) {
	for _, op := range posix.Ops() {
		core := fault.New(nil) // a call that went through would be a panic
		if op == posix.OpClose {
			core = fault.New(&calm{})
		}
		m := reflect.ValueOf(core).MethodByName(op.Method())
		if m.Type().Out(m.Type().NumOut()-1) != reflect.TypeFor[error]() {
			continue
		}
		core.Set(1, fault.Always(syscall.EIO).On(op))
		var args []reflect.Value
		for i := range m.Type().NumIn() {
			args = append(args, reflect.Zero(m.Type().In(i)))
		}
		out := m.Call(args)
		for i, v := range out[:len(out)-1] {
			if v.Type() == reflect.TypeFor[posix.FD]() {
				if v.Int() != -1 {
					t.Errorf("%s: result %d is descriptor %d", op, i, v.Int())
				}
				continue
			}
			if !v.IsZero() {
				t.Errorf("%s: result %d is %v", op, i, v)
			}
		}
		if err := out[len(out)-1].Interface(); err != error(syscall.EIO) {
			t.Errorf("%s: %v, want EIO", op, err)
		}
		if f := core.Failed(); len(f) != 1 || f[0].Op != op || f[0].N != 1 || f[0].Errno != syscall.EIO {
			t.Errorf("%s: says %v", op, f)
		}
	}
}

func TestCloseClosesAllTheSame(t *testing.T) {
	kernel := &calm{}
	core := fault.New(kernel)
	core.Set(1, fault.Always(syscall.EIO))
	if err := core.Close(12); err != error(syscall.EIO) || !slices.Equal(kernel.closed, []posix.FD{12}) {
		t.Errorf("%v, closed %v", err, kernel.closed)
	}
}

func TestFailuresSayWhat(t *testing.T) {
	core := fault.New(&calm{})
	core.Set(1, fault.Always(syscall.EMFILE))
	answers(core, "open:/etc/x read")
	_, _, _ = core.Pipe2(0)
	want := "[call 1, openat2 /etc/x: EMFILE call 2, read fd 4: EMFILE call 3, pipe2: EMFILE]"
	if got := fmt.Sprint(core.Failed()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	core.Set(1)
	if core.Failed() != nil || core.Calls() != 0 {
		t.Errorf("without rules: %d calls, failed %v", core.Calls(), core.Failed())
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"zero":              {},
		"call 0":            fault.Nth(0, syscall.EIO),
		"no errno":          fault.Always(0),
		"a large errno":     fault.Sequence(0, 4096),
		"a negative share":  fault.Share(-0.1, syscall.EIO),
		"more than a whole": fault.Share(1.1, syscall.EIO),
		"an operation":      fault.Nth(1, syscall.EIO).On(posix.OpCount),
		"no operation":      fault.Nth(1, syscall.EIO).Except(0),
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.HasPrefix(text, "fault.Core.Set: rule 1: ") || !strings.HasSuffix(text, ".") {
					t.Errorf("%s: panic %q", name, text)
				}
			}()
			fault.New(&calm{}).Set(1, fault.Nth(1, syscall.EIO), rule)
		}()
	}
}

// A rule is a value: narrowing it leaves the one it was made of.
func TestRulesAreValues(t *testing.T) {
	all := fault.Always(syscall.EINTR)
	_ = all.On(posix.OpClose).Except(posix.OpRead).If(func(fault.Call) bool { return false })
	core := fault.New(&calm{})
	core.Set(1, all)
	if got := answers(core, "read"); got[0] != "intr" {
		t.Error("a narrower rule changed the one that it was made of")
	}
}

func TestByManyAtOnce(t *testing.T) {
	core := fault.New(posix.Unimplemented{})
	core.Set(1, fault.Nth(500, syscall.EIO))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1000 {
				if _, err := core.Read(3, nil); err == nil {
					t.Error("no error")
				}
				if i%100 == 0 {
					_, _ = core.Failed(), core.Calls()
				}
			}
		})
	}
	wg.Wait()
	if failed := core.Failed(); core.Calls() != 4000 || len(failed) != 1 || failed[0].N != 500 {
		t.Errorf("%d calls, failed %v", core.Calls(), failed)
	}
}

func TestOffAllocatesNothing(t *testing.T) {
	var core posix.Core = fault.New(&calm{})
	buf := make([]byte, 8)
	r := posix.Rename{OldPath: "a", NewPath: "b"}
	if n := testing.AllocsPerRun(1000, func() { _, _ = core.Read(3, buf); _ = core.Renameat2(r); _ = core.Getpid() }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestNamesItself(t *testing.T) {
	if got := posix.Describe(fault.New(&calm{})); got != "fault > *fault_test.calm" {
		t.Error(got)
	}
}

func Example() {
	core := fault.New(posix.Unimplemented{}) // in a test, linux.New() or mocks/kernel
	core.Set(1,
		fault.Nth(2, syscall.EMFILE).On(posix.OpOpenat2),
		fault.Always(syscall.EIO).If(func(c fault.Call) bool { return c.Path == "/etc/nginx" }),
	)
	for _, path := range []string{"/a", "/b", "/etc/nginx"} {
		_, _ = core.Openat2(posix.AtFDCWD, path, posix.OpenHow{})
	}
	for _, f := range core.Failed() {
		fmt.Println(f)
	}
	// Output:
	// call 2, openat2 /b: EMFILE
	// call 3, openat2 /etc/nginx: EIO
}

// complaints is a test that is expected to fail.
type complaints []string

func (*complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...))
}

func TestSweep(t *testing.T) {
	two := func(core posix.Core) error {
		fd, err := core.Openat2(posix.AtFDCWD, "/x", posix.OpenHow{})
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		_, err = core.Read(fd, nil)
		return errors.Join(err, core.Close(fd))
	}
	for _, tt := range []struct {
		name  string
		do    func(posix.Core) error
		spare []posix.Op
		want  []string // complaints
		n     int      // calls that failed
	}{
		{"handled", two, nil, nil, 3},
		{"spared", two, []posix.Op{posix.OpClose}, nil, 2},
		{"nothing to fail", func(posix.Core) error { return nil }, nil, nil, 0},
		{"an error dropped", func(core posix.Core) error { _ = core.Close(3); return nil }, nil, []string{"call 1, close fd 3: EIO: no error"}, 1},
		{"another error", func(core posix.Core) error {
			if core.Close(3) != nil {
				return syscall.EBADF
			}
			return nil
		}, nil, []string{"call 1, close fd 3: EIO: bad file descriptor, want EIO in it"}, 1},
		{"an error without a fault", func(posix.Core) error { return syscall.EBADF }, nil, []string{"round 1, in which nothing failed: bad file descriptor"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got complaints
			failed := fault.Sweep(&got, &calm{}, syscall.EIO, tt.do, tt.spare...)
			if !slices.Equal(got, tt.want) || len(failed) != tt.n {
				t.Errorf("%d failed with complaints %q, want %d with %q", len(failed), got, tt.n, tt.want)
			}
		})
	}
}

func TestEach(t *testing.T) {
	core := fault.New(&calm{})
	var rounds []int
	for n := range core.Each(fault.Nth(1, syscall.EIO).On(posix.OpRead)) {
		rounds = append(rounds, n)
		answers(core, "read open read")
	}
	if !slices.Equal(rounds, []int{1, 2, 3}) {
		t.Errorf("rounds %v, want one for each read and the last", rounds)
	}
	for range core.Each(fault.Nth(1, syscall.EIO)) {
		break
	}
	if got := answers(core, "read"); got[0] != "ok" {
		t.Error("something fails after the loop was left")
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "no end of calls") {
			t.Errorf("panic %q", text)
		}
	}()
	for range core.Each(fault.Nth(1, syscall.EIO)) {
		for core.Close(3) == nil {
		}
	}
}

// Without rules, and with rules about something else, every call goes on.
func TestEveryOperationGoesOn(t *testing.T) {
	for _, rules := range [][]fault.Rule{nil, {fault.Always(syscall.EIO).If(func(fault.Call) bool { return false })}} {
		core := fault.New(posix.Unimplemented{})
		core.Set(1, rules...)
		for _, op := range posix.Ops() {
			m := reflect.ValueOf(core).MethodByName(op.Method())
			var args []reflect.Value
			for i := range m.Type().NumIn() {
				args = append(args, reflect.Zero(m.Type().In(i)))
			}
			out := m.Call(args)
			if err, fails := out[len(out)-1].Interface().(error); fails && err != error(syscall.ENOSYS) {
				t.Errorf("%s: %v, want the answer of the layer below", op, err)
			}
		}
	}
}
