package systemd

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// words takes a value apart at spaces, with quotes and escapes: systemd.syntax(7), "Quoting".
func words(s string) ([]string, error) {
	var out []string
	for {
		s = strings.TrimLeft(s, " \t\n\r")
		if s == "" {
			return out, nil
		}
		word, rest, err := oneWord(s)
		if err != nil {
			return nil, err
		}
		out, s = append(out, word), rest
	}
}

func oneWord(s string) (word, rest string, err error) {
	var b strings.Builder
	var quote byte
	for s != "" {
		c := s[0]
		switch {
		case c == '\\':
			r, n, err := escaped(s)
			if err != nil {
				return "", "", err
			}
			b.WriteString(r)
			s = s[n:]
			continue
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && strings.IndexByte(" \t\n\r", c) >= 0:
			return b.String(), s, nil
		default:
			b.WriteByte(c)
		}
		s = s[1:]
	}
	if quote != 0 {
		return "", "", fmt.Errorf("a quotation mark %c is not closed", quote)
	}
	return b.String(), "", nil
}

// escaped reads an escape as C has it. One that C does not have stands for itself, as in systemd, where it is about units written by hand.
func escaped(s string) (text string, n int, err error) {
	if len(s) < 2 {
		return "", 0, fmt.Errorf("a backslash at the end")
	}
	if i := strings.IndexByte(`abfnrtvs\"'`, s[1]); i >= 0 {
		return string("\a\b\f\n\r\t\v \\\"'"[i]), 2, nil
	}
	size := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	switch {
	case size > 0 && len(s) >= 2+size:
		v, err := strconv.ParseUint(s[2:2+size], 16, 32)
		if err != nil || v == 0 || s[1] != 'x' && !utf8.ValidRune(rune(v)) {
			return "", 0, fmt.Errorf("the escape %s is no character", s[:2+size])
		}
		if s[1] == 'x' {
			return string([]byte{byte(v)}), 4, nil
		}
		return string(rune(v)), 2 + size, nil
	case s[1] >= '0' && s[1] <= '7' && len(s) >= 4:
		v, err := strconv.ParseUint(s[1:4], 8, 8)
		if err != nil || v == 0 {
			return "", 0, fmt.Errorf("the escape %s is no character", s[:4])
		}
		return string([]byte{byte(v)}), 4, nil
	}
	return s[:1], 1, nil
}

// specifiers expands those that depend on the unit's name alone, for the system's manager: systemd.unit(5), "Specifiers".
func specifiers(s, unit string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	whole := strings.TrimSuffix(unit, path.Ext(unit))
	prefix, instance, _ := strings.Cut(whole, "@")
	known := map[byte]string{'%': "%", 'n': unit, 'N': whole, 'p': prefix, 'i': instance, 'j': prefix[strings.LastIndexByte(prefix, '-')+1:],
		't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'T': "/tmp", 'V': "/var/tmp"}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", fmt.Errorf("a percent sign at the end; %%%% is one")
		}
		text, ok := known[s[i]]
		if !ok {
			return "", fmt.Errorf("the specifier %%%c depends on the host or the user, and cannot be expanded here", s[i])
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// boolean reads what systemd takes for yes or no.
func boolean(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}
