package libseccomp

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// rule allows a call where an expression holds.
func rule(t testing.TB, name, text string) policy.Call {
	t.Helper()
	e, err := policy.ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	return policy.Call{Name: name, When: e}
}

// conditional is a service with argument rules.
func conditional(t testing.TB, archs ...string) policy.Seccomp {
	t.Helper()
	s := policy.Seccomp{Allow: calls("@basic-io", "futex")}
	s.Allow = append(s.Allow,
		rule(t, "socket", "family in [1, 2, 10] && (type & 0xf) == 1"),
		rule(t, "mprotect", "!(prot & 2 && prot & 4)"),
		rule(t, "clone", "(clone_flags & 0x7e020000) == 0"),
		rule(t, "personality", "personality in [0, 8, 0x20000, 0x20008, 0xffffffff]"),
		rule(t, "ioctl", "cmd != 0x5412"),
		rule(t, "lseek", "offset >= 0"),
	)
	s.Deny = []policy.Call{{Name: "clone3", Answer: &policy.Action{Errno: 38}}}
	for _, a := range archs {
		s.Architectures = append(s.Architectures, written(a))
	}
	return s
}

// TestChoose: what is loaded is proved, and the report says whether the library's program was compared with it.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name string
		s    policy.Seccomp
	}{
		{"calls alone", policy.Seccomp{Allow: calls("@system-service")}},
		{"arguments", conditional(t)},
		{"one rule", policy.Seccomp{Allow: append(calls("@basic-io"), rule(t, "socket", "family == 1"))}},
		{"errno of the kernel's largest number", policy.Seccomp{Allow: calls("read"), Denied: written(policy.Action{Errno: bpf.MaxErrno})}},
		{"three architectures", policy.Seccomp{Allow: calls("@basic-io"), Denied: written(policy.Action{Errno: 38}),
			Architectures: conditional(t, "native", "x86", "x32").Architectures}},
		{"three architectures with arguments", conditional(t, "native", "x86", "x32")},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := seccomp.Resolve(c.s)
			if err != nil {
				t.Fatal(err)
			}
			f, how, err := Choose(d, options())
			if err != nil {
				t.Fatal(err)
			}
			p, err := bpf.Decode(f.Program)
			if err != nil {
				t.Fatal(err)
			}
			if err := seccomp.Prove(p, d); err != nil {
				t.Error(err)
			}
			t.Log(how)
			program, unsaid, err := build(d, options(), d.Arches()...)
			var cannot *cannotSay
			switch {
			case errors.As(err, &cannot):
				if !strings.Contains(how, "not compared with libseccomp: ") {
					t.Errorf("the library could not say it, and the report says %q", how)
				}
			case err != nil:
				t.Fatal(err)
			case len(unsaid) > 0:
				if len(d.Arches()) == 1 || len(unsaid) > 100 || !strings.Contains(how, "calls that it has no words for, as") {
					t.Errorf("the library could not say %v, and the report says %q", unsaid, how)
				}
			case seccomp.Equal(f.Program, program) != nil:
				if !strings.Contains(how, "libseccomp's program differs") {
					t.Errorf("the library's program differs, and the report says %q", how)
				}
			case !strings.Contains(how, "of libseccomp"):
				t.Errorf("the report says %q", how)
			}
		})
	}
}
