package policy

import (
	"iter"
	"strconv"
	"strings"
)

// nearest returns the candidate that a writer of word most likely meant, or "" when none is near.
func nearest(word string, candidates iter.Seq[string]) string {
	const longest = 64
	if word == "" || len(word) > longest {
		return ""
	}
	limit := max(1, min(3, len(word)/3))
	best, bestDistance := "", limit+1
	for c := range candidates {
		if len(c) > longest || len(c)-len(word) > limit || len(word)-len(c) > limit || c == word {
			continue
		}
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if d < bestDistance || d == bestDistance && d <= limit && closer(word, c, best) {
			best, bestDistance = c, d
		}
	}
	return best
}

// closer tells which of two candidates of one distance is meant: the one that starts more like the word does, and of
// two that start alike the first in the alphabet, so that the order of the candidates does not matter.
func closer(word, a, b string) bool {
	if x, y := commonPrefix(word, a), commonPrefix(word, b); x != y {
		return x > y
	}
	return a < b
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours between two words.
func distance(a, b string) int {
	before := make([]int, len(b)+1) // the row before the last
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// didYouMean returns the hint for a suggestion, or "" without one.
func didYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return "did you mean " + strconv.Quote(suggestion) + "?"
}
