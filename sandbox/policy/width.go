package policy

import "unicode"

// unprintable is shown for a character that would disturb a terminal.
const unprintable = '\ufffd'

// shown returns what to print for a character of a source line: controls, invisible characters and those that
// reverse the direction of writing would let a file lie about itself on a terminal.
func shown(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Zs, r) {
		return r
	}
	return unprintable
}

// columns returns how many columns of a terminal a shown character takes.
func columns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
		return 0
	case wide(r):
		return 2
	}
	return 1
}

// wide tells whether a character is twice as wide as a Latin letter: class W or F of Unicode annex 11, by blocks.
func wide(r rune) bool {
	switch {
	case r < 0x1100:
		return false
	case r <= 0x115f,
		r >= 0x2e80 && r <= 0x303e,
		r >= 0x3041 && r <= 0xa4cf && r != 0x4dff,
		r >= 0xa960 && r <= 0xa97c,
		r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f,
		r >= 0xff01 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1f64f,
		r >= 0x1f680 && r <= 0x1f6ff,
		r >= 0x1f900 && r <= 0x1f9ff,
		r >= 0x20000 && r <= 0x3fffd:
		return true
	}
	return false
}
