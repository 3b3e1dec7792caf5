package wire

import (
	"reflect"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/program"
)

// TestDigest changes every field of two launch programs: those that are only about the policy's text must not show, all others must.
func TestDigest(t *testing.T) {
	m := fullPlan().Modules[0]
	before := Digest(m.Program, m.Init)
	unseen := map[string]bool{"File": true, "Origin": true, "Cookies": true}
	changes := 0
	var visit func(v reflect.Value, path string, text bool)
	visit = func(v reflect.Value, path string, text bool) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				visit(v.Field(i), path+"."+name, text || unseen[name])
			}
			return
		case reflect.Slice, reflect.Array:
			for i := range min(v.Len(), 3) {
				visit(v.Index(i), path+"[]", text)
			}
			return
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int:
			v.SetInt(v.Int() + 1)
		default:
			v.SetUint(v.Uint() + 1)
		}
		changes++
		if same := Digest(m.Program, m.Init) == before; same != text && path != ".Cookies[]" {
			t.Errorf("a change of %s: the digest is the same: %v", path, same)
		}
		v.Set(old)
	}
	for _, p := range []*program.Program{m.Program, m.Init} {
		at := p.Cookies
		p.Cookies = []uint32{200, 240} // not among the bytes of the memory that are changed
		before = Digest(m.Program, m.Init)
		visit(reflect.ValueOf(p).Elem(), "", false)
		p.Memory[203]++
		if Digest(m.Program, m.Init) != before {
			t.Error("the exec-once value is in the digest")
		}
		p.Memory[204]++
		if Digest(m.Program, m.Init) == before {
			t.Error("a byte behind the exec-once value is not in the digest")
		}
		p.Cookies = at
	}
	if changes < 100 {
		t.Errorf("only %d changes", changes)
	}
	if Digest(m.Program, nil) == Digest(nil, m.Program) || Digest(nil) == Digest(nil, nil) {
		t.Error("the place of a program is not in the digest")
	}
}
