package minijail

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// include reads the files of a table.
func include(files map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if text, there := files[path]; there {
			return []byte(text), nil
		}
		return nil, os.ErrNotExist
	}
}

func mustParse(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("a.policy", []byte(text), Options{Include: include(map[string]string{"./base.policy": "close: 1\nexit_group: 1\n"})})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestMeaning: what is answered, by the file and by the policy that is made of it, which is proved to be the same.
func TestMeaning(t *testing.T) {
	const thread, high = bpf.RetKillThread, uint64(1) << 32
	cases := []struct {
		name, text string
		call       string
		args       [6]uint64
		want       uint32
	}{
		{"allowed", "read: 1\n", "read", [6]uint64{7}, bpf.RetAllow},
		{"not named", "read: 1\n", "write", [6]uint64{}, thread},
		{"equal", "socket: arg0 == AF_INET\n", "socket", [6]uint64{2}, bpf.RetAllow},
		{"not equal", "socket: arg0 == AF_INET\n", "socket", [6]uint64{1}, thread},
		{"all of the register", "socket: arg0 == AF_INET\n", "socket", [6]uint64{high | 2}, thread},
		{"or", "socket: arg0 == 1 || arg0 == 2 && arg1 == 3\n", "socket", [6]uint64{2, 3}, bpf.RetAllow},
		{"and", "socket: arg0 == 1 || arg0 == 2 && arg1 == 3\n", "socket", [6]uint64{2, 4}, thread},
		{"in", "mmap: arg2 in PROT_READ|PROT_WRITE\n", "mmap", [6]uint64{0, 0, 3}, bpf.RetAllow},
		{"not in", "mmap: arg2 in PROT_READ|PROT_WRITE\n", "mmap", [6]uint64{0, 0, 7}, thread},
		{"in, above", "mmap: arg2 in PROT_READ|PROT_WRITE\n", "mmap", [6]uint64{0, 0, high}, thread},
		{"in all but", "mmap: arg2 in ~PROT_EXEC || arg2 in ~PROT_WRITE\n", "mmap", [6]uint64{0, 0, high | 5}, bpf.RetAllow},
		{"in none", "mmap: arg2 in ~PROT_EXEC || arg2 in ~PROT_WRITE\n", "mmap", [6]uint64{0, 0, 7}, thread},
		{"a bit", "ioctl: arg1 & 0x5400\n", "ioctl", [6]uint64{0, 0x1000}, bpf.RetAllow},
		{"no bit", "ioctl: arg1 & 0x5400\n", "ioctl", [6]uint64{0, 0x8000}, thread},
		{"less, without a sign", "dup2: arg0 < 8\n", "dup2", [6]uint64{^uint64(0)}, thread},
		{"at least, wide", "lseek: arg1 >= 0x100000000\n", "lseek", [6]uint64{0, high}, bpf.RetAllow},
		{"at most", "lseek: arg1 <= 0x100000005\n", "lseek", [6]uint64{0, high | 6}, thread},
		{"more", "lseek: arg1 > 5\n", "lseek", [6]uint64{0, 6}, bpf.RetAllow},
		{"negative", "read: 1\nmmap: arg4 == -1\n", "mmap", [6]uint64{0, 0, 0, 0, ^uint64(0)}, bpf.RetAllow},
		{"an error", "read: 1\nptrace: return EPERM\n", "ptrace", [6]uint64{}, bpf.RetErrno | 1},
		{"an error by number", "read: 1\nptrace: return 38\n", "ptrace", [6]uint64{}, bpf.RetErrno | 38},
		{"else an error, and it holds", "kill: arg1 == SIGTERM; return EACCES\n", "kill", [6]uint64{0, 15}, bpf.RetAllow},
		{"else an error, and it does not", "kill: arg1 == SIGTERM; return EACCES\n", "kill", [6]uint64{0, 9}, bpf.RetErrno | 13},
		{"the other dialect", "@default kill-process\nread: allow\nkill: arg1 == SIGTERM; return EACCES\n", "kill", [6]uint64{0, 15}, bpf.RetErrno | 13},
		{"its default", "@default kill-process\nread: allow\nkill: arg1 == SIGTERM; return EACCES\n", "kill", [6]uint64{0, 9}, bpf.RetKillProcess},
		{"the first of several", "read: 1\nkill: {arg1 == 15, arg1 == 9; return EPERM, trap}\n", "kill", [6]uint64{0, 9}, bpf.RetErrno | 1},
		{"the last of several", "read: 1\nkill: {arg1 == 15, arg1 == 9; return EPERM, trap}\n", "kill", [6]uint64{0, 10}, bpf.RetTrap},
		{"several calls", "{read, write}: allow\n", "write", [6]uint64{}, bpf.RetAllow},
		{"another architecture", "read: 1\nwrite[arch=vax]: 1\n", "write", [6]uint64{}, thread},
		{"a list of denials", "@denylist\nptrace: return EPERM\n", "ptrace", [6]uint64{}, bpf.RetErrno | 1},
		{"what it does not name", "@denylist\nptrace: return EPERM\n", "mount", [6]uint64{}, bpf.RetAllow},
		{"a list of denials with a condition", "@denylist\nsocket: arg0 == 38; return EAFNOSUPPORT\n", "socket", [6]uint64{2}, bpf.RetAllow},
		{"included", "@include ./base.policy\nread: 1\n", "close", [6]uint64{}, bpf.RetAllow},
		{"continued", "socket: arg0 == 1 || \\\n  arg0 == 2\n", "socket", [6]uint64{2}, bpf.RetAllow},
		{"comments", "# nothing\nread: 1 # all\n\n  # write: 1\n", "write", [6]uint64{}, thread},
		{"frequencies", "@frequency ./a b.frequency\nread: 1\n", "read", [6]uint64{}, bpf.RetAllow},
		{"a pointer", "read: 1\nunlink: arg0 != 0\n", "unlink", [6]uint64{high}, bpf.RetAllow},
		{"always", "dup2: arg0 >= 0\n", "dup2", [6]uint64{high}, bpf.RetAllow},
		{"never", "read: 1\ndup2: arg0 < 0\n", "dup2", [6]uint64{}, thread},
		{"parentheses", "read: 1\nmmap: arg2 in ~(PROT_EXEC|PROT_WRITE)\n", "mmap", [6]uint64{0, 0, 3}, thread},
		{"kill is a call, too", "kill: 1\nread: kill\n", "kill", [6]uint64{}, bpf.RetAllow},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			nr, has := seccomp.Number(c.call)
			if !has {
				t.Skipf("%s has no %s", seccomp.Native(), c.call)
			}
			f := mustParse(t, c.text)
			d, err := f.Decision()
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Want(bpf.Data{Nr: nr, Arch: seccomp.Native().Audit(), Args: c.args}); got != c.want {
				t.Errorf("the file answers %s, want %s", bpf.Describe(got), bpf.Describe(c.want))
			}
			text, _, differences, err := f.Policy("")
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			for _, diff := range differences {
				if f.Default != bpf.RetAllow || seccomp.Name(diff.Call.Nr) != "" {
					t.Errorf("%v\n%s", &diff, text)
				}
			}
		})
	}
}

// TestWritten: conditions are written as a person would, where nothing is lost by it.
func TestWritten(t *testing.T) {
	for text, want := range map[string]string{
		"socket: arg0 == AF_INET":                "raw64(family) == AF_INET",
		"mmap: arg2 in ~PROT_EXEC":               "(prot & PROT_EXEC) == 0",
		"ioctl: arg1 & 0x5400":                   "(cmd & 0x5400) != 0",
		"lseek: arg1 < 4":                        "offset >= 0 && offset < 4",
		"mmap: arg1 <= 4096":                     "len <= 0x1000",
		"unlink: arg0 == 0":                      "pathname == NULL",
		"read: arg0 == 0; return EBADF":          "!(raw64(fd) == 0)",
		"read: 1\nptrace: return EPERM":          "{call: ptrace, action: errno EPERM}   # line 2",
		"read: 1\nwrite: 1\nclose: 1":            "- [read, write, close]",
		"{read, write}: {arg0 == 1, return EIO}": "{call: write, when: \"!(raw64(fd) == 1)\", action: errno EIO}",
	} {
		got, _, _, err := mustParse(t, text+"\n").Policy("")
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %v: no %s in\n%s", text, err, want, got)
		}
	}
}

func TestNotes(t *testing.T) {
	for text, want := range map[string]string{
		"read: 1\nwrite: log\n":                       "a.policy:2:8: the action log is not carried",
		"read: 1\nstuff@chrome: allow\n":              "a.policy:2:1: the group stuff@chrome is left out",
		"read: 1\n  arm_fadvise64_64: 1\n":            "a.policy:2:3: arm_fadvise64_64 is left out",
		"@frequency x\nread: 1\n":                     "a.policy:1:1: the frequencies are left out",
		"kill: arg1 == 9; return EIO\n":               "a.policy:1:7: a condition with an action behind it is read as libminijail reads it",
		"kill: {arg1 == 9; return EIO, 1}\nread: 1\n": "read as compile_seccomp_policy.py reads it",
		"read: arg5 == 1\nwrite: 1\n": "a.policy:1:1: the condition on read is not carried, so the call gets what no line is about: " +
			"read has no argument 5",
		"@denylist\nptrace: return EPERM\n": "numbers that it does not have are not",
	} {
		_, notes, _, err := mustParse(t, text).Policy("")
		said := ""
		for _, n := range notes {
			said += n.String() + "\n"
		}
		if err != nil || !strings.Contains(said, want) {
			t.Errorf("%q: %v: no %q in\n%s", text, err, want, said)
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"raed: 1":                   `a.policy:1:1: unknown system call "raed"`,
		"read 1":                    `a.policy:1:6: "1" where ":" belongs`,
		"read:":                     `a.policy:1:6: there is nothing behind the colon`,
		"read: 2":                   `a.policy:1:7: "2" is neither a condition`,
		"read: arg6 == 1":           `a.policy:1:7: "arg6" is no argument`,
		"read: arg0 = 1":            `a.policy:1:12: "=" is no operator`,
		"read: arg0 == AF_NONE":     `a.policy:1:15: unknown constant "AF_NONE"`,
		"read: arg0 ==":             `a.policy:1:14: a constant is missing`,
		"read: arg0 == (1":          `")" is missing`,
		"read: arg0 == 1 1":         `a.policy:1:17: "1" does not belong here`,
		"read: return ENONE":        `"ENONE" is no error number`,
		"read: return 0":            `"0" is no error number`,
		"read: 1\nread: 1":          `a.policy:2:1: read is defined twice; first at a.policy:1:1`,
		"@include base.policy":      `a.policy:1:10: the path "base.policy" begins with neither / nor ./`,
		"@include ./none.policy":    `a.policy:1:10: include ./none.policy: file does not exist`,
		"@include":                  `a.policy:1:1: @include without a path`,
		"read: $x":                  `a.policy:1:7: "$" does not belong here`,
		"@default allow":            `the default allows; @denylist is how that is said`,
		"@denylist\nread: 1":        `with @denylist every line has a return`,
		"read[cpu=x]: 1":            `unknown metadata "cpu"`,
		"read: 1\n# a \\\nwrite: 1": `a.policy:2:1: a comment with a backslash at its end`,
		"9999: 1":                   `has no system call 9999`,
		"read: arg0 == " + strings.Repeat("(", 100): `nested deeper than 64`,
		"a\x00b": "a.policy:1:2: a zero byte",
	} {
		_, err := Parse("a.policy", []byte(text), Options{Include: include(map[string]string{})})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	_, err := Parse("a.policy", []byte("raed: 1\nwrite: 3\n"), Options{})
	var errs exchange.Errors
	if !errors.As(err, &errs) || len(errs) != 2 {
		t.Errorf("%v, want both errors", err)
	}
	if _, err := Parse("a.policy", []byte("@include ./a\n"), Options{Include: include(map[string]string{"./a": "@include ./a\n"})}); err == nil {
		t.Error("a file that includes itself")
	}
}

// FuzzParse: a file is refused with a place, or what is made of it is a policy that answers as the file does.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"read: 1\nsocket: arg0 == 1 || arg0 in ~2 && arg1 & 4; return EPERM\n",
		"@default trap\n{read, kill[arch=arm]}: {arg0 < 1; return 5, allow}\n",
		"@denylist\nptrace: arg1 >= -1; return 1\n", "mmap: arg2 in ~(PROT_EXEC|0x7)\\\n && arg0 != 0 # c\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 {
			return
		}
		file, err := Parse("a.policy", text, Options{Include: include(nil)})
		if err != nil {
			var errs exchange.Errors
			if !errors.As(err, &errs) || errs[0].Pos.Line < 1 || errs[0].Pos.Col < 1 {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		yaml, notes, differences, err := file.Policy("")
		if err != nil {
			if strings.Contains(err.Error(), "bug of ours") {
				t.Fatalf("%v\n%s", err, yaml)
			}
			return
		}
		for _, n := range notes {
			if strings.Contains(n.Text, "not carried") {
				return
			}
		}
		for _, d := range differences {
			if file.Default != bpf.RetAllow || seccomp.Name(d.Call.Nr) != "" {
				t.Fatalf("%v\n%s", &d, yaml)
			}
		}
	})
}
