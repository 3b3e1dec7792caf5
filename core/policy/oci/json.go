package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
)

const (
	maxText  = 4 << 20 // bytes
	maxDepth = 32
)

// kind is what a JSON value is.
type kind string

const (
	object  kind = "an object"
	array   kind = "an array"
	text    kind = "a string"
	number  kind = "a number"
	boolean kind = "true or false"
	null    kind = "null"
)

// value is a JSON value with its place.
type value struct {
	kind   kind
	at     int
	scalar string // of a string or a number
	items  []*value
	keys   []key
}

type key struct {
	name  string
	at    int
	value *value
}

// get returns what an object has for a key, nil for nothing and for null.
func (v *value) get(name string) *value {
	for _, k := range v.keys {
		if k.name == name && k.value.kind != null {
			return k.value
		}
	}
	return nil
}

// reader makes values of tokens. encoding/json alone takes what it does not know, and keys that come twice.
type reader struct {
	text   []byte
	dec    *json.Decoder
	source *exchange.Source
	errs   exchange.Errors
}

func readJSON(file string, source []byte) (*value, *reader) {
	r := &reader{text: source, source: exchange.NewSource(file, source)}
	switch {
	case len(source) > maxText:
		r.fail(0, "the file has more than %d bytes", maxText)
		return nil, r
	case bytes.HasPrefix(source, []byte("\ufeff")):
		r.fail(0, "the file starts with a byte order mark, which JSON does not have; remove it")
		return nil, r
	case !utf8.Valid(source):
		r.fail(firstInvalid(source), "the file is not UTF-8")
		return nil, r
	}
	r.dec = json.NewDecoder(bytes.NewReader(source))
	r.dec.UseNumber()
	v := r.value(0)
	if v != nil {
		if at := r.start(); at < len(source) {
			r.fail(at, "more text after the end of the profile")
			return nil, r
		}
	}
	return v, r
}

func firstInvalid(source []byte) int {
	for i := 0; i < len(source); {
		c, size := utf8.DecodeRune(source[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return 0
}

func (r *reader) fail(at int, format string, args ...any) {
	r.errs = append(r.errs, r.source.Errorf(at, format, args...))
}

// start returns where the next token starts.
func (r *reader) start() int {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[at]) >= 0 {
		at++
	}
	return at
}

// token returns the next token and its place, and false at an error of syntax.
func (r *reader) token() (json.Token, int, bool) {
	at := r.start()
	t, err := r.dec.Token()
	if err == nil {
		return t, at, true
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		r.fail(at, "%v", err) // its Offset is not that of the text where tokens are read
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		r.fail(len(r.text), "the file ends in the middle")
	default:
		r.fail(at, "%v", err)
	}
	return nil, at, false
}

// value reads the next value; nil after an error of syntax.
func (r *reader) value(depth int) *value {
	t, at, ok := r.token()
	if !ok {
		return nil
	}
	switch t := t.(type) {
	case json.Delim:
		if depth >= maxDepth {
			r.fail(at, "nested deeper than %d", maxDepth)
			return nil
		}
		if t == '{' {
			return r.object(at, depth)
		}
		return r.array(at, depth)
	case string:
		return &value{kind: text, at: at, scalar: t}
	case json.Number:
		return &value{kind: number, at: at, scalar: t.String()}
	case bool:
		return &value{kind: boolean, at: at}
	default:
		return &value{kind: null, at: at}
	}
}

func (r *reader) object(at, depth int) *value {
	v := &value{kind: object, at: at}
	seen := map[string]bool{}
	for r.dec.More() {
		t, at, ok := r.token()
		name, isText := t.(string)
		if !ok || !isText {
			return nil
		}
		if seen[name] {
			r.fail(at, "the key %q comes twice", name)
		}
		seen[name] = true
		of := r.value(depth + 1)
		if of == nil {
			return nil
		}
		v.keys = append(v.keys, key{name, at, of})
	}
	return r.end(v)
}

func (r *reader) array(at, depth int) *value {
	v := &value{kind: array, at: at}
	for r.dec.More() {
		of := r.value(depth + 1)
		if of == nil {
			return nil
		}
		v.items = append(v.items, of)
	}
	return r.end(v)
}

// end reads the bracket at the end of an object or an array.
func (r *reader) end(v *value) *value {
	if _, _, ok := r.token(); !ok {
		return nil
	}
	return v
}
