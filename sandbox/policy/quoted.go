package policy

import (
	"strconv"
	"unicode/utf8"
)

// quoted returns how many characters of its first line a string in quotes covers. It reports escapes that stand for
// no character, because the YAML scanner takes any letters for hexadecimal digits.
func (d *decoder) quoted(at span) int {
	text := d.src.rest(at.pos)
	if text == "" {
		return at.width
	}
	quote, text := rune(text[0]), text[1:]
	pos := Pos{at.pos.File, at.pos.Line, at.pos.Col + 1}
	width := 0
	for {
		n, closed := d.quotedLine(quote, text, pos)
		if width == 0 {
			width = 1 + n
		}
		if closed || pos.Line >= len(d.src.of(pos.File).lines) {
			return width
		}
		pos = Pos{pos.File, pos.Line + 1, 1}
		text = d.src.rest(pos)
	}
}

// quotedLine walks over one line inside quotes and returns its length up to and with the closing quote.
func (d *decoder) quotedLine(quote rune, text string, pos Pos) (length int, closed bool) {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		next, nextSize := utf8.DecodeRuneInString(text[i+size:])
		i += size
		length++
		switch {
		case r == '\\' && quote == '"' && nextSize > 0:
			d.checkEscape(span{Pos{pos.File, pos.Line, pos.Col + length - 1}, 2}, next, text[i+nextSize:])
		case r == quote && quote == '\'' && next == quote: // two of them stand for one
		case r == quote:
			return length, true
		default:
			continue
		}
		i += nextSize
		if nextSize > 0 {
			length++
		}
	}
	return length, false
}

// checkEscape checks the digits of \x, \u and \U.
func (d *decoder) checkEscape(at span, letter rune, rest string) {
	count := 0
	switch letter {
	case 'x':
		count = 2
	case 'u':
		count = 4
	case 'U':
		count = 8
	default:
		return
	}
	code, err := strconv.ParseUint(rest[:min(count, len(rest))], 16, 32)
	if err != nil || len(rest) < count || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
		d.report(codeSyntax, at, "\\%c needs %d hexadecimal digits that stand for a character", letter, count)
	}
}

// badEscape tells whether an escape is what is wrong with a string, after reporting it.
func (d *decoder) badEscape(at span) bool {
	before := len(d.diags)
	d.quoted(at)
	return len(d.diags) > before
}
