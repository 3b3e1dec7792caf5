package exchange

import (
	"fmt"
	"strings"
)

// width is how long a line of a list gets, in characters.
const width = 120

// Scalar writes a string so that YAML reads the same string: as it is where nothing in it means something, in double quotes
// otherwise. A dollar sign is doubled: in a policy ${NAME} is a variable.
func Scalar(s string) string {
	s = strings.ReplaceAll(s, "$", "$$")
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// plain tells whether a word needs no quotes: letters, digits and a few signs, beginning with a letter or a slash, and none of the
// words that some YAML takes for something else.
func plain(s string) bool {
	if s == "" || !(s[0] == '/' || s[0] == '_' || letter(s[0])) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && !strings.ContainsRune("_-./+@%", rune(c)) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf":
		return false
	}
	return true
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// Lists writes words as items of a list, each a list of its own that fits a line: "- [a, b, c]".
func Lists(indent string, words []string) string {
	var b strings.Builder
	line := ""
	flush := func() {
		if line != "" {
			b.WriteString(indent + "- [" + line + "]\n")
		}
		line = ""
	}
	for _, w := range words {
		w = Scalar(w)
		switch {
		case line == "":
			line = w
		case len(indent)+len(line)+len(w)+6 > width:
			flush()
			line = w
		default:
			line += ", " + w
		}
	}
	flush()
	return b.String()
}

// Comment writes a text behind number signs, wrapped at spaces, with what would disturb a terminal or end the line taken out.
func Comment(indent, text string) string {
	var b strings.Builder
	line := ""
	for _, word := range strings.Fields(Printable(text)) {
		if line != "" && len(indent)+len(line)+len(word)+3 > width+20 {
			b.WriteString(indent + "# " + line + "\n")
			line = " "
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		b.WriteString(indent + "# " + line + "\n")
	}
	return b.String()
}

// Printable returns a text without what would disturb a terminal or end the line.
func Printable(text string) string { return strings.Map(visible, text) }

func visible(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff {
		return ' '
	}
	return r
}
