package seccomp

import (
	"cmp"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// entry is a value of a word and the function that holds there.
type entry struct {
	value uint32
	is    ref
}

// pick returns the function that is that of an entry where the word has its value, and otherwise elsewhere. No entry and nothing of
// otherwise depends on earlier words, nor on this one.
func (d *diagram) pick(word uint32, entries []entry, otherwise ref) ref {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.value, b.value) })
	var below func(bit int, entries []entry) ref
	below = func(bit int, entries []entry) ref {
		switch {
		case len(entries) == 0:
			return otherwise
		case bit < 0:
			return entries[0].is
		}
		high := slices.IndexFunc(entries, func(e entry) bool { return e.value>>bit&1 == 1 })
		if high < 0 {
			high = len(entries)
		}
		return d.make(32*word+31-uint32(bit), below(bit-1, entries[:high]), below(bit-1, entries[high:]))
	}
	return below(31, entries)
}

// decide returns the function with the answers of the open architectures, fallback for the numbers that they do not have, and kill_process for
// all other architectures. Those that share a value are told apart by the bit of x32.
func (d *diagram) decide(open []Arch, answers map[Arch][]entry, fallback uint32) ref {
	kill, unknown := d.leaf(bpf.RetKillProcess), d.leaf(fallback)
	var arches []entry
	for _, a := range open {
		if slices.ContainsFunc(arches, func(e entry) bool { return e.value == a.Audit() }) {
			continue
		}
		var numbers []entry
		for _, b := range open {
			if b.Audit() == a.Audit() {
				numbers = append(numbers, answers[b]...)
			}
		}
		is := d.pick(nrWord, numbers, unknown)
		if a.Audit() == X32.Audit() {
			of32, none := d.x32()
			if !slices.Contains(open, X32) {
				is = d.ite(of32, kill, is)
			}
			if !slices.Contains(open, X8664) {
				is = d.ite(d.or(of32, none), is, kill)
			}
		}
		arches = append(arches, entry{a.Audit(), is})
	}
	return d.pick(archWord, arches, kill)
}

// x32 returns where a number of x86-64 is one of x32, and where it is noCall. That has the bit of x32, but nothing is carried out for it, so
// it is unknown and not of x32, as libseccomp has it.
func (d *diagram) x32() (of32, none ref) {
	none = d.pick(nrWord, []entry{{noCall, always}}, never)
	return d.and(d.or(d.bit(nrWord, 30), d.bit(nrWord, 31)), d.not(none)), none
}

// isOf returns where a call is one of an architecture.
func (d *diagram) isOf(a Arch) ref {
	within := always
	if a.Audit() == X32.Audit() {
		of32, none := d.x32()
		if within = d.not(of32); a == X32 {
			within = d.or(of32, none)
		}
	}
	return d.pick(archWord, []entry{{a.Audit(), within}}, never)
}
