// Package diff compares two policies: what a module may do under the second that it may not under the first, and the reverse.
//
//	report, err := diff.Policies(before, after)
//	if report.Wider() { … }
//
// System calls are compared exactly, arguments included: the decision functions are, for all calls there can be, and each difference comes with
// a call that the two answer differently. So it makes no difference how a filter is written. The other layers are compared key by key
// in the canonical form that package policy gives them.
//
// A change is wider when it permits something that was not permitted, narrower when it takes something away, and other when it is neither, or
// when nothing here can tell: another command, another user, EPERM instead of ENOSYS.
//
// # Limits
//
// Modules and listeners are matched by name; one that is renamed is one that is gone and one that is new. A call that
// differs in several regions of its arguments has one change for each pair of answers. Paths are compared by name: that one is below
// another is not seen. Environment variables are compared by hashes, and their values do not show.
package diff
