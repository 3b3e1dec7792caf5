package main

import (
	"strings"
	"testing"
)

func TestParseParams(t *testing.T) {
	params, err := parseParams("unsigned int fd, const char *buf, size_t count, compat_arg_u64(pos), umode_t mode")
	if err != nil {
		t.Fatal(err)
	}
	want := []param{
		{"fd", ctype{"unsigned int", 32, false, false}},
		{"buf", ctype{"const char *", 64, false, true}},
		{"count", ctype{"size_t", 64, false, false}},
		{"pos_lo", ctype{"u32", 32, false, false}},
		{"pos_hi", ctype{"u32", 32, false, false}},
		{"mode", ctype{"umode_t", 32, false, false}},
	}
	for i, p := range params {
		if p != want[i] {
			t.Errorf("parameter %d is %+v, want %+v", i, p, want[i])
		}
	}
	if none, err := parseParams("void"); err != nil || none != nil {
		t.Errorf("void: %v, %v", none, err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no name":      {"int", "has no name"},
		"unknown type": {"strange_t a", "no type"},
		"twice":        {"int a, int a", "there twice"},
		"seven":        {"int a, int b, int c, int d, int e, int f, int g", "7 parameters"},
		"empty":        {"int a,, int b", "has no name"},
	} {
		if _, err := parseParams(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

// A handler is a pointer without an asterisk, and stays one when someone sorts the types anew.
func TestEveryPointerIsFlagged(t *testing.T) {
	for name, pointer := range map[string]bool{
		"char *": true, "struct iocb **": true, "__sighandler_t": true, "compat_uptr_t": true, "cap_user_data_t": true,
		"unsigned long": false, "int": false, "size_t": false, "compat_ulong_t": false,
	} {
		if got, err := typeOf(name); err != nil || got.pointer != pointer || got.pointer && got.signed {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name := range pointerTypes {
		if signedTypes[name]+unsignedTypes[name] > 0 {
			t.Errorf("%s is a pointer and a number", name)
		}
	}
}

func TestPrototypesOfACall(t *testing.T) {
	p := prototypes{params: map[string]string{}, entries: map[[2]string]string{}, none: map[string]string{}}
	in, err := parseInput("a.txt", originPrefix+"x\nsys_a(int fd)\ncompat_sys_a(u32 fd)\nsys_wide(loff_t off)\nentry x86 a compat_sys_a\n"+
		"entry * gone sys_ni_syscall\nnone odd is odd\nx86 b sys_a\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.add(in); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ arch, call, kind, why, wrong string }{
		{"x86_64", "a", "int", "", ""},
		{"x86", "a", "u32", "", ""},
		{"x86", "b", "int", "", ""},
		{"x86_64", "b", "", "", "enters sys_b"},
		{"x86_64", "gone", "", "does not implement", ""},
		{"arm", "odd", "", "is odd", ""},
		{"x86_64", "wide", "loff_t", "", ""},
		{"arm", "wide", "", "", "a register has 32"},
	} {
		params, why, err := p.of(c.arch, c.call)
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s %s: %v, want %q", c.arch, c.call, err, c.wrong)
		}
		if !strings.Contains(why, c.why) || (c.kind != "") != (len(params) == 1) || len(params) == 1 && params[0].ctype.name != c.kind {
			t.Errorf("%s %s: %v, %q", c.arch, c.call, params, why)
		}
	}
	if err := p.add(input{name: "a.txt", lines: []line{{1, "two words"}}}); err == nil {
		t.Error("a line of two words was accepted")
	}
}
