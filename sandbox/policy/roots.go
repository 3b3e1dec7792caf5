package policy

import "slices"

// Roots returns which of several policies are to be used by themselves, by their numbers: a file that another one includes is a part of that one.
// Of some that include each other, which is an error in each, it is the first. Places says where each lies, and includes what each
// includes, directly or not, by the same names.
func Roots(places []string, includes [][]string) []int {
	part := map[string]bool{}
	mark := func(i int) {
		for _, p := range includes[i] {
			if p != places[i] {
				part[p] = true
			}
		}
	}
	for i := range places {
		mark(i)
	}
	var roots []int
	for i, p := range places {
		if !part[p] {
			roots = append(roots, i)
		}
	}
	clear(part)
	for _, i := range roots {
		mark(i)
	}
	for i, p := range places { // those that include each other
		if !part[p] && !slices.Contains(roots, i) {
			roots = append(roots, i)
			mark(i)
		}
	}
	slices.Sort(roots)
	return roots
}
