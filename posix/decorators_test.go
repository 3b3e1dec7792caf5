package posix_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"syscall"
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
	"github.com/bulkhead/bulkhead/posix/log"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/posix/record"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/posix/stack"
)

// decorators are the layers, each with the error that it makes of an errno.
var decorators = []struct {
	name string
	wrap func(posix.Core) posix.Core
	err  func(posix.Op, posix.Errno, error) bool
}{
	{"errs", func(c posix.Core) posix.Core { return errs.New(c) }, told},
	{"stack", func(c posix.Core) posix.Core { return stack.New(c, stack.Options{}) }, told},
	{"stack", func(c posix.Core) posix.Core {
		below := &exchanged{posix.Unimplemented{}}
		core := stack.New(below, stack.Options{})
		trial.Every(core) // the first call of each takes the long way
		below.Core = c
		return core
	}, told},
	{"log", func(c posix.Core) posix.Core {
		return log.New(c, slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: log.Level})))
	}, bare},
	{"log", func(c posix.Core) posix.Core { return log.New(c, slog.New(slog.DiscardHandler)) }, bare},
	{"metrics", func(c posix.Core) posix.Core { return metrics.New(c) }, bare},
	{"retry", func(c posix.Core) posix.Core { return retry.New(c) }, bare},
	{"fault", func(c posix.Core) posix.Core { return fault.New(c) }, bare},
	{"fault", func(c posix.Core) posix.Core {
		f := fault.New(c)
		f.Set(1, fault.Nth(2, syscall.EIO))
		return f
	}, bare},
	{"record", func(c posix.Core) posix.Core {
		r, err := record.New(c, io.Discard)
		if err != nil {
			panic(err)
		}
		return r
	}, bare},
	{"restrict", func(c posix.Core) posix.Core { return restrict.New(c, everything()) }, bare},
}

// exchanged is one implementation after another.
type exchanged struct{ posix.Core }

func told(op posix.Op, errno posix.Errno, err error) bool {
	var e *posix.Error
	return errors.As(err, &e) && e.Op == op && e.Errno == errno
}

func bare(_ posix.Op, errno posix.Errno, err error) bool { return err == error(errno) }

// Every decorator passes each argument on as it is, pointers and slices the very same, and each result back, with an
// error and without one.
func TestDecoratorsForward(t *testing.T) {
	for i, d := range decorators {
		t.Run(fmt.Sprintf("%s %d", d.name, i), func(t *testing.T) {
			for _, op := range posix.Ops() {
				for _, errno := range []posix.Errno{0, syscall.EMFILE} {
					forward(t, op, errno, d.wrap, d.err)
				}
			}
		})
	}
}

// forward announces one call to a mock, makes it through a decorator and compares the results. It returns the arguments.
func forward(t *testing.T, op posix.Op, errno posix.Errno, wrap func(posix.Core) posix.Core, wantErr func(posix.Op, posix.Errno, error) bool) []reflect.Value {
	t.Helper()
	ctrl := gomock.NewController(t)
	inner := mocks.NewCore(ctrl)
	receiver := reflect.ValueOf(inner).Elem().FieldByName(op.Interface())
	innerMethod := receiver.MethodByName(op.Method())
	typ := innerMethod.Type()

	var fill filler
	var args []reflect.Value
	var matchers []any
	for i := range typ.NumIn() {
		v := fill.value(typ.In(i))
		args = append(args, v)
		matchers = append(matchers, identical{v})
	}
	var results []any
	for i := range typ.NumOut() {
		switch {
		case typ.Out(i) != reflect.TypeFor[error]():
			results = append(results, fill.value(typ.Out(i)).Interface())
		case errno == 0:
			results = append(results, nil)
		default:
			results = append(results, errno)
		}
	}
	ctrl.RecordCallWithMethodType(receiver.Interface(), op.Method(), typ, matchers...).Return(results...)

	got := reflect.ValueOf(wrap(inner)).MethodByName(op.Method()).Call(args)
	for i, v := range got {
		if v.Type() != reflect.TypeFor[error]() {
			if !reflect.DeepEqual(v.Interface(), results[i]) {
				t.Errorf("%s: result %d is %v, the layer below returned %v", op, i, v, results[i])
			}
			continue
		}
		err, _ := v.Interface().(error)
		if errno == 0 && err != nil || errno != 0 && !wantErr(op, errno, err) {
			t.Errorf("%s: error %v (%T), the layer below returned %v", op, err, err, results[i])
		}
	}
	return args
}

// filler makes values of which no two are alike.
type filler struct{ n int }

func (f *filler) value(typ reflect.Type) reflect.Value {
	f.n++
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprintf("text%d", f.n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(typ, 3, 4))
		for i := range v.Len() {
			v.Index(i).Set(f.value(typ.Elem()))
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(f.value(typ.Elem()))
		}
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(f.value(typ.Elem()))
	case reflect.Struct:
		if typ == reflect.TypeFor[netip.AddrPort]() {
			v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(f.n)}), uint16(f.n))))
			break
		}
		for i := range v.NumField() {
			v.Field(i).Set(f.value(typ.Field(i).Type))
		}
	default:
		panic("no value of kind " + typ.Kind().String())
	}
	return v
}

// identical matches the same value; of pointers and slices, the one that points to the same memory.
type identical struct{ want reflect.Value }

func (m identical) Matches(x any) bool {
	got := reflect.ValueOf(x)
	if got.Type() != m.want.Type() || !reflect.DeepEqual(x, m.want.Interface()) {
		return false
	}
	switch got.Kind() {
	case reflect.Slice:
		return got.Pointer() == m.want.Pointer() && got.Cap() == m.want.Cap()
	case reflect.Pointer:
		return got.Pointer() == m.want.Pointer()
	}
	return true
}

func (m identical) String() string { return fmt.Sprintf("is %v itself", m.want) }

// The matcher that the test above relies on must tell a copy from the original.
func TestIdentical(t *testing.T) {
	a, b := []byte("abc"), []byte("abc")
	p, q := &posix.Stat{Size: 1}, &posix.Stat{Size: 1}
	for _, tt := range []struct {
		want, got any
		match     bool
	}{
		{a, a, true}, {a, b, false}, {a, a[:2], false}, {p, p, true}, {p, q, false},
		{1, 1, true}, {1, 2, false}, {1, int32(1), false}, {"x", "x", true}, {posix.Rename{Flags: 1}, posix.Rename{Flags: 1}, true}, {posix.Rename{Flags: 1}, posix.Rename{}, false},
	} {
		if got := (identical{reflect.ValueOf(tt.want)}).Matches(tt.got); got != tt.match {
			t.Errorf("%v and %v: %v, want %v", tt.want, tt.got, got, tt.match)
		}
	}
}

// Each decorator has the methods of Core itself: one that came from an embedded interface would go past it.
func TestDecoratorsEmbedNothing(t *testing.T) {
	for _, d := range decorators {
		core := d.wrap(posix.Unimplemented{})
		typ := reflect.TypeOf(core).Elem()
		for i := range typ.NumField() {
			if typ.Field(i).Anonymous {
				t.Errorf("%s embeds %s", d.name, typ.Field(i).Name)
			}
		}
	}
}

func TestStackPrintsItself(t *testing.T) {
	layers := errs.New(log.New(metrics.New(restrict.New(retry.New(fault.New(posix.Unimplemented{})), restrict.Rules{})), quiet))
	if got, want := posix.Describe(layers), "errs > log > metrics > restrict > retry > fault > posix.Unimplemented"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := posix.CheckOrder(layers); err != nil {
		t.Error(err)
	}
}
