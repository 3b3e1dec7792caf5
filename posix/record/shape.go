package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"reflect"

	"github.com/bulkhead/bulkhead/posix"
)

// shape is what a recording calls the parameters and results of an operation.
type shape struct {
	params  []param
	results []string // without the error
}

type param struct {
	name string
	use  use
}

// use is what a call does with a parameter.
type use uint8

const (
	values  use = iota // nothing: it is no pointer or slice
	reads              // it reads the memory: its contents are an argument
	fills              // it writes the memory: the length is an argument, the contents are a result
	updates            // both: the contents are an argument and a result
	maps               // it is about the memory's place: the length is an argument
)

var (
	coreType  = reflect.TypeFor[posix.Core]()
	errorType = reflect.TypeFor[error]()
	addrType  = reflect.TypeFor[netip.AddrPort]()
	msgType   = reflect.TypeFor[posix.Msg]()
)

// method returns the type of an operation's method.
func method(op posix.Op) reflect.Type {
	m, _ := coreType.MethodByName(op.Method()) // the table is generated from the interface
	return m.Type
}

// operations returns a digest of what the operations are, down to the fields of structs: two programs that agree on it write and read the
// same recordings.
func operations() string {
	h := sha256.New()
	seen := map[reflect.Type]bool{}
	for _, op := range posix.Ops() {
		m := method(op)
		_, _ = fmt.Fprintln(h, op, m, shapes[op])
		for i := range m.NumIn() {
			describe(h, m.In(i), seen)
		}
		for i := range m.NumOut() {
			describe(h, m.Out(i), seen)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// describe writes the fields of the structs that a type is made of, each struct once.
func describe(w io.Writer, t reflect.Type, seen map[reflect.Type]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		describe(w, t.Elem(), seen)
	case reflect.Struct:
		if t == addrType || seen[t] {
			return
		}
		seen[t] = true
		for f := range t.NumField() {
			_, _ = fmt.Fprintln(w, t, t.Field(f).Name, t.Field(f).Type)
			describe(w, t.Field(f).Type, seen)
		}
	}
}

// filled returns how much of the memory that a call fills is a result: of a slice as many elements as the call returned, if it returns a
// number; all of anything else.
func filled(v reflect.Value, u use, results []reflect.Value) int {
	if v.Kind() != reflect.Slice {
		return 0
	}
	if u != fills || len(results) == 0 || results[0].Kind() != reflect.Int {
		return v.Len()
	}
	return int(min(max(results[0].Int(), 0), int64(v.Len())))
}
