package oci

import (
	"maps"
	"slices"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// maxAlternatives is how many rules with conditions one call may have: each is looked at beside each.
const maxAlternatives = 1024

// conflicts refuses rules that answer one call differently and that one call can meet both: which of them libseccomp follows depends on its
// version, on the operators and on the order, and some pairs it refuses.
func (r *profileReader) conflicts() {
	reported := map[policy.Pos]bool{}
	for _, arch := range r.p.Arches {
		decided := r.p.resolve(arch)
		for _, nr := range slices.Sorted(maps.Keys(decided)) {
			rules := decided[nr].rules
			if len(rules) > maxAlternatives {
				r.errs = append(r.errs, exchange.Errorf(rules[maxAlternatives].Pos, "more than %d rules for %s", maxAlternatives, rules[0].Call))
				return
			}
			for i, b := range rules {
				for _, a := range rules[:i] {
					if a.Answer == b.Answer || reported[b.Pos] || disjoint(a, b, arch) {
						continue
					}
					reported[b.Pos] = true
					r.errs = append(r.errs, exchange.Errorf(b.Pos, "this rule answers %s with %s and the one on line %d with %s, and there are arguments for which "+
						"both hold; runtimes do not agree on which counts", b.Call, bpf.Describe(b.Answer), a.Pos.Line, bpf.Describe(a.Answer)))
				}
			}
		}
	}
}
