package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// exprKind is the kind of a token of an expression.
type exprKind uint8

const (
	exprEnd exprKind = iota
	exprName
	exprNumber
	exprSign // an operator, a bracket or a comma
)

// exprToken is a word or a sign of an expression.
type exprToken struct {
	kind    exprKind
	text    string
	at, end int // bytes
}

// exprSigns are the signs of the language, longer ones first. The signs of C that an expression does not have are in exprRefused.
var exprSigns = [...]string{"<<", ">>", "||", "&&", "==", "!=", "<=", ">=", "..", "|", "&", "<", ">", "!", "~", "(", ")", "[", "]", ",", "-",
	"=", "+", "*", "/", "%", "^", "?", ":", "{", "}", ";", "'", "\"", "."}

// tokenizeExpr splits an expression into tokens, the last of kind exprEnd.
func tokenizeExpr(text string) ([]exprToken, *ExprError) {
	var tokens []exprToken
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsSpace(r) {
			i += size
			continue
		}
		start := i
		switch {
		case wordStart(r):
			i += wordLength(text[i:])
			tokens = append(tokens, exprToken{exprName, text[start:i], start, i})
		case r >= '0' && r <= '9':
			i += wordLength(text[i:])
			tokens = append(tokens, exprToken{exprNumber, text[start:i], start, i})
		default:
			sign := signAt(text[i:])
			if sign == "" {
				return nil, exprFault(codeExpr, start, start+size, "%q has no place in an expression", string(r))
			}
			if g := refusedSign(sign, start); g != nil {
				return nil, g
			}
			i += len(sign)
			tokens = append(tokens, exprToken{exprSign, sign, start, i})
		}
	}
	return append(tokens, exprToken{exprEnd, "the end", len(text), len(text)}), nil
}

func wordStart(r rune) bool { return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func wordLength(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return !wordStart(r) && (r < '0' || r > '9') })
	if end < 0 {
		return len(s)
	}
	return end
}

func signAt(s string) string {
	for _, sign := range exprSigns {
		if strings.HasPrefix(s, sign) {
			return sign
		}
	}
	return ""
}

// refusedSign explains the signs that people write and the language does not have.
func refusedSign(sign string, at int) *ExprError {
	fault := func(format string, args ...any) *ExprError {
		return exprFault(codeExpr, at, at+len(sign), format, args...)
	}
	switch sign {
	case "=":
		return fault("= assigns, and nothing can be assigned here").hint(`did you mean "=="?`)
	case "<<", ">>", "+", "*", "/", "%", "^":
		g := exprFault(codeComparison, at, at+len(sign), "a filter cannot calculate: %s is not in the language", sign)
		if sign == "<<" || sign == ">>" {
			return g.help("write the value itself, such as 0x40, or the constant's name")
		}
		return g.help("arguments can be compared, and masked with &")
	case "?", ":":
		return fault("the conditional operator is not in the language").help("write it with && and ||")
	case "'", "\"":
		return fault("a filter sees numbers, no text").help("write a number or the name of a constant")
	case ".":
		return fault("a point has no place here").help("a range is two numbers with two points, such as 1..5")
	case "{", "}":
		return fault("%q has no place in an expression", sign).help("a list is in brackets: in [1, 2]")
	case ";":
		return fault("%q has no place in an expression", sign).help("join conditions with && or ||")
	}
	return nil
}
