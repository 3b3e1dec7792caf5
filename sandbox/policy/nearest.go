package policy

import "iter"

// Nearest returns the candidate that a writer of word most likely meant, or "" when none is near enough to be suggested.
func Nearest(word string, candidates iter.Seq[string]) string { return nearest(word, candidates) }
