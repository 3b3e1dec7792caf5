package trace

import (
	"strconv"
	"strings"
)

// prefix is what stands before a call: whose it is. Times, addresses and numbers of calls are passed over.
type prefix struct {
	pid  int // 0 when the line has none
	rest int // where the call, or whatever it is, begins
}

// cutPrefix reads "[pid 12] ", "12 ", "12:01:02.5 ", "1700000000.1 ", "  0.000123 ", "(+ 0.01) ", "[00007f0af47bfad7] ", "[ 257] ".
func cutPrefix(line string) prefix {
	p := prefix{}
	for first := true; ; first = false {
		for p.rest < len(line) && (line[p.rest] == ' ' || line[p.rest] == '\t') {
			p.rest++
		}
		rest := line[p.rest:]
		switch {
		case strings.HasPrefix(rest, "[pid "):
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return p
			}
			p.pid = number(rest[len("[pid "):end])
			p.rest += end + 1
		case strings.HasPrefix(rest, "(+ "), bracketed(rest):
			end := strings.IndexAny(rest, ")]")
			if end < 0 {
				return p
			}
			p.rest += end + 1
		case rest != "" && rest[0] >= '0' && rest[0] <= '9':
			end := strings.IndexByte(rest, ' ')
			if end < 0 || strings.ContainsAny(rest[:end], "(\"") {
				return p
			}
			if first && !strings.ContainsAny(rest[:end], ".:") || strings.IndexByte(rest[:end], '<') > 0 {
				p.pid = number(rest[:end])
			}
			p.rest += end + 1
		default:
			return p
		}
	}
}

// bracketed tells whether an instruction pointer or the number of a call begins a line.
func bracketed(rest string) bool {
	if !strings.HasPrefix(rest, "[") {
		return false
	}
	end := strings.IndexByte(rest, ']')
	return end > 1 && strings.Trim(rest[1:end], " 0123456789abcdef?") == ""
}

// number reads a process number, which with --decode-pids=comm is followed by the command: 12<nginx>.
func number(text string) int {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "<")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
