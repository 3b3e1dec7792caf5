package retry_test

import (
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/retry"
)

// below counts the calls of some operations and answers them with err until times have passed, and with n besides.
type below struct {
	posix.Unimplemented
	calls, times, n int
	err             error
}

func (b *below) answer() error {
	if b.calls++; b.calls <= b.times {
		return b.err
	}
	return nil
}

func (b *below) Read(posix.FD, []byte) (int, error) { return b.n, b.answer() }
func (b *below) Close(posix.FD) error               { return b.answer() }
func (b *below) Accept4(posix.FD, int) (posix.FD, posix.Sockaddr, error) {
	return posix.FD(b.n), posix.Sockaddr{}, b.answer()
}
func (b *below) Connect(posix.FD, posix.Sockaddr) error { return b.answer() }
func (b *below) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) {
	return posix.FD(b.n), b.answer()
}
func (b *below) Mmap(posix.Mapping) ([]byte, error) {
	return make([]byte, b.n), b.answer()
}

func read(core posix.Core) error    { _, err := core.Read(3, nil); return err }
func shut(core posix.Core) error    { return core.Close(3) }
func accept(core posix.Core) error  { _, _, err := core.Accept4(3, 0); return err }
func connect(core posix.Core) error { return core.Connect(3, posix.Sockaddr{}) }
func mmap(core posix.Core) error    { _, err := core.Mmap(posix.Mapping{}); return err }

func open(how posix.OpenHow) func(posix.Core) error {
	return func(core posix.Core) error { _, err := core.Openat2(3, "x", how); return err }
}

func TestRepeats(t *testing.T) {
	const cached = 0x20
	beneath := posix.OpenHow{Resolve: 0x08} // RESOLVE_BENEATH
	for _, tt := range []struct {
		name  string
		do    func(posix.Core) error
		below below
		calls int
		err   error
	}{
		{"success", read, below{}, 1, nil},
		{"interrupted", read, below{times: 5, err: syscall.EINTR}, 6, nil},
		{"an end to it", read, below{times: 1 << 30, err: syscall.EINTR}, retry.Limit + 1, syscall.EINTR},
		{"just before the end", read, below{times: retry.Limit, err: syscall.EINTR}, retry.Limit + 1, nil},
		{"another error", read, below{times: 1, err: syscall.EAGAIN}, 1, syscall.EAGAIN},
		{"some bytes", read, below{times: 1, n: 4, err: syscall.EINTR}, 1, syscall.EINTR},
		{"a descriptor", accept, below{times: 1, err: syscall.EINTR}, 1, syscall.EINTR}, // 0 is one
		{"no descriptor", accept, below{times: 2, n: -1, err: syscall.EINTR}, 3, nil},
		{"memory", mmap, below{times: 1, n: 1, err: syscall.EINTR}, 1, syscall.EINTR},
		{"never", shut, below{times: 1, err: syscall.EINTR}, 1, syscall.EINTR},
		{"the caller's", connect, below{times: 1, err: syscall.EINTR}, 1, syscall.EINTR},
		{"an error that only wraps it", read, below{times: 1, err: fmt.Errorf("denied: %w", syscall.EINTR)}, 1, syscall.EINTR},
		{"open", open(posix.OpenHow{}), below{times: 2, n: -1, err: syscall.EINTR}, 3, nil},
		{"open, bounded", open(posix.OpenHow{}), below{times: 1 << 30, n: -1, err: syscall.EINTR}, retry.Limit + 1, syscall.EINTR},
		{"open of one's own", open(posix.OpenHow{Flags: syscall.O_CREAT | syscall.O_EXCL}), below{times: 1, n: -1, err: syscall.EINTR}, 1, syscall.EINTR},
		{"race", open(beneath), below{times: 3, n: -1, err: syscall.EAGAIN}, 4, nil},
		{"race in a root", open(posix.OpenHow{Resolve: 0x10}), below{times: 1, n: -1, err: syscall.EAGAIN}, 2, nil},
		{"race of one's own file", open(posix.OpenHow{Resolve: 0x08, Flags: syscall.O_EXCL}), below{times: 1, n: -1, err: syscall.EAGAIN}, 2, nil},
		{"race without end", open(beneath), below{times: 1 << 30, n: -1, err: syscall.EAGAIN}, retry.RaceLimit + 1, syscall.EAGAIN},
		{"no race", open(posix.OpenHow{}), below{times: 1, n: -1, err: syscall.EAGAIN}, 1, syscall.EAGAIN},
		{"not in the cache", open(posix.OpenHow{Resolve: 0x08 | cached}), below{times: 1, n: -1, err: syscall.EAGAIN}, 1, syscall.EAGAIN},
		{"would block", open(posix.OpenHow{Resolve: 0x08, Flags: syscall.O_NONBLOCK}), below{times: 1, n: -1, err: syscall.EAGAIN}, 1, syscall.EAGAIN},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core := retry.New(&tt.below)
			if err := tt.do(core); !errors.Is(err, tt.err) || tt.below.calls != tt.calls {
				t.Errorf("%v after %d calls, want %v after %d", err, tt.below.calls, tt.err, tt.calls)
			}
			repeated := uint64(0)
			for _, op := range posix.Ops() {
				repeated += core.Repeated(op)
			}
			if repeated != uint64(tt.calls-1) {
				t.Errorf("says that it repeated %d times, want %d", repeated, tt.calls-1)
			}
		})
	}
}

// Every operation is repeated exactly when its directive says so.
func TestEveryOperationGoesByItsDirective(t *testing.T) {
	for _, op := range posix.Ops() {
		counted := fault.New(posix.Unimplemented{})
		core := retry.New(counted)
		counted.Set(1, fault.Sequence(syscall.EINTR, syscall.EINTR, syscall.EINTR))
		m := reflect.ValueOf(core).MethodByName(op.Method())
		var args []reflect.Value
		for i := range m.Type().NumIn() {
			args = append(args, reflect.Zero(m.Type().In(i)))
		}
		out := m.Call(args)
		want := 1
		err, fails := out[len(out)-1].Interface().(error)
		switch {
		case !fails:
			want = 0 // it cannot be made to fail, so it was not counted
		case op.Retry() == posix.RetryFree:
			want = 4
		}
		if counted.Calls() != want {
			t.Errorf("%s (%v: %s): %d calls, want %d; it ended with %v", op, op.Retry(), op.RetryReason(), counted.Calls(), want, err)
		}
		if fails && errors.Is(err, syscall.EINTR) == (want == 4) {
			t.Errorf("%s: %v", op, err)
		}
		if got := core.Repeated(op); got != uint64(max(want-1, 0)) {
			t.Errorf("%s: says that it repeated %d times", op, got)
		}
	}
	if got := retry.New(posix.Unimplemented{}).Repeated(posix.OpCount); got != 0 {
		t.Errorf("an operation that does not exist was repeated %d times", got)
	}
}

func TestAllocatesNothing(t *testing.T) {
	calm, storm := &below{}, &below{times: 1 << 30, err: syscall.EINTR}
	for name, core := range map[string]posix.Core{"success": retry.New(calm), "repeated": retry.New(storm)} {
		if n := testing.AllocsPerRun(10, func() { _ = read(core) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func TestNamesItself(t *testing.T) {
	if got := posix.Describe(retry.New(&below{})); got != "retry > *retry_test.below" {
		t.Error(got)
	}
}

func Example() {
	kernel := fault.New(posix.Unimplemented{}) // in a program, linux.New()
	kernel.Set(1, fault.Sequence(syscall.EINTR, syscall.EINTR, syscall.EPIPE, syscall.EINTR))
	core := retry.New(kernel)

	_, err := core.Write(1, []byte("text"))
	fmt.Println(err, kernel.Calls())
	fmt.Println(core.Close(1), kernel.Calls())

	for _, op := range []posix.Op{posix.OpWrite, posix.OpClose, posix.OpConnect} {
		fmt.Printf("%s: %v, since %s\n", op, op.Retry(), op.RetryReason())
	}
	// Output:
	// broken pipe 3
	// interrupted system call 4
	// write: retry, since EINTR is answered only before the first byte; after it, the number of bytes is
	// close: never, since the descriptor is gone whatever is answered, and its number may be another file by now
	// connect: caller, since the connection goes on being made; again, the answer would be EALREADY or EISCONN
}
