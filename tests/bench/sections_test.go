package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func TestRepository(t *testing.T) {
	all, err := repository("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Errorf("only %d sections", len(all))
	}
	for _, what := range []string{"../../policies/nginx.yaml nginx", "../../policies/examples/locked.yaml locked on aarch64"} {
		if !slices.ContainsFunc(all, func(s section) bool { return s.name == what }) {
			t.Errorf("%q is not among the sections", what)
		}
	}
	if _, err := repository(t.TempDir()); err == nil {
		t.Error("an empty directory was taken for the repository")
	}
}

// TestSizes: what the figures say of well-known filters does not get worse unnoticed.
func TestSizes(t *testing.T) {
	if seccomp.Native() != seccomp.X8664 {
		t.Skip("the goals are for x86_64; this program is for " + seccomp.Native().Name())
	}
	for name, c := range map[string]struct {
		most int
		make func() (section, error)
	}{
		"Docker":                        {75, func() (section, error) { return dockerSection(seccomp.X8664) }},
		"Docker on three architectures": {240, func() (section, error) { return dockerSection() }},
		"@system-service":               {50, func() (section, error) { return groupSection("@system-service") }},
	} {
		s, err := c.make()
		if err != nil {
			t.Fatal(err)
		}
		if s.own.Instructions > c.most {
			t.Errorf("%s: %d instructions, want at most %d", name, s.own.Instructions, c.most)
		}
	}
}

func TestPlaces(t *testing.T) {
	s, err := groupSection("@system-service")
	if err != nil {
		t.Fatal(err)
	}
	linear, err := (&bench{kernel: linux.New()}).library(s, true)
	if err != nil {
		t.Fatal(err)
	}
	if front, middle := places(linear.Program, s.decision); front == "" || middle == "" || front == middle {
		t.Errorf("the front is %q, the middle %q", front, middle)
	}
}

func TestLongTrace(t *testing.T) {
	text, err := longTrace("../testdata/nginx.strace")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n != traceLines {
		t.Errorf("%d lines", n)
	}
}
