package call

import (
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestOn: with the real tables, what people write is read and printed again.
func TestOn(t *testing.T) {
	arch := On(seccomp.X8664)
	for text, want := range map[string]string{
		"socket(AF_ALG, SOCK_STREAM|SOCK_CLOEXEC, 0)":  "socket(family=AF_ALG, type=SOCK_STREAM|SOCK_CLOEXEC, protocol=0)",
		`openat(AT_FDCWD, "/a", O_RDWR|O_CREAT, 0600)`: "openat(dfd=AT_FDCWD, filename=_, flags=O_RDWR|O_CREAT, mode=0600)",
		"clone(child_stack=NULL, flags=CLONE_NEWUSER|SIGCHLD, child_tidptr=0x7f0000)": "clone(clone_flags=SIGCHLD|CLONE_NEWUSER, newsp=0, " +
			"parent_tidptr=_, child_tidptr=0x7f0000, tls=_)",
		"mprotect(0x10000, 4096, PROT_READ|PROT_EXEC)": "mprotect(start=0x10000, len=4096, prot=PROT_READ|PROT_EXEC)",
	} {
		c, err := Parse(text, arch)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := DescribeKnown(c.Data, c.Known, arch); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

// TestMeanings: every name that Describe may print is one that the tables know, so that it can be read again.
func TestMeanings(t *testing.T) {
	arch := On(seccomp.X8664)
	seen := 0
	for name, of := range meanings() {
		if _, known := arch.Number(name); !known {
			t.Errorf("%s is no call", name)
		}
		for _, m := range of {
			if m == nil || m.mode {
				continue
			}
			for _, constant := range append(append([]string{}, m.of...), m.flags...) {
				if _, known := arch.Constant(constant); known {
					seen++
				} else {
					t.Logf("%s: %s is not in the table", name, constant)
				}
			}
		}
	}
	if seen < 300 {
		t.Errorf("only %d names are known", seen)
	}
}
