package compile

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// leaves calls visit with every field of v that has no fields, and with its path. Slices and maps get one element.
func leaves(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Array:
		for i := range v.Len() {
			leaves(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			visit(path, v)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		leaves(v.Index(0), path+"[0]", visit)
	case reflect.Func: // stays here
	default:
		visit(path, v)
	}
}

// fill gives a field a value that is not its zero value; n makes different ones.
func fill(t *testing.T, path string, v reflect.Value, n int) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(n))
	case reflect.Slice:
		v.SetBytes([]byte{byte(n), 0, 255})
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"A": fmt.Sprint(n), "B": ""}))
	default:
		t.Fatalf("%s: the test has no value for a %s", path, v.Kind())
	}
}

// TestEveryFieldIsCoded fails when a field is added to a message and not to its coder.
func TestEveryFieldIsCoded(t *testing.T) {
	both := func(zero any, encode func(reflect.Value) []byte, decode func([]byte) (any, error)) {
		t.Helper()
		all := reflect.New(reflect.TypeOf(zero)).Elem()
		n := 0
		leaves(all, all.Type().Name(), func(path string, v reflect.Value) {
			n++
			fill(t, path, v, n)
		})
		full := encode(all)
		got, err := decode(full)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(all.Interface(), got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-sent +received):\n%s", all.Type(), d)
		}
		for at := range n {
			other := reflect.New(all.Type()).Elem()
			i, changed := 0, ""
			leaves(other, all.Type().Name(), func(path string, v reflect.Value) {
				i++
				if fill(t, path, v, i); i == at+1 {
					changed = path
					v.SetZero()
				}
			})
			if bytes.Equal(encode(other), full) {
				t.Errorf("%s: another value encodes to the same bytes", changed)
			}
		}
		for cut := range full {
			if _, err := decode(full[:cut]); err == nil {
				t.Errorf("%s: %d of %d bytes were decoded", all.Type(), cut, len(full))
			}
		}
		if _, err := decode(append(full, 0)); err == nil {
			t.Errorf("%s: a byte too many was decoded", all.Type())
		}
	}
	both(Request{}, func(v reflect.Value) []byte { return EncodeRequest(v.Interface().(Request)) },
		func(b []byte) (any, error) { return decodeRequest(b) })
	both(answer{}, func(v reflect.Value) []byte { return v.Interface().(answer).encode() },
		func(b []byte) (any, error) { return decodeAnswer(b) })
	both(question{}, func(v reflect.Value) []byte { return v.Interface().(question).encode() },
		func(b []byte) (any, error) { return decodeQuestion(b) })
}

// TestEqualRequestsEncodeAlike: the order of a map does not show.
func TestEqualRequestsEncodeAlike(t *testing.T) {
	variables := map[string]string{}
	for i := range 50 {
		variables[fmt.Sprint("V", i)] = fmt.Sprint(i)
	}
	want := EncodeRequest(Request{Variables: variables})
	for range 20 {
		if !bytes.Equal(EncodeRequest(Request{Variables: variables}), want) {
			t.Fatal("the same request encodes to other bytes")
		}
	}
}
