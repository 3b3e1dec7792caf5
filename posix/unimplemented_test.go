package posix_test

import (
	"reflect"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
)

func TestUnimplementedAnswersENOSYS(t *testing.T) {
	core := reflect.ValueOf(posix.Unimplemented{})
	errType, fdType := reflect.TypeFor[error](), reflect.TypeFor[posix.FD]()
	for i := range core.NumMethod() {
		method := core.Type().Method(i)
		var args []reflect.Value
		for j := range core.Method(i).Type().NumIn() {
			args = append(args, reflect.Zero(core.Method(i).Type().In(j)))
		}
		out := core.Method(i).Call(args)
		fails := out[len(out)-1].Type() == errType
		for j, v := range out {
			switch {
			case v.Type() == errType:
				if v.Interface() != error(syscall.ENOSYS) || j != len(out)-1 {
					t.Errorf("%s: error %v, want ENOSYS", method.Name, v)
				}
			case v.Type() == fdType && fails:
				if v.Int() != -1 {
					t.Errorf("%s: descriptor %d, want -1: 0 would be standard input", method.Name, v.Int())
				}
			case !v.IsZero():
				t.Errorf("%s: result %d is %v, want its zero value", method.Name, j, v)
			}
		}
	}
}
