package trace

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// testArch is the architecture of the tests.
const testArch = seccomp.X8664

// readAll returns what is read as text: a line each, "number:column pid call arguments" or the problem.
func readAll(text string) (out []string) {
	for l, p := range Read(strings.NewReader(text), testArch) {
		if p != nil {
			out = append(out, p.Error())
			continue
		}
		first := ""
		if l.First {
			first = " first"
		}
		out = append(out, fmt.Sprintf("%d:%d pid %d %s", l.Number, l.Column, l.PID, call.DescribeKnown(l.Call.Data, l.Call.Known, testArch))+first)
	}
	return out
}

func TestRead(t *testing.T) {
	const closing = "close(fd=3)"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"plain":                {"close(3) = 0\n", []string{"1:1 pid 0 " + closing + " first"}},
		"pid in brackets":      {"[pid  12] close(3) = 0\n", []string{"1:11 pid 12 " + closing + " first"}},
		"pid with its command": {"[pid 12<a b>] close(3) = 0\n", []string{"1:15 pid 12 " + closing + " first"}},
		"pid of a file":        {"4371  close(3)                = 0\n", []string{"1:7 pid 4371 " + closing + " first"}},
		"-t":                   {"17:01:02 close(3) = 0\n", []string{"1:10 pid 0 " + closing + " first"}},
		"-f -tt -T":            {"12 17:01:02.123456 close(3) = 0 <0.000012>\n", []string{"1:20 pid 12 " + closing + " first"}},
		"-ttt -i":              {"1700000000.123456 [00007f0af47bfad7] close(3) = 0\n", []string{"1:38 pid 0 " + closing + " first"}},
		"-r":                   {"     0.000123 close(3) = 0\n", []string{"1:15 pid 0 " + closing + " first"}},
		"-r -t":                {"17:01:02 (+     0.000123) close(3) = 0\n", []string{"1:27 pid 0 " + closing + " first"}},
		"-n":                   {"[ 257] close(3) = 0\n", []string{"1:8 pid 0 " + closing + " first"}},
		"-y":                   {"close(3</etc/a\\74b>) = 0\n", []string{"1:1 pid 0 " + closing + " first"}},
		"-yy":                  {"close(3<TCPv6:[[::1]:80->[::1]:4711]>) = 0\n", []string{"1:1 pid 0 " + closing + " first"}},
		"-X verbose":           {"kill(0x1 /* x */, 15 /* SIGTERM */) = 0\n", []string{"1:1 pid 0 kill(pid=1, sig=SIGTERM) first"}},
		"-e raw": {"openat(0xffffff9c, 0x7f00001, 0x80000, 0) = 0x3\n", []string{
			"1:1 pid 0 openat(dfd=AT_FDCWD, filename=0x7f00001, flags=O_RDONLY|O_CLOEXEC, mode=00) first"}},
		"an errno":  {"close(3) = -1 EBADF (Bad file descriptor)\r\n", []string{"1:1 pid 0 " + closing + " first"}},
		"no result": {"kill(1, SIGTERM) = ?\n+++ exited with 0 +++\n", []string{"1:1 pid 0 kill(pid=1, sig=SIGTERM) first"}},
		"signals, words and stacks": {
			"--- SIGCHLD {si_signo=SIGCHLD} ---\n12 --- SIGTERM ---\nstrace: Process 5 attached\n > /lib/a.so(b+0x1) [0x2]\n\n+++ killed by SIGKILL " +
				"+++\n", nil},
		"-C": {"close(3) = 0\n% time     seconds  usecs/call     calls    errors syscall\n" +
			"------ ----------- ----------- --------- --------- ----------------\n  0.00    0.000000           0         5         2 openat\n" +
			"  0.00    0.000000           0         5           read\n------ ----------- ----------- --------- --------- ----------------\n" +
			"100.00    0.000000           0       145        19 total\n", []string{"1:1 pid 0 " + closing + " first"}},
		"numbers that are no table": {"1.5 2.5 3 4 close(3) = 0\n", []string{"1:13 pid 0 " + closing + " first"}},
		"in two pieces": {"[pid 1] read(3,  <unfinished ...>\n[pid 2] close(3) = 0\n[pid 1] <... read resumed>\"a, b\", 5) = 5\n",
			[]string{"2:9 pid 2 " + closing, "1:9 pid 1 read(fd=3, buf=_, count=5) first"}},
		"the second without pid": {"[pid 1] read(3,  <unfinished ...>\n<... read resumed>\"\", 7) = 0\n", []string{
			"1:9 pid 1 read(fd=3, buf=_, count=7) first"}},
		"never resumed": {"1 read(3,  <unfinished ...>\n1 close(3) = 0\n2 read(4 <unfinished ...>\n", []string{
			"1:3 pid 1 read(fd=3, buf=_, count=_) first", "2:3 pid 1 " + closing, "3:3 pid 2 read(fd=4, buf=_, count=_)"}},
		"a process in between": {"getpid(strace: Process 7 attached\n <unfinished ...>\n[pid 6] <... getpid resumed>) = 7\n", []string{
			"1:1 pid 0 getpid() first"}},
		"words in between": {"clone(child_stack=NULL, flags=SIGCHLDstrace: Process 7 attached\n, child_tidptr=0x10) = 7\nclose(3) = 0\n",
			[]string{"1:1 pid 0 clone(clone_flags=SIGCHLD, newsp=0, parent_tidptr=_, child_tidptr=16, tls=_) first", "3:1 pid 0 " + closing}},
		"words at the end": {"close(3strace: Process 7 attached\n", []string{"1:1 pid 0 close(fd=_) first",
			"1:8: the call is not closed; what is missing of its arguments may have any value"}},
		"macros are not known": {"mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|21<<MAP_OF_TOMORROW, -1, 0) = 0\n", []string{
			"1:1 pid 0 mmap(addr=0, len=4096, prot=PROT_READ, flags=_, fd=0xffffffff, off=0) first"}},
		"arguments that strace moves": {"futex(0x7f0, FUTEX_WAIT_BITSET, 2, NULL, 0xff) = 0\n",
			[]string{"1:1 pid 0 futex(uaddr=2032, op=9, val=_, utime=_, uaddr2=_, val3=_) first"}},
		"an unknown call": {"12 frob(1) = 0\nclose(3) = 0\n", []string{`1:4: unknown system call "frob" of x86_64`,
			"2:1 pid 0 " + closing + " first"}},
		"a misspelt call":         {"clsoe(1) = 0\n", []string{`1:1: unknown system call "clsoe" of x86_64; did you mean "close"?`}},
		"a call without a name":   {"syscall_0x1c8(0x1, 0x2) = -1 ENOSYS\n", []string{"1:1 pid 0 " + describe456() + " first"}},
		"not strace's":            {"hello world\n", []string{"1:7: an opening parenthesis is expected after hello"}},
		"resumed without a start": {"<... read resumed>) = 0\n", []string{"1:1: the first piece of read is not in the trace"}},
		"cut off in an argument": {"read(3, \"abc", []string{"1:1 pid 0 read(fd=3, buf=_, count=_) first",
			"1:13: the trace ends within the call; what is missing of its arguments may have any value"}},
		"cut off in a number": {"read(3, \"\", 12", []string{"1:1 pid 0 read(fd=3, buf=_, count=_) first",
			"1:15: the trace ends within the call; what is missing of its arguments may have any value"}},
		"cut off in the name": {"close(3) = 0\nrea", []string{"1:1 pid 0 " + closing + " first", "2:4: the trace ends within the line"}},
		"another mode": {"[ Process PID=9 runs in 32 bit mode. ]\nclose(3) = 0\n[ Process PID=9 runs in 64 bit mode. ]\nclose(3) = 0\n",
			[]string{"2:1: the call is one of another architecture: Process PID=9 runs in 32 bit mode.", "4:1 pid 0 " + closing + " first"}},
		"a long line": {"close(" + strings.Repeat(" ", 1<<20) + "3)\nclose(3) = 0\n", []string{"1:1: the line is longer than 1 MiB",
			"2:1 pid 0 " + closing + " first"}},
		"strings with )": {`read(3, "a)\") = 1\\", 5) = 3` + "\n", []string{"1:1 pid 0 read(fd=3, buf=_, count=5) first"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readAll(c.text); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// describe456 is how the call 456, which the tables may get to know, is described.
func describe456() string {
	c, _ := call.ParseLoose("syscall_0x1c8(0x1, 0x2)", testArch)
	return call.DescribeKnown(c.Data, c.Known, testArch)
}

// broken is a reader that ends with an error.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("gone")
	}
	return n, err
}

func TestReadError(t *testing.T) {
	var got []string
	for _, p := range Read(broken{strings.NewReader("close(3) = 0\n")}, testArch) {
		if p != nil {
			got = append(got, p.Error())
		}
	}
	if want := []string{"2:1: the trace cannot be read any further: gone"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestReadOtherArchitecture(t *testing.T) {
	for l, p := range Read(strings.NewReader("close(3) = 0\n"), seccomp.X86) {
		if l != nil || !strings.Contains(p.Message, "x86 cannot be read") {
			t.Error(l, p)
		}
	}
}

func TestReadStops(t *testing.T) {
	n := 0
	for range Read(strings.NewReader(strings.Repeat("close(3) = 0\n", 10)), testArch) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Error(n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("[pid 1] read(3,  <unfinished ...>\n12 17:01:02 close(3</a>) = 0\n[pid 1] <... read resumed>\"\", 5) = 5\n")
	f.Add("openat(AT_FDCWD, \"\\\"\", O_RDONLY|0x8 /* x */) = -1 ENOENT (No)\n--- SIGCHLD {a=1} ---\n+++ exited with 0 +++\nread(3, \"")
	f.Add("[ Process PID=9 runs in 32 bit mode. ]\n[ 257] [0000a] clone(flags=SIGCHLD, child_stack=NULL <unfinished ...>\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		for l, p := range Read(strings.NewReader(text), testArch) {
			if (l == nil) == (p == nil) {
				t.Fatal("neither a line nor a problem, or both")
			}
			if p != nil && (p.Number < 1 || p.Number > lines || p.Column < 1 || p.Column > len(p.Text)+2 || p.Message == "") {
				t.Fatalf("%q: %+v", text, p)
			}
			if l != nil && (l.Number < 1 || l.Number > lines || !strings.HasPrefix(l.Text[l.Column-1:], l.Call.Name)) {
				t.Fatalf("%q: %+v", text, l)
			}
		}
		r := Simulate(Read(strings.NewReader(text), testArch), allowing{"read": true}, testArch)
		var b strings.Builder
		if err := r.Render(&b, Names{Trace: "t", Policy: "p"}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(b.String(), func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f }) {
			t.Fatalf("%q: a terminal would obey %q", text, b.String())
		}
	})
}
