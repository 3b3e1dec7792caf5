package example_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Every example is of a system call that some architecture has.
func TestExamplesAreCalls(t *testing.T) {
	known := map[string]bool{}
	for _, a := range seccomp.Arches() {
		for name := range a.Calls() {
			known[name] = true
		}
	}
	all := slices.Concat(example.There("/a"), example.Write("/a"), example.Execute("/a"), example.Space("/tmp", 1), example.Network(), example.Rlimit("core", 1),
		example.Descriptor(3))
	for _, n := range []policy.Namespace{unix.CLONE_NEWPID, unix.CLONE_NEWNET, unix.CLONE_NEWIPC, unix.CLONE_NEWNS, unix.CLONE_NEWUTS, unix.CLONE_NEWCGROUP,
		unix.CLONE_NEWUSER} {
		calls := example.Namespace(n)
		if len(calls) == 0 {
			t.Errorf("%s has no example", n)
		}
		all = append(all, calls...)
	}
	for _, key := range []string{"pids.max", "memory.max", "cpu.max"} {
		all = append(all, example.Resource(key, 16)...)
	}
	for _, text := range append(all, example.Capability(unix.CAP_NET_RAW)...) {
		if name, rest, found := strings.Cut(text, "("); !known[name] || !found || !strings.Contains(rest, ")") {
			t.Errorf("%q is not a call", text)
		}
	}
}

func TestPick(t *testing.T) {
	set, err := reach.New(policy.Seccomp{Allow: []policy.Call{{Name: "newfstatat"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		calls []string
		want  string
		open  bool
	}{
		{"the one that is open", example.There("/a"), `newfstatat(AT_FDCWD, "/a", …)`, true},
		{"none is", example.Network(), example.Network()[0], false},
		{"nothing to pick", nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if text, open := example.Pick(set, c.calls); text != c.want || open != c.open {
				t.Errorf("%q, %t", text, open)
			}
		})
	}
}
