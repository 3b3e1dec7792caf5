package policy

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// testCatalog is a small table of calls; the real one lives elsewhere.
func testCatalog() Catalog {
	c := Catalog{Calls: map[string]struct{}{}, Groups: map[string][]string{
		"@default":    {"brk", "exit", "exit_group", "futex"},
		"@basic-io":   {"close", "lseek", "read", "write"},
		"@network-io": {"accept4", "bind", "listen", "socket"},
		"@process":    {"execve", "execveat", "kill"},
		"@io":         {"close", "lseek", "openat", "read", "write"},
	}}
	for _, members := range c.Groups {
		for _, m := range members {
			c.Calls[m] = struct{}{}
		}
	}
	for _, m := range []string{"newfstatat", "mmap", "ptrace"} {
		c.Calls[m] = struct{}{}
	}
	return c
}

func testOptions() Options {
	return Options{Catalog: testCatalog(), Dir: "/srv/app", Variables: map[string]string{"SUPERVISOR": "/usr/bin/supervisor"}}
}

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParseWholeLanguage(t *testing.T) {
	p, ds := Parse("web.yaml", readTestdata(t, "web.yaml"), testOptions())
	if len(ds) != 0 {
		t.Fatalf("findings:\n%v", ds)
	}
	_ = time.Second
	_ = unix.SIGQUIT
	_ = cmp.Diff
	t.Logf("%+v", p)
}
