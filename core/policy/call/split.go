package call

import "strings"

// part is the text of one argument.
type part struct {
	text   string
	offset int
	whole  bool // it does not end early
}

// split cuts the text after an opening parenthesis into arguments. It returns where the call ends, and whether it was closed. strace
// ends a call early with "<unfinished ...>".
func split(text string, at int) (parts []part, end int, closed bool) {
	start, depth := at, 0
	add := func(end int, whole bool) {
		trimmed := strings.TrimLeft(text[start:end], " \t")
		offset := end - len(trimmed)
		if trimmed = strings.TrimRight(trimmed, " \t\r"); trimmed != "" {
			parts = append(parts, part{trimmed, offset, whole})
		} else if whole && (text[end] == ',' || len(parts) > 0 && text[end] != '<') {
			parts = append(parts, part{"", end, whole}) // nothing between two commas is an argument that is any
		}
		start = end + 1
	}
	for at < len(text) {
		switch b := text[at]; {
		case b == '"':
			at = skipString(text, at)
			continue
		case b == '/' && strings.HasPrefix(text[at:], "/*"):
			at = skipComment(text, at)
			continue
		case b == '<' && strings.HasPrefix(text[at:], "<unfinished"):
			add(at, true)
			return parts, at, false
		case b == '<' && annotation(text, at):
			at = skipAnnotation(text, at)
			continue
		case b == '(' || b == '[' || b == '{':
			depth++
		case depth > 0 && (b == ')' || b == ']' || b == '}'):
			depth--
		case b == ')':
			add(at, true)
			return parts, at + 1, true
		case b == ',' && depth == 0:
			add(at, true)
		}
		at++
	}
	add(len(text), false)
	return parts, len(text), false
}

// skipString returns the place after a string that begins at at. strace escapes quotation marks.
func skipString(text string, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(text)
}

func skipComment(text string, at int) int {
	if end := strings.Index(text[at+2:], "*/"); end >= 0 {
		return at + 2 + end + 2
	}
	return len(text)
}

// annotation tells whether what a descriptor is follows, as strace -y prints it: 3</etc/passwd>. A shift is no such thing.
func annotation(text string, at int) bool {
	return at > 0 && word(text[at-1]) && !strings.HasPrefix(text[at:], "<<") && !strings.HasPrefix(text[at:], "<=")
}

// skipAnnotation returns the place after an annotation. It may have another one inside, </dev/null<char 1:3>>, and an arrow,
// <TCP:[127.0.0.1:80->127.0.0.1:4711]>; other brackets in a path are escaped.
func skipAnnotation(text string, at int) int {
	for depth := 0; at < len(text); at++ {
		switch text[at] {
		case '<':
			depth++
		case '>':
			if text[at-1] == '-' && strings.Contains(text[at:], "]>") {
				continue
			}
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
	return len(text)
}

// namedValue cuts the name from name=value; the name is "" when there is none.
func namedValue(text string) (name, value string) {
	end := 0
	for end < len(text) && word(text[end]) {
		end++
	}
	if end == 0 || digit(text[0]) || !strings.HasPrefix(text[end:], "=") || strings.HasPrefix(text[end:],
		"=>") || strings.HasPrefix(text[end:], "==") {
		return "", text
	}
	return text[:end], text[end+1:]
}

func word(b byte) bool  { return digit(b) || b == '_' || b|0x20 >= 'a' && b|0x20 <= 'z' }
func digit(b byte) bool { return b >= '0' && b <= '9' }
