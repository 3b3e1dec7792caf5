package policy

import (
	"errors"
	"strings"
	"testing"
)

// TestExprString: the canonical form is read back to itself.
func TestExprString(t *testing.T) {
	for text, want := range map[string]string{
		"family==AF_INET":                     "family == AF_INET",
		"((a))":                               "a",
		"a && (b && c)":                       "a && b && c",
		"a || b && c":                         "a || b && c",
		"(a || b) && c":                       "(a || b) && c",
		"!(a & B) || !a":                      "!(a & B) || !a",
		"(a & B) == C":                        "(a & B) == C",
		"a in [ 1,2 , 0X10..0x1F, A|B ]":      "a in [1, 2, 0x10..0x1f, A | B]",
		"(a & ~(B|C)) in [-1..-B]":            "(a & ~(B | C)) in [-1..-B]",
		"a has (B|C)":                         "a has (B | C)",
		"raw64( a ) <= 1":                     "raw64(a) <= 1",
		"!!a":                                 "!!a",
		"!(a == B)":                           "!(a == B)",
		"a\n  && b":                           "a && b",
		"!(prot & PROT_WRITE && prot & EXEC)": "!(prot & PROT_WRITE && prot & EXEC)",
	} {
		e, err := ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := e.String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
		again, err := ParseExpr(e.String())
		if err != nil || !again.Equal(e) {
			t.Errorf("%s is read back as %v, %v", text, again, err)
		}
	}
}

// TestExprHolds compares what an expression means with what C says, call by call.
func TestExprHolds(t *testing.T) {
	const minus100 = 1<<64 - 100
	for _, c := range []struct {
		call, text string
		args       [6]uint64
		want       bool
	}{
		{"socket", "family in [AF_INET, AF_INET6] && (type & SOCK_TYPE_MASK) == SOCK_STREAM", [6]uint64{2, 1 | 0o2000000}, true},
		{"socket", "family in [AF_INET, AF_INET6] && (type & SOCK_TYPE_MASK) == SOCK_STREAM", [6]uint64{2, 2}, false},
		{"socket", "family in [AF_INET, AF_INET6] && (type & SOCK_TYPE_MASK) == SOCK_STREAM", [6]uint64{17, 1}, false},
		{"socket", "family == AF_INET", [6]uint64{1<<32 | 2}, true},
		{"socket", "raw64(family) == AF_INET", [6]uint64{1<<32 | 2}, false},
		{"socket", "family < 3", [6]uint64{0xffffffff}, true},
		{"socket", "family in [-2..1]", [6]uint64{0xfffffffe}, true},
		{"socket", "family in [-2..1]", [6]uint64{0xfffffffd}, false},
		{"socket", "family in [-2..1]", [6]uint64{2}, false},
		{"socket", "family in [5, 7..9]", [6]uint64{8}, true},
		{"socket", "family in [5, 7..9]", [6]uint64{6}, false},
		{"socket", "2 > family", [6]uint64{1}, true},
		{"socket", "2 > family", [6]uint64{2}, false},
		{"mmap", "!(prot & PROT_WRITE && prot & PROT_EXEC)", [6]uint64{0, 0, 6}, false},
		{"mmap", "!(prot & PROT_WRITE && prot & PROT_EXEC)", [6]uint64{0, 0, 5}, true},
		{"mmap", "prot has (PROT_WRITE | PROT_EXEC)", [6]uint64{0, 0, 7}, true},
		{"mmap", "prot has (PROT_WRITE | PROT_EXEC)", [6]uint64{0, 0, 2}, false},
		{"mmap", "!addr", [6]uint64{1 << 40}, false},
		{"mmap", "(prot & ~(PROT_READ|PROT_WRITE)) == 0", [6]uint64{0, 0, 3}, true},
		{"mmap", "(prot & ~(PROT_READ|PROT_WRITE)) == 0", [6]uint64{0, 0, 1 << 50}, false},
		{"openat", "dfd == AT_FDCWD", [6]uint64{minus100}, true},
		{"openat", "dfd == AT_FDCWD", [6]uint64{0xffffff9c}, true},
		{"openat", "dfd == -100", [6]uint64{0xffffff9c}, true},
		{"openat", "(flags & ~O_ACCMODE) == 0", [6]uint64{0, 0, 1<<32 | 3}, true},
		{"openat", "(flags & ~O_ACCMODE) == 0", [6]uint64{0, 0, 1 << 31}, false},
		{"openat", "filename == NULL", [6]uint64{}, true},
		{"openat", "filename != NULL", [6]uint64{0, 1 << 40}, true},
		{"openat", "!filename", [6]uint64{0, 1 << 40}, false},
		{"lseek", "offset >= -5", [6]uint64{0, 1<<64 - 5}, true},
		{"lseek", "offset >= -5", [6]uint64{0, 1<<64 - 6}, false},
		{"read", "fd <= 2 || fd == 0xffffffff", [6]uint64{0xffffffff}, true},
		{"openat", "flags & 0x80000000", [6]uint64{0, 0, 0x80000000}, true},
	} {
		e, err := ParseExpr(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		cond, err := e.Lower(c.call, testCatalog())
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := cond.Holds(c.args); got != c.want {
			t.Errorf("%s %s with %x: %v", c.call, c.text, c.args, got)
		}
	}
}

// exprCases are expressions with the culprit between « and ».
func exprCases() []struct{ call, text, code, says string } {
	return []struct{ call, text, code, says string }{
		{"socket", "«»", "E309", "empty"},
		{"socket", "family «=» 2", "E309", `did you mean "=="?`},
		{"socket", "family == AF_INET «and» type == 1", "E309", `did you mean "&&"?`},
		{"socket", "«not» family", "E309", `did you mean "!"?`},
		{"socket", "(family == 2«»", "E309", "found the end"},
		{"socket", "family == 2«)»", "E309", `found ")"`},
		{"socket", "family in «2»", "E309", `expected "["`},
		{"socket", "«family in []»", "E309", "empty list"},
		{"socket", "family in [1«;» 2]", "E309", `";"`},
		{"socket", "family == «017»", "E309", `did you mean "0xf"?`},
		{"socket", "family == «0o17»", "E309", `did you mean "0xf"?`},
		{"socket", "family == «2UL»", "E309", `did you mean "2"?`},
		{"socket", "family == «2x»", "E309", "is not a number"},
		{"socket", "family == «99999999999999999999»", "E313", "64 bits"},
		{"socket", "family == «'»a'", "E309", "no text"},
		{"socket", "family == 1 «<<» 3", "E312", "calculate"},
		{"socket", "family «+» 1 == 3", "E312", "calculate"},
		{"socket", "«mask»(family) == 3", "E309", "no function"},
		{"socket", "«raw46»(family) == 3", "E309", `did you mean "raw64"?`},
		{"socket", "1 < family «<» 3", "E315", "1 < family && family < …"},
		{"socket", strings.Repeat("(", 64) + "«(»" + strings.Repeat("(", 1000) + "family", "E105", "deeper than 64"},
		{"socket", strings.Repeat("!", 64) + "«!»" + strings.Repeat("!", 1000) + "family", "E105", "deeper than 64"},
		{"openat", "«flags & O_CREAT == O_CREAT»", "E315", `did you mean "(flags & O_CREAT) == O_CREAT"?`},
		{"openat", "«flags & O_ACCMODE in [O_RDONLY, O_RDWR]»", "E315", `did you mean "(flags & O_ACCMODE) in [O_RDONLY, O_RDWR]"?`},
		{"openat", "«flags == O_CREAT | O_EXCL»", "E315", `did you mean "flags == (O_CREAT | O_EXCL)"?`},
		{"openat", "«flags has O_CREAT | O_EXCL»", "E315", `did you mean "flags has (O_CREAT | O_EXCL)"?`},
		{"openat", "«dfd == 1 | flags == 1»", "E315", `did you mean "dfd == 1 || flags == 1"?`},
		{"openat", "«!flags & O_CREAT»", "E315", `did you mean "!(flags & O_CREAT)"?`},
		{"openat", "«!(dfd)» == 1", "E312", "true or false"},
		{"socket", "«famly» == AF_INET", "E310", `did you mean "family"?`},
		{"socket", "«arg0» == AF_INET", "E310", `did you mean "family"?`},
		{"socket", "«a1» == AF_INET", "E310", `did you mean "type"?`},
		{"socket", "«arg7» == AF_INET", "E310", "family, type, protocol"},
		{"socket", "family == «AF_INTE»", "E311", `did you mean "AF_INET"?`},
		{"socket", "family == «NOSUCHTHING»", "E311", "write its number"},
		{"socket", "«family == type»", "E312", "two arguments"},
		{"socket", "«AF_INET == AF_INET6»", "E314", "two constants"},
		{"socket", "«1»", "E314", "always holds"},
		{"socket", "«(family | 1)» == 3", "E312", "calculate"},
		{"socket", "«-family» == 3", "E312", "calculate"},
		{"socket", "«family & type == 3»", "E315", "binds less"},
		{"socket", "«(family & type)» == 3", "E312", "two arguments"},
		{"socket", "family == «0x10000000000»", "E313", "32 bits"},
		{"socket", "family == «4294967295»", "E313", `did you mean "-1"?`},
		{"socket", "family == «-5000000000»", "E313", "does not fit"},
		{"read", "fd == «-1»", "E313", `did you mean "0xffffffff"?`},
		{"read", "count == «-1»", "E313", `did you mean "0xffffffffffffffff"?`},
		{"lseek", "offset == «18446744073709551615»", "E313", `did you mean "-1"?`},
		{"read", "«fd >= 0»", "E314", "always holds"},
		{"read", "«fd < 0»", "E314", "never holds"},
		{"socket", "«family <= 2147483647»", "E314", "from -2147483648 to 2147483647"},
		{"openat", "«(flags & O_ACCMODE) == O_CREAT»", "E314", "takes away 0x40"},
		{"openat", "«(flags & O_ACCMODE) > 3»", "E314", "never"},
		{"openat", "«(flags & O_RDONLY)»", "E314", "always 0"},
		{"openat", "«flags has O_RDONLY»", "E314", "no bits"},
		{"openat", "«flags & ~0»", "E416", "all bits"},
		{"openat", "«(flags & CLONE_IO) < 4»", "E312", "sign bit"},
		{"socket", "«family == 1 && family == 2»", "E314", "never"},
		{"socket", "«family != 1 || family != 2»", "E314", "always"},
		{"socket", "«family > 5 && family < 3»", "E314", "never"},
		{"socket", "«type == 1 && family > 5 && family < 3»", "E314", "never"},
		{"socket", "«(type & 15) == 1 && (type & 15) == 2»", "E314", "never"},
		{"socket", "family == 1 || «family == 1»", "E314", "twice"},
		{"socket", "family in [1, 5..9, «7»]", "E314", "in the list already"},
		{"socket", "family in [«9..5»]", "E314", `did you mean "5..9"?`},
		{"socket", "family in [1, «type»]", "E312", "two arguments"},
		{"openat", "«filename == 5»", "E301", `argument "filename" of openat is a pointer; a seccomp filter cannot read it`},
		{"openat", "filename == «0»", "E301", `did you mean "NULL"?`},
		{"openat", "«filename & 1»", "E301", "put the path under modules.NAME.filesystem"},
		{"openat", "dfd == «NULL»", "E301", `did you mean "0"?`},
		{"mmap", "«raw64(len)» == 1", "E416", `did you mean "len"?`},
		{"mmap", "«prot has PROT_READ | PROT_READ»", "E315", "binds less"},
		{"mmap", "prot has (PROT_READ | «PROT_READ»)", "E416", "adds no bit"},
		{"getpid", "«x == 1»", "E316", "takes no arguments"},
		{"lookup", "«x == 1»", "E316", "is not known"},
	}
}

func TestExprErrors(t *testing.T) {
	for _, c := range exprCases() {
		text, spans := culprits(c.text)
		e, err := ParseExpr(text)
		if err == nil {
			_, err = e.Lower(c.call, testCatalog())
		}
		var es ExprErrors
		if !errors.As(err, &es) || len(es) != 1 {
			t.Errorf("%s: errors\n%v", c.text, err)
			continue
		}
		g := es[0]
		if g.Code != c.code || g.Pos.Col != spans[0].pos.Col || g.Width != max(1, spans[0].width) || !strings.Contains(g.Error(), c.says) {
			t.Errorf("%s\n  is %s at %d+%d: %v\n  want %s at %d+%d: %s", c.text, g.Code, g.Pos.Col, g.Width, g, c.code, spans[0].pos.Col, spans[0].width, c.says)
		}
		if strings.Contains(g.Error(), "%!") {
			t.Error(g)
		}
	}
}

// FuzzExpr: an expression is refused with places inside it, or its canonical form means the same.
func FuzzExpr(f *testing.F) {
	for _, c := range exprCases() {
		text, _ := culprits(c.text)
		f.Add(c.call, text, uint64(0x1_0000_0002), uint64(5))
	}
	f.Add("socket", "family in [AF_INET, AF_INET6] && (type & SOCK_TYPE_MASK) == SOCK_STREAM", uint64(2), uint64(1))
	catalog := testCatalog()
	f.Fuzz(func(t *testing.T, call, text string, a, b uint64) {
		e, err := ParseExpr(text)
		var first *Condition
		if err == nil {
			first, err = e.Lower(call, catalog)
		}
		var es ExprErrors
		if err != nil {
			if !errors.As(err, &es) || len(es) == 0 {
				t.Fatalf("%q: %v", text, err)
			}
			for _, g := range es {
				if g.Offset < 0 || g.End > len(text) || g.Offset > g.End || g.Pos.Col < 1 || g.Message == "" || strings.ContainsAny(g.Error(), "\x1b\r") {
					t.Fatalf("%q: %#v", text, g)
				}
			}
			return
		}
		again, err := ParseExpr(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("%q is %q, and that is %q: %v", text, e, again, err)
		}
		second, err := again.Lower(call, catalog)
		if err != nil {
			t.Fatalf("%q: its form %q: %v", text, e, err)
		}
		for _, args := range [][6]uint64{{a, b}, {b, a}, {a, a, b}, {b, 0, a, a}} {
			if first.Holds(args) != second.Holds(args) {
				t.Fatalf("%q and %q differ for %x", text, e, args)
			}
		}
	})
}
