package main

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
)

// sizes counts the instructions of filters that others have been measured by, and compares every filter with libseccomp's.
func (b *bench) sizes() error {
	for _, c := range []struct {
		figure  string
		most    int
		section func() (section, error)
	}{
		{"docker_x86_64_insns", 75, func() (section, error) { return dockerSection(seccomp.X8664) }},
		{"docker_3arch_insns", 240, func() (section, error) { return dockerSection(seccomp.X8664, seccomp.X86, seccomp.X32) }},
		{"system_service_insns", 50, func() (section, error) { return groupSection("@system-service") }},
	} {
		s, err := c.section()
		if err != nil {
			return err
		}
		fmt.Printf("  %-42s %4d instructions; %s\n", s.name, s.own.Instructions, b.theirSizes(s))
		count(c.figure, s.own.Instructions, c.most)
	}
	return b.neverLarger()
}

// theirSizes says how large libseccomp's programs are.
func (b *bench) theirSizes(s section) string {
	linear, err := b.library(s, true)
	if err != nil {
		return err.Error()
	}
	tree, err := b.library(s, false)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("libseccomp's linear %d, tree %d", linear.Instructions, tree.Instructions)
}

// library returns libseccomp's filter. The error says why there is none.
func (b *bench) library(s section, linear bool) (*seccomp.Filter, error) {
	return libseccomp.Compile(s.seccomp, libseccomp.Options{Files: b.kernel, Memory: b.kernel, Linear: linear})
}

func (b *bench) neverLarger() error {
	all, err := repository(b.tree)
	if err != nil {
		return err
	}
	compared, larger := 0, 0
	for _, s := range all {
		for _, linear := range []bool{true, false} {
			theirs, err := b.library(s, linear)
			if err != nil {
				continue // it has no words for it; compared counts those for which it has
			}
			compared++
			if s.own.Instructions > theirs.Instructions {
				larger++
				fmt.Printf("  %s: %d instructions, libseccomp's has %d\n", s.name, s.own.Instructions, len(theirs.Program)/bpf.InstructionSize)
			}
		}
	}
	fmt.Printf("  %d filters of the repository, %d comparisons with libseccomp\n", len(all), compared)
	count("filters_compared_with_libseccomp", compared, 0)
	return exactly("never_larger_than_libseccomp", larger, 0)
}
