package record

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"

	"github.com/bulkhead/bulkhead/posix"
)

// parseJSON returns the value of a text, its numbers as they are written.
func parseJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// decode sets v to what was parsed. It takes some texts that appendValue does not write; the reader of a recording notices them, because it
// writes each line again and compares.
func decode(v reflect.Value, from any) error {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(number(from), 10, v.Type().Bits())
		v.SetInt(n)
		return wrong(v, from, err == nil)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		n, err := strconv.ParseUint(number(from), 10, v.Type().Bits())
		v.SetUint(n)
		return wrong(v, from, err == nil)
	case reflect.Bool:
		is, ok := from.(bool)
		v.SetBool(is)
		return wrong(v, from, ok)
	case reflect.String:
		s, ok := text(from)
		v.SetString(s)
		return wrong(v, from, ok)
	case reflect.Pointer:
		if from == nil {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return decode(v.Elem(), from)
	case reflect.Slice:
		return decodeSlice(v, from)
	case reflect.Array:
		list, ok := from.([]any)
		if !ok || len(list) != v.Len() {
			return wrong(v, from, false)
		}
		return decodeElements(v, list)
	case reflect.Struct:
		return decodeStruct(v, from)
	}
	return wrong(v, from, false)
}

func decodeSlice(v reflect.Value, from any) error {
	if from == nil {
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		s, _ := from.(string)
		data, err := base64.StdEncoding.DecodeString(s)
		v.SetBytes(data)
		return wrong(v, from, err == nil)
	}
	list, ok := from.([]any)
	if !ok {
		return wrong(v, from, false)
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	return decodeElements(v, list)
}

func decodeElements(v reflect.Value, list []any) error {
	for i, from := range list {
		if err := decode(v.Index(i), from); err != nil {
			return err
		}
	}
	return nil
}

func decodeStruct(v reflect.Value, from any) error {
	if v.Type() == addrType {
		s, ok := text(from)
		if !ok || s == "" {
			return wrong(v, from, ok)
		}
		a, err := netip.ParseAddrPort(s)
		v.Set(reflect.ValueOf(a))
		return wrong(v, from, err == nil)
	}
	object, ok := from.(map[string]any)
	if !ok {
		return wrong(v, from, false)
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if err := decode(v.Field(i), object[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// number returns the digits of a number, and nothing of anything else.
func number(from any) string {
	n, _ := from.(json.Number)
	return string(n)
}

// text returns a string, which may be written as an object with its bytes.
func text(from any) (string, bool) {
	if object, ok := from.(map[string]any); ok {
		s, ok := object["base64"].(string)
		data, err := base64.StdEncoding.DecodeString(s)
		return string(data), ok && err == nil
	}
	s, ok := from.(string)
	return s, ok
}

// wrong returns an error unless ok.
func wrong(v reflect.Value, from any, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s is no %s", clip(fmt.Sprint(from), 0), v.Type())
}

// fill copies what a call filled in to where the caller wants it. Memory that the caller has is kept, so that other slices and pointers to it see
// what came.
func fill(to, from reflect.Value) error {
	if m, ok := to.Interface().(*posix.Msg); ok && m != nil {
		return fillMsg(m, from.Interface().(*posix.Msg))
	}
	switch to.Kind() {
	case reflect.Slice:
		if from.Len() > to.Len() {
			return fmt.Errorf("%d elements were recorded, and there is room for %d", from.Len(), to.Len())
		}
		for i := range from.Len() {
			put(to.Index(i), from.Index(i))
		}
	case reflect.Pointer:
		if to.IsNil() != from.IsNil() {
			return fmt.Errorf("a result was recorded, and there is no room for one")
		}
		if !to.IsNil() {
			put(to.Elem(), from.Elem())
		}
	}
	return nil
}

func fillMsg(m, from *posix.Msg) error {
	if from == nil || len(from.Data) > len(m.Data) || len(from.Control) > len(m.Control) {
		return fmt.Errorf("a longer message was recorded than there is room for")
	}
	copy(m.Data, from.Data)
	copy(m.Control, from.Control)
	m.Addr, m.Flags, m.ControlLen = from.Addr, from.Flags, from.ControlLen
	return nil
}

// put sets to, which can be set, keeping the memory that it points to where there is as much in from.
func put(to, from reflect.Value) {
	switch to.Kind() {
	case reflect.Struct:
		if to.Type() == addrType {
			to.Set(from)
			return
		}
		for i := range to.NumField() {
			put(to.Field(i), from.Field(i))
		}
	case reflect.Pointer:
		if to.IsNil() || from.IsNil() {
			to.Set(from)
			return
		}
		put(to.Elem(), from.Elem())
	case reflect.Slice:
		if to.Len() != from.Len() || from.IsNil() {
			to.Set(from)
			return
		}
		for i := range from.Len() {
			put(to.Index(i), from.Index(i))
		}
	default:
		to.Set(from)
	}
}
