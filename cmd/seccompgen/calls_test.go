package main

import (
	"strings"
	"testing"
)

func TestParseCalls(t *testing.T) {
	calls, err := parseCalls("a.go", "package unix\nconst (\n\tSYS_WRITE = 1\n\tSYS_READ = 0\n\tSYS_ARCH_SPECIFIC_SYSCALL = 244\n\tO_RDWR = 2\n)\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0] != (call{"read", 0}) || calls[1] != (call{"write", 1}) {
		t.Errorf("got %v", calls)
	}
	for name, c := range map[string]struct{ source, want string }{
		"same number": {"package unix\nconst SYS_A, SYS_B = 1, 1\n", "both 1"},
		"no calls":    {"package unix\nconst A = 1\n", "no SYS_ constants"},
		"too large":   {"package unix\nconst SYS_A = 1 << 30\n", "no number"},
		"negative":    {"package unix\nconst SYS_A = -1\n", "no number"},
		"no number":   {"package unix\nconst SYS_A = \"a\"\n", "no number"},
		"not Go":      {"SYS_A = 1\n", "expected 'package'"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseCalls("a.go", c.source); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
