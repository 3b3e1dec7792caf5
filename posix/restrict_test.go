package posix_test

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
	"github.com/bulkhead/bulkhead/posix/restrict"
)

// predicate returns the type of an operation's predicate.
func predicate(op posix.Op) (reflect.Type, bool) {
	for _, p := range trial.Predicates() {
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

// A process that says nothing may do nothing. The methods are those of the interface, not of a list that could lag behind.
func TestRestrictDeniesByDefault(t *testing.T) {
	core := restrict.New(mocks.NewCore(gomock.NewController(t)), restrict.Rules{}) // a call that went through would fail the test
	typ := reflect.TypeFor[posix.Core]()
	if typ.NumMethod() != len(posix.Ops()) || typ.NumMethod() < 70 {
		t.Fatalf("%d methods, %d operations", typ.NumMethod(), len(posix.Ops()))
	}
	for i := range typ.NumMethod() {
		method := typ.Method(i)
		answer := trial.Call(core, posix.Ops()[slices.IndexFunc(posix.Ops(), func(op posix.Op) bool { return op.Method() == method.Name })])
		err, panicked := answer.Err, answer.Err != nil && !answer.Fails
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
		for _, r := range answer.Results {
			if fd, ok := r.(posix.FD); ok && fd != -1 {
				t.Errorf("%s returned descriptor %d with its error", method.Name, fd)
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
			err := trial.Call(core, op).Err
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
		if err := trial.Call(core, op).Err; !errors.Is(err, restrict.ErrDenied) {
			t.Errorf("%s: a nil predicate: %v, want that it is denied", op, err)
		}
	}
}
