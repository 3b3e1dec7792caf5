package main

import (
	"slices"
	"strings"
	"testing"
)

func TestInputsThatAreWrong(t *testing.T) {
	if _, err := parseInput("a.txt", "# nothing\nread 0\n"); err == nil || !strings.Contains(err.Error(), "no line begins") {
		t.Errorf("without an origin: %v", err)
	}
	for name, text := range map[string]string{"no number": "read", "a word": "read x", "negative": "read -1", "too large": "read 0x100000000"} {
		in, err := parseInput("a.txt", originPrefix+"x\n"+text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.numbers(); err == nil || !strings.Contains(err.Error(), "a.txt:2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"no value": "A", "no number": "A x", "unknown architecture": "A vax=1", "no architecture": "A =1", "twice": "A 1\nA 2", "half": "A x86=",
	} {
		in, err := parseInput("a.txt", originPrefix+"x\n"+text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.constants(); err == nil || !strings.Contains(err.Error(), "a.txt:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConstantsOfAnInput(t *testing.T) {
	in, err := parseInput("a.txt", originPrefix+"x\nA 0xf\nB x86=1 arm=2\n")
	if err != nil {
		t.Fatal(err)
	}
	all, err := in.constants()
	if err != nil {
		t.Fatal(err)
	}
	if len(all["A"]) != len(architectures) || all["A"]["x32"] != 15 || len(all["B"]) != 2 || all["B"]["arm"] != 2 {
		t.Errorf("got %v", all)
	}
}

func TestFirstKernels(t *testing.T) {
	f := firstKernels{"a": {2, 6}, "a@x86": {4, 3}, "@aarch64": {3, 7}, "new": {5, 1}}
	for _, c := range []struct {
		arch, call string
		want       version
		known      bool
	}{
		{"x86_64", "a", version{2, 6}, true},
		{"x86", "a", version{4, 3}, true},
		{"aarch64", "a", version{3, 7}, true},
		{"aarch64", "new", version{5, 1}, true},
		{"aarch64", "b", version{}, false},
	} {
		if got, known := f.of(c.arch, c.call); got != c.want || known != c.known {
			t.Errorf("%s %s: %v, %v", c.arch, c.call, got, known)
		}
	}
	for _, text := range []string{"", "5", "x.1", "1.x", "1.2.3.4.5", "300.1"} {
		if v, err := parseVersion(text); err == nil {
			t.Errorf("%q is %v", text, v)
		}
	}
	if got := slices.MinFunc([]string{"2.6.22", "2.4.37", "2.6"}, compareVersions); got != "2.4.37" {
		t.Errorf("the lowest is %s", got)
	}
}

func TestNewerCallsOfX32(t *testing.T) {
	got := newerCalls([]call{{"read", 0}, {"mseal", 462}, {"execve", 520}}, []call{{"read", 0}, {"execve", 59}, {"mseal", 462}, {"listns", 470}})
	if len(got) != 4 || got[3] != (call{"listns", 470}) {
		t.Errorf("got %v", got)
	}
}
