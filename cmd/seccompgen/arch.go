package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// arch is an architecture of the tables. The first of its constants in package seccomp is 1, in this order.
type arch struct {
	name   string // of libseccomp, systemd and OCI, in small letters
	goarch string // whose constants golang.org/x/sys has; "" for x32
	extra  string // an input with numbers that golang.org/x/sys lacks
}

var architectures = []arch{
	{name: "x86_64", goarch: "amd64"},
	{name: "x86", goarch: "386"},
	{name: "x32", extra: "x32.txt"},
	{name: "aarch64", goarch: "arm64"},
	{name: "arm", goarch: "arm", extra: "arm.txt"},
}

// table is the calls of one architecture, sorted by number.
type table struct {
	arch
	calls []call
}

// facts is what is known about a call besides its number.
type facts struct {
	params  []param
	why     string // it has no prototype
	since   version
	isSince bool // since is known
}

// describe returns the facts about each call of a table, in its order.
func (t table) describe(p prototypes, f firstKernels) ([]facts, error) {
	out := make([]facts, len(t.calls))
	var errs []error
	for i, c := range t.calls {
		var err error
		if out[i].params, out[i].why, err = p.of(t.name, c.name); err != nil {
			errs = append(errs, err)
		}
		out[i].since, out[i].isSince = f.of(t.name, c.name)
		if out[i].why == "" && !out[i].isSince {
			errs = append(errs, fmt.Errorf("%s: the first kernel with %s is not known: add it to since-byhand.txt", t.name, c.name))
		}
	}
	return out, errors.Join(errs...)
}

// readTables returns the calls of every architecture, and what the inputs besides golang.org/x/sys were taken from.
func readTables(s source) (tables []table, origins []string, err error) {
	for _, a := range architectures {
		var calls []call
		if a.goarch != "" {
			if calls, err = s.calls(a.goarch); err != nil {
				return nil, nil, err
			}
		}
		if a.extra != "" {
			in, err := readInput(a.extra)
			if err != nil {
				return nil, nil, err
			}
			more, err := in.numbers()
			if err != nil {
				return nil, nil, err
			}
			calls = append(calls, more...)
			origins = append(origins, in.origin)
		}
		if a.name == "x32" {
			calls = newerCalls(calls, tables[0].calls)
		}
		if err := sortCalls(a.name, calls); err != nil {
			return nil, nil, err
		}
		tables = append(tables, table{arch: a, calls: calls})
	}
	return tables, origins, nil
}

// firstX32 is the first number of a call that x32 has for itself. Source: arch/x86/entry/syscalls/syscall_64.tbl.
const firstX32 = 512

// newerCalls adds to the calls of x32 those of x86-64 that are newer than the newest it shares with it: no new call gets a
// number of its own on x32. Source: arch/x86/entry/syscalls/syscall_64.tbl, "This is the end of the legacy x32 range".
func newerCalls(x32, amd64 []call) []call {
	newest := uint32(0)
	for _, c := range x32 {
		if c.nr < firstX32 {
			newest = max(newest, c.nr)
		}
	}
	for _, c := range amd64 {
		if c.nr > newest {
			x32 = append(x32, c)
		}
	}
	return x32
}

// sortCalls sorts by number and demands that numbers and names are unique.
func sortCalls(what string, calls []call) error {
	slices.SortFunc(calls, func(a, b call) int { return cmp.Compare(a.nr, b.nr) })
	names := map[string]bool{}
	for i, c := range calls {
		if i > 0 && c.nr == calls[i-1].nr {
			return fmt.Errorf("%s: %s and %s are both %d", what, calls[i-1].name, c.name, c.nr)
		}
		if names[c.name] {
			return fmt.Errorf("%s: %s is there twice", what, c.name)
		}
		names[c.name] = true
	}
	return nil
}
