package trial

import (
	"reflect"

	"github.com/bulkhead/bulkhead/posix"
)

// Answer is what came of a call.
type Answer struct {
	Op      posix.Op
	Results []any // without the error
	Err     error // also one that it panicked with
	Fails   bool  // the method has an error to return
}

// Every makes a call of each operation, in their order, with zero arguments.
func Every(core posix.Core) []Answer {
	var all []Answer
	for _, op := range posix.Ops() {
		all = append(all, Call(core, op))
	}
	return all
}

// Call makes a call of an operation with zero arguments.
func Call(core posix.Core, op posix.Op) (a Answer) {
	a.Op = op
	m := reflect.ValueOf(core).MethodByName(op.Method())
	last := m.Type().NumOut() - 1
	a.Fails = m.Type().Out(last) == reflect.TypeFor[error]()
	defer func() {
		if p := recover(); p != nil {
			err, ok := p.(error)
			if !ok {
				panic(p)
			}
			a.Err = err
		}
	}()
	var args []reflect.Value
	for i := range m.Type().NumIn() {
		args = append(args, reflect.Zero(m.Type().In(i)))
	}
	for i, v := range m.Call(args) {
		if i == last && a.Fails {
			a.Err, _ = v.Interface().(error)
			continue
		}
		a.Results = append(a.Results, v.Interface())
	}
	return a
}
