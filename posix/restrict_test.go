package posix_test

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/restrict"
)

// predicates are one of each type of predicate; each has the name of its operation.
var predicates = []any{
	restrict.Openat2(nil), restrict.Close(nil), restrict.Read(nil), restrict.Write(nil),
	restrict.Pread(nil), restrict.Fstat(nil), restrict.Fstatat(nil), restrict.Readlinkat(nil),
	restrict.Mkdirat(nil), restrict.Symlinkat(nil), restrict.Unlinkat(nil), restrict.Renameat2(nil),
	restrict.Fchmodat(nil), restrict.Fchownat(nil), restrict.Getdents(nil), restrict.Ftruncate(nil),
	restrict.Fcntl(nil), restrict.Dup3(nil), restrict.Pipe2(nil), restrict.Tee(nil),
	restrict.Socket(nil), restrict.Socketpair(nil), restrict.Bind(nil), restrict.Listen(nil),
	restrict.Accept4(nil), restrict.Connect(nil), restrict.Shutdown(nil), restrict.Getsockname(nil),
	restrict.SetsockoptInt(nil), restrict.GetsockoptInt(nil), restrict.GetsockoptUcred(nil), restrict.GetsockoptTCPInfo(nil),
	restrict.Sendmsg(nil), restrict.Recvmsg(nil), restrict.Clone3(nil), restrict.Waitid(nil),
	restrict.PidfdOpen(nil), restrict.PidfdSendSignal(nil), restrict.Execve(nil), restrict.Kill(nil),
	restrict.EpollCreate1(nil), restrict.EpollCtl(nil), restrict.EpollWait(nil), restrict.Ppoll(nil),
	restrict.Eventfd2(nil), restrict.TimerfdCreate(nil), restrict.TimerfdSettime(nil), restrict.MemfdCreate(nil), restrict.Madvise(nil),
	restrict.ClockGettime(nil), restrict.Getgroups(nil), restrict.Capget(nil), restrict.Setns(nil),
	restrict.OpenTree(nil), restrict.MoveMount(nil), restrict.MountSetattr(nil), restrict.Fsopen(nil),
	restrict.Fsconfig(nil), restrict.Fsmount(nil), restrict.Prlimit(nil), restrict.Prctl(nil),
	restrict.LandlockCreateRuleset(nil), restrict.LandlockAddPathRule(nil), restrict.LandlockAddNetRule(nil), restrict.SeccompActionAvail(nil),
	restrict.Getrandom(nil), restrict.PosixOpenpt(nil), restrict.Unlockpt(nil), restrict.OpenPeer(nil),
	restrict.Tcgetattr(nil), restrict.Tcsetattr(nil), restrict.Tcgetwinsize(nil), restrict.Tcsetwinsize(nil),
	restrict.Pwrite(nil), restrict.Lseek(nil), restrict.Linkat(nil), restrict.Fsync(nil), restrict.Faccessat2(nil),
	restrict.Flock(nil), restrict.Utimensat(nil), restrict.Fstatfs(nil), restrict.Umask(nil), restrict.Getpeername(nil),
	restrict.Getpgid(nil), restrict.Setpgid(nil), restrict.Getsid(nil), restrict.RtSigprocmask(nil), restrict.Signalfd4(nil),
	restrict.TimerfdGettime(nil), restrict.Mmap(nil), restrict.Munmap(nil), restrict.Mprotect(nil), restrict.ClockNanosleep(nil),
	restrict.Getresuid(nil), restrict.Getresgid(nil), restrict.Setresuid(nil), restrict.Setresgid(nil), restrict.Setgroups(nil),
	restrict.Capset(nil), restrict.Unshare(nil), restrict.Umount2(nil), restrict.LandlockRestrictSelf(nil), restrict.SeccompSetModeFilter(nil),
}

// predicate returns the type of an operation's predicate.
func predicate(op posix.Op) (reflect.Type, bool) {
	for _, p := range predicates {
		if typ := reflect.TypeOf(p); typ.Name() == op.Method() {
			return typ, true
		}
	}
	return nil, false
}

// with returns rules of which one is set, or sets one more.
func with(rules restrict.Rules, op posix.Op, rule any) restrict.Rules {
	reflect.ValueOf(&rules).Elem().FieldByName(op.Method()).Set(reflect.ValueOf(rule))
	return rules
}

// everything is the rules that allow all there is.
func everything() restrict.Rules {
	var rules restrict.Rules
	for _, op := range posix.Ops() {
		rules = with(rules, op, restrict.Allow)
	}
	return rules
}

// attempt makes a call with zero arguments and returns its error, a panic included, and its other results.
func attempt(core posix.Core, method string) (err error, panicked bool, results []reflect.Value) {
	defer func() {
		if p := recover(); p != nil {
			err, panicked = p.(error), true
		}
	}()
	m := reflect.ValueOf(core).MethodByName(method)
	var args []reflect.Value
	for i := range m.Type().NumIn() {
		args = append(args, reflect.Zero(m.Type().In(i)))
	}
	out := m.Call(args)
	if last := out[len(out)-1]; last.Type() == reflect.TypeFor[error]() {
		err, _ = last.Interface().(error)
		out = out[:len(out)-1]
	}
	return err, false, out
}

// A process that says nothing may do nothing. The methods are those of the interface, not of a list that could lag behind.
func TestRestrictDeniesByDefault(t *testing.T) {
	core := restrict.New(mocks.NewCore(gomock.NewController(t)), restrict.Rules{}) // a call that went through would fail the test
	typ := reflect.TypeFor[posix.Core]()
	if typ.NumMethod() != len(posix.Ops()) || typ.NumMethod() < 70 {
		t.Fatalf("%d methods, %d operations", typ.NumMethod(), len(posix.Ops()))
	}
	for i := range typ.NumMethod() {
		method := typ.Method(i)
		err, panicked, results := attempt(core, method.Name)
		var denied *restrict.Denied
		if !errors.As(err, &denied) || denied.Call.Op.Method() != method.Name || denied.Listed {
			t.Errorf("%s: %v, want that it is denied", method.Name, err)
			continue
		}
		if !errors.Is(err, restrict.ErrDenied) || !errors.Is(err, syscall.EPERM) || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v is not ErrDenied, EPERM and ErrPermission", method.Name, err)
		}
		if want := "list of operations does not have " + denied.Call.Op.String(); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q does not contain %q", method.Name, err, want)
		}
		fails := method.Type.Out(method.Type.NumOut()-1) == reflect.TypeFor[error]()
		if panicked == fails {
			t.Errorf("%s: panicked is %v, it has an error to return: %v", method.Name, panicked, fails)
		}
		for _, r := range results {
			if r.Type() == reflect.TypeFor[posix.FD]() && r.Int() != -1 {
				t.Errorf("%s returned descriptor %d with its error", method.Name, r.Int())
			}
		}
	}
	if n := reflect.TypeFor[restrict.Rules]().NumField(); n != typ.NumMethod() {
		t.Errorf("%d rules for %d methods", n, typ.NumMethod())
	}
}

// What is allowed allows nothing else.
func TestRestrictAllowsOne(t *testing.T) {
	for _, allowed := range posix.Ops() {
		core := restrict.New(posix.Unimplemented{}, with(restrict.Rules{}, allowed, restrict.Allow))
		for _, op := range posix.Ops() {
			err, _, _ := attempt(core, op.Method())
			if denied := errors.Is(err, restrict.ErrDenied); denied == (op == allowed) {
				t.Errorf("only %s is allowed, and %s: %v", allowed, op, err)
			}
		}
	}
}

// A predicate sees the arguments themselves; what it allows goes through untouched, and what it does not allow is not called.
func TestRestrictAsksPredicates(t *testing.T) {
	for _, op := range posix.Ops() {
		method, _ := reflect.TypeFor[posix.Core]().MethodByName(op.Method())
		typ, ok := predicate(op)
		if ok != (method.Type.NumIn() > 0) {
			t.Errorf("%s has %d parameters, and a predicate: %v", op, method.Type.NumIn(), ok)
		}
		if !ok {
			continue
		}
		for _, answer := range []bool{true, false} {
			var seen []reflect.Value
			rule := reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value {
				seen = args
				return []reflect.Value{reflect.ValueOf(answer)}
			}).Interface()
			rules := with(restrict.Rules{}, op, rule)
			var args []reflect.Value
			if answer {
				args = forward(t, op, 0, func(c posix.Core) posix.Core { return restrict.New(c, rules) }, bare)
			} else {
				core := restrict.New(mocks.NewCore(gomock.NewController(t)), rules)
				m := reflect.ValueOf(core).MethodByName(op.Method())
				var fill filler
				for i := range m.Type().NumIn() {
					args = append(args, fill.value(m.Type().In(i)))
				}
				out := m.Call(args)
				err, _ := out[len(out)-1].Interface().(error)
				var denied *restrict.Denied
				if !errors.As(err, &denied) || !denied.Listed || !strings.Contains(err.Error(), "has "+op.String()+", but not with these arguments") {
					t.Errorf("%s: %v, want that the arguments are denied", op, err)
				}
			}
			if len(seen) != len(args) {
				t.Errorf("%s: the predicate was asked about %d arguments of %d", op, len(seen), len(args))
				continue
			}
			for i := range args {
				if !(identical{args[i]}).Matches(seen[i].Interface()) {
					t.Errorf("%s: the predicate saw %v as argument %d, want %v itself", op, seen[i], i, args[i])
				}
			}
		}
		// A predicate that was forgotten denies.
		core := restrict.New(mocks.NewCore(gomock.NewController(t)), with(restrict.Rules{}, op, reflect.Zero(typ).Interface()))
		if err, _, _ := attempt(core, op.Method()); !errors.Is(err, restrict.ErrDenied) {
			t.Errorf("%s: a nil predicate: %v, want that it is denied", op, err)
		}
	}
}
