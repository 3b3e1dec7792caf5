package source

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Rule is a rule that a file, or something on the way to it, breaks.
type Rule uint8

const (
	RuleOwner       Rule = iota + 1 // it belongs to somebody who is not trusted
	RuleOthersWrite                 // others may write to it
	RuleGroupWrite                  // its group, and not others, may write to it
	RuleNotRegular                  // it is not a regular file
	RuleTooLarge                    // it is larger than MaxSize
	RuleChanged                     // it changed while it was opened or read
	RuleTooDeep                     // it lies below more than maxDepth directories
	RuleTooMany                     // the directory holds more than MaxFiles policies
	RuleNoPolicy                    // the directory holds no policy
)

// RefusedError says which rule a path breaks and what to do about it.
type RefusedError struct {
	Path string // absolute: the file, or a directory or link on the way to it
	Rule Rule
	Why  string
	Fix  string // what to do
}

func (e *RefusedError) Error() string { return shown(e.Path) + " " + e.Why + ": " + e.Fix }

// shown is a path as a message shows it: quoted when it would be misread, or holds what a terminal should not get.
func shown(path string) string {
	odd := func(r rune) bool { return r == utf8.RuneError || r != ' ' && !unicode.IsGraphic(r) || r == '"' }
	if path == "" || strings.ContainsFunc(path, odd) || strings.Trim(path, " :") != path {
		return fmt.Sprintf("%q", path)
	}
	return path
}

// quoted is a path as a shell takes it. Control characters are written in the way of bash's $'…'.
func quoted(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%="
	if path != "" && strings.Trim(path, plain) == "" {
		return path
	}
	odd := func(r rune) bool { return r == utf8.RuneError || r != ' ' && !unicode.IsGraphic(r) }
	if !strings.ContainsFunc(path, odd) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(path) {
		switch c := path[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
