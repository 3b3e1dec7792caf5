package record

import (
	"encoding/base64"
	"net/netip"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/bulkhead/bulkhead/posix"
)

// There is one way to write each value, so two values are the same when their texts are: numbers in decimal, bytes in base64, structs as
// objects with the names of their Go fields in their order, nil as null.

// appendValue appends the text of a value.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.AppendUint(b, v.Uint(), 10)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.String:
		return appendString(b, v.String())
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, "null"...)
		}
		return appendValue(b, v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return append(b, "null"...)
		}
		return appendElements(b, v, v.Len())
	case reflect.Array:
		return appendElements(b, v, v.Len())
	case reflect.Struct:
		if v.Type() == addrType {
			return appendAddr(b, v.Interface().(netip.AddrPort))
		}
		b = append(b, '{')
		for i := range v.NumField() {
			b = appendName(b, i, v.Type().Field(i).Name)
			b = appendValue(b, v.Field(i))
		}
		return append(b, '}')
	}
	panic("record: no text for values of type " + v.Type().String() + "; this is a bug of ours, please report it.")
}

// appendElements appends the first n elements of a slice or an array.
func appendElements(b []byte, v reflect.Value, n int) []byte {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes()[:n])
		return append(b, '"')
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, v.Index(i))
	}
	return append(b, ']')
}

// appendRoom appends how much room there is in memory that a call fills: the length of a slice, true for a pointer that is not nil.
func appendRoom(b []byte, v reflect.Value) []byte {
	switch {
	case v.Kind() == reflect.Slice:
		return strconv.AppendInt(b, int64(v.Len()), 10)
	case v.IsNil():
		return append(b, "null"...)
	case v.Type().Elem() == msgType:
		m := v.Interface().(*posix.Msg)
		b = append(b, `{"Data":`...)
		b = strconv.AppendInt(b, int64(len(m.Data)), 10)
		b = append(b, `,"Control":`...)
		b = strconv.AppendInt(b, int64(len(m.Control)), 10)
		return append(b, '}')
	}
	return append(b, "true"...)
}

// appendFilled appends what a call has filled in; results are what it returned.
func appendFilled(b []byte, v reflect.Value, u use, results []reflect.Value) []byte {
	if v.Kind() == reflect.Slice {
		return appendElements(b, v, filled(v, u, results))
	}
	if m, ok := v.Interface().(*posix.Msg); ok && m != nil && u == fills {
		part := *m
		part.Data = m.Data[:filled(reflect.ValueOf(m.Data), u, results)]
		part.Control = m.Control[:min(max(m.ControlLen, 0), len(m.Control))]
		return appendValue(b, reflect.ValueOf(part))
	}
	return appendValue(b, v)
}

// appendName appends the name of the i-th member of an object.
func appendName(b []byte, i int, name string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// appendAddr appends an address as tools show it; the zero value is empty.
func appendAddr(b []byte, a netip.AddrPort) []byte {
	text, _ := a.MarshalText() // its error is always nil
	return appendString(b, string(text))
}

// appendString appends a string. One that is not UTF-8, as paths may be, becomes an object with its bytes.
func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		b = append(b, `{"base64":"`...)
		b = base64.StdEncoding.AppendEncode(b, []byte(s))
		return append(b, '"', '}')
	}
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
