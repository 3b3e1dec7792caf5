package call

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// testArch is the architecture of the tests.
const testArch = seccomp.X8664

const low, all = 0xffffffff, ^uint64(0)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		nr    uint32
		args  [6]uint64
		known [6]uint64
	}{
		"constants":              {"socket(AF_PACKET, SOCK_RAW, 0)", 41, [6]uint64{17, 3}, [6]uint64{low, low, low}},
		"by name, in any order":  {"socket(type=SOCK_RAW, family=AF_ALG)", 41, [6]uint64{38, 3}, [6]uint64{low, low}},
		"what is left out":       {"socket(AF_PACKET)", 41, [6]uint64{17}, [6]uint64{low}},
		"any, three ways":        {"socket(_, …, ...)", 41, [6]uint64{}, [6]uint64{}},
		"string and flags":       {`openat(AT_FDCWD, "/etc/a, (b", O_RDONLY|O_CLOEXEC)`, 257, [6]uint64{0xffffff9c, 0, 0x80000}, [6]uint64{low, 0, low}},
		"NULL is a value":        {"mmap(NULL, 4096, PROT_READ | PROT_EXEC, …)", 9, [6]uint64{0, 4096, 5}, [6]uint64{all, all, all}},
		"long is sign-extended":  {"mmap(0, 0, 0, 0, -1, 0)", 9, [6]uint64{4: all}, [6]uint64{all, all, all, all, all, all}},
		"int is zero-extended":   {"kill(-1, SIGTERM)", 62, [6]uint64{low, 15}, [6]uint64{low, low}},
		"a structure":            {"clone3({flags=CLONE_NEWUSER, exit_signal=[1, (2)]}, 88)", 435, [6]uint64{1: 88}, [6]uint64{1: all}},
		"octal, hex, suffix":     {"openat(0x10, _, 010UL, 0644)", 257, [6]uint64{16, 0, 8, 0o644}, [6]uint64{low, 0, low, low}},
		"precedence":             {"mmap(1|2^3&4<<1+1*2, ~0, -(-1), 6>>1, 0, 0)", 9, [6]uint64{3, all, 1, 3}, [6]uint64{all, all, all, all, all, all}},
		"a descriptor with path": {"read(3</etc/x,y<char 1:3>>, 0x7f00, 5)", 0, [6]uint64{3, 0x7f00, 5}, [6]uint64{low, all, all}},
		"a comment":              {"socket(0x11 /* AF_PACKET, see */, 3, 0);", 41, [6]uint64{17, 3}, [6]uint64{low, low, low}},
		"no arguments":           {" getpid ( ) ", 39, [6]uint64{}, [6]uint64{}},
		"without a prototype":    {"uselib(38, -1, 0x100000000)", 134, [6]uint64{38, low, 1 << 32}, [6]uint64{low, low, all}},
		"a number for a name":    {"syscall_0x1c8(1)", 456, [6]uint64{1}, [6]uint64{low}},
		"strace's clone": {"clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f10)", 56,
			[6]uint64{0x200011, 0, 0, 0x7f10}, [6]uint64{all, all, 0, all}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(c.text, testArch)
			if err != nil {
				t.Fatal(err)
			}
			if want := (bpf.Data{Nr: c.nr, Arch: testArch.Audit(), Args: c.args}); got.Data != want || got.Known != c.known {
				t.Errorf("got %+v known %x\nwant %+v known %x", got.Data, got.Known, want, c.known)
			}
			for _, a := range got.Args {
				if c.text[a.Offset:a.Offset+len(a.Text)] != a.Text {
					t.Errorf("%q is not at %d", a.Text, a.Offset)
				}
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for name, c := range map[string]struct{ text, want, at string }{
		"unknown call":        {"sokcet(1, 2, 3)", `unknown system call "sokcet" of x86_64; did you mean "socket"?`, "sokcet"},
		"unknown constant":    {"socket(AF_PACKT, 3, 0)", `unknown constant "AF_PACKT"; did you mean "AF_PACKET"?`, "AF_PACKT"},
		"in an expression":    {"openat(0, 0, O_RDWR|O_CLOEXE)", `unknown constant "O_CLOEXE"; did you mean "O_CLOEXEC"?`, "O_CLOEXE)"},
		"too many":            {"close(1, 2)", "close takes one argument: fd", "2"},
		"too many for none":   {"getpid(1)", "getpid takes no arguments", "1"},
		"no such parameter":   {"socket(famly=1)", "socket takes 3 arguments: family, type, protocol", "famly=1"},
		"twice":               {"socket(family=1, family=2)", "argument family is given twice", "family=2"},
		"too wide":            {"socket(0x100000011, 3, 0)", "0x100000011 does not fit into int family, which has 32 bits", "0x1"},
		"not closed":          {"socket(1, 2, 3", "the call ends without a closing parenthesis", ""},
		"string not closed":   {`openat(0, "a, 1)`, "the call ends without a closing parenthesis", ""},
		"text after it":       {"getpid() + 1", "unexpected text after the call", "+ 1"},
		"no call":             {"", "a system call's name is expected, as in socket(AF_UNIX, SOCK_STREAM, 0)", ""},
		"no parenthesis":      {"getpid", "an opening parenthesis is expected after getpid", ""},
		"a macro":             {"kill(1, WTERMSIG(3))", "WTERMSIG(…) is a macro of C; write its value", "WTERMSIG"},
		"two values":          {"kill(1 2, 3)", `unexpected "2" after a value`, "2,"},
		"an operator too few": {"kill(1|, 3)", "a value is expected", ", 3"},
		"a bad number":        {"kill(12x, 3)", `"12x" is not a number of 64 bits`, "12x"},
		"Go's number":         {"kill(1_000, 3)", `"1_000" is not a number of 64 bits`, "1_000"},
		"nested too deep":     {"kill(" + strings.Repeat("~", 100) + "1, 3)", "nested more than 64 deep", strings.Repeat("~", 36)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.text, testArch)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("no error: %v", err)
			}
			text := e.Message
			if e.Hint != "" {
				text += "; " + e.Hint
			}
			if text != c.want {
				t.Errorf("got %s\nwant %s", text, c.want)
			}
			if e.Offset > len(c.text) || !strings.HasPrefix(c.text[e.Offset:], c.at) || c.at == "" && e.Offset != len(c.text) {
				t.Errorf("at %d, not at %q", e.Offset, c.at)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	for name, c := range map[string]struct {
		nr   uint32
		args [6]uint64
		want string
	}{
		"family and type": {41, [6]uint64{38, 1 | 0o2000000, 0}, "socket(family=AF_ALG, type=SOCK_STREAM|SOCK_CLOEXEC, protocol=0)"},
		"no name for it":  {41, [6]uint64{99, 0, 70000}, "socket(family=99, type=0, protocol=0x11170)"},
		"the upper half":  {41, [6]uint64{1<<32 | 17, 3, 0}, "socket(family=AF_PACKET /* register 0x100000011 */, type=SOCK_RAW, protocol=0)"},
		"open":            {257, [6]uint64{0xffffff9c, 0, 0o101, 0o644}, "openat(dfd=AT_FDCWD, filename=NULL, flags=O_WRONLY|O_CREAT, mode=0644)"},
		"unknown flag": {9, [6]uint64{0, 4096, 0x13, 0x22, all, 0},
			"mmap(addr=0, len=4096, prot=PROT_READ|PROT_WRITE|0x10, flags=MAP_PRIVATE|MAP_ANONYMOUS, fd=0xffffffffffffffff, off=0)"},
		"negative": {62, [6]uint64{0xffffffff, 15}, "kill(pid=-1, sig=SIGTERM)"},
		"clone's signal": {56, [6]uint64{0x200011},
			"clone(clone_flags=SIGCHLD|CLONE_CHILD_CLEARTID, newsp=0, parent_tidptr=NULL, child_tidptr=NULL, tls=0)"},
		"without prototype":  {134, [6]uint64{38, 1}, "uselib(38, 1, 0, 0, 0, 0)"},
		"no arguments":       {39, [6]uint64{1}, "getpid()"},
		"an unknown number":  {9999, [6]uint64{1}, "syscall_9999(1, 0, 0, 0, 0, 0)"},
		"x32's numbers have": {0x40000000, [6]uint64{}, "syscall_0x40000000(0, 0, 0, 0, 0, 0)"},
	} {
		t.Run(name, func(t *testing.T) {
			d := bpf.Data{Nr: c.nr, Arch: testArch.Audit(), Args: c.args}
			if got := Describe(d, testArch); got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
	if got := DescribeKnown(bpf.Data{Nr: 41, Arch: testArch.Audit(), Args: [6]uint64{17}}, [6]uint64{low},
		testArch); got != "socket(family=AF_PACKET, type=_, protocol=_)" {
		t.Error(got)
	}
	if got := Describe(bpf.Data{Nr: 41, Arch: 7}, testArch); got != "syscall_41(0, 0, 0, 0, 0, 0) of architecture 0x7" {
		t.Error(got)
	}
}

// FuzzParse: a call that is read is printed as one that is the same; an error has its place in the text.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"socket(AF_PACKET, SOCK_RAW, 0)", `openat(AT_FDCWD, "\"", O_RDONLY|-1)`, "clone3({a=(1)}, 88 => 5)",
		"mmap(NULL,1<<2,~3,/* x */ 4, 5</a>, 6 or 7)",
		"read(3<TCP:[1->2]>, [1], 5 <unfinished ...>", "syscall_0x1c8(1, 2)", "kill(-(1+2)*3, SIGTERM)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		loose, _ := ParseLoose(text, testArch)
		for i, k := range loose.Known {
			if loose.Data.Args[i]&^k != 0 {
				t.Fatalf("%q: argument %d has value %#x in bits that are not known: %#x", text, i, loose.Data.Args[i], k)
			}
		}
		c, err := Parse(text, testArch)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || e.Width < 1 || e.Message == "" {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		for _, a := range c.Args {
			if text[a.Offset:a.Offset+len(a.Text)] != a.Text {
				t.Fatalf("%q: argument %+v is elsewhere", text, a)
			}
		}
		printed := DescribeKnown(c.Data, c.Known, testArch)
		again, err := Parse(printed, testArch)
		if err != nil {
			t.Fatalf("%q printed as %q: %v", text, printed, err)
		}
		if again.Data != c.Data {
			t.Fatalf("%q printed as %q: %+v, was %+v", text, printed, again.Data, c.Data)
		}
	})
}
