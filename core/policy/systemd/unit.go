package systemd

import (
	"strings"
	"unicode/utf8"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// assignment is a line of a unit file, or several that go on in each other.
type assignment struct {
	section, key, value string
	pos                 policy.Pos // of the key
	used                bool       // the importer knows it
}

// maxLine is what systemd takes at most: LONG_LINE_MAX.
const maxLine = 1 << 20

// parseUnit reads the assignments of a file as systemd.syntax(7) has it. All errors come at once.
func parseUnit(file string, text []byte) ([]*assignment, exchange.Errors) {
	var out []*assignment
	var errs exchange.Errors
	source := exchange.NewSource(file, text)
	section, rest := "", string(text)
	if strings.HasPrefix(rest, "\ufeff") { // systemd leaves a byte order mark out
		rest = rest[len("\ufeff"):]
	}
	for rest != "" {
		at := len(text) - len(rest)
		var line string
		line, rest = logical(rest)
		trimmed := strings.TrimLeft(line, " \t\r\n")
		at += len(line) - len(trimmed)
		line = strings.TrimRight(trimmed, " \t\r\n")
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case !utf8.ValidString(line):
			errs = append(errs, source.Errorf(at, "the line is not UTF-8; systemd leaves it out"))
		case strings.IndexByte(line, 0) >= 0:
			errs = append(errs, source.Errorf(at, "a zero byte: this is no text"))
		case len(line) > maxLine:
			errs = append(errs, source.Errorf(at, "the line has more than %d bytes", maxLine))
		case line[0] == '[':
			name, found := strings.CutSuffix(line[1:], "]")
			if !found || name == "" {
				errs = append(errs, source.Errorf(at, "%q is no section; one is [Service]", short(line)))
				continue
			}
			section = name
		default:
			key, value, found := strings.Cut(line, "=")
			key = strings.TrimSpace(key)
			switch {
			case !found || key == "":
				errs = append(errs, source.Errorf(at, "%q is no assignment; one is KEY=VALUE", short(line)))
			case section == "":
				errs = append(errs, source.Errorf(at, "%s is in no section; it belongs behind [Service] or another one", short(key)))
			default:
				if now := formerly(key); now != "" {
					key = now
				}
				out = append(out, &assignment{section: section, key: key, value: strings.TrimSpace(value), pos: source.At(at)})
			}
		}
	}
	return out, errs
}

// formerly returns what a directive is called that systemd still reads under an old name, "" for any other.
func formerly(key string) string {
	return map[string]string{"ReadWriteDirectories": "ReadWritePaths", "ReadOnlyDirectories": "ReadOnlyPaths", "InaccessibleDirectories": "InaccessiblePaths",
		"StartLimitInterval": "StartLimitIntervalSec"}[key]
}

// logical takes a line, with those that it goes on in: a backslash at the end is a space, and comments in between are left out.
func logical(text string) (line, rest string) {
	var b strings.Builder
	for first := true; ; first = false {
		one, after, more := strings.Cut(text, "\n")
		text = after
		one = strings.TrimSuffix(one, "\r")
		if word := strings.TrimLeft(one, " \t"); !first && word != "" && (word[0] == '#' || word[0] == ';') {
			if !more {
				return b.String(), ""
			}
			continue
		} else if first && word != "" && (word[0] == '#' || word[0] == ';') {
			return one, text // a comment does not go on
		}
		body, goesOn := continued(one)
		b.WriteString(body)
		if !goesOn || !more {
			return b.String(), text
		}
		b.WriteByte(' ')
	}
}

// continued tells whether a line ends with a backslash that is not one of a pair, and returns it without.
func continued(line string) (string, bool) {
	n := len(line) - len(strings.TrimRight(line, `\`))
	if n%2 == 0 {
		return line, false
	}
	return line[:len(line)-1], true
}

func short(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return s
}
