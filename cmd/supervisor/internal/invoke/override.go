package invoke

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// defaultTmpfs is the size of a --tmpfs that names none.
const defaultTmpfs = "16M"

// overrides are the flags of `supervisor exec` that say something about the module over what its policy says.
type overrides struct {
	binds, readOnly, tmpfs, environment []string
	workingDir                          string
}

// text returns them as a fragment of a policy, empty when nothing is said. getwd is asked for relative paths.
func (o *overrides) text(getwd func() (string, error), lookup func(string) (string, bool)) ([]byte, error) {
	var b strings.Builder
	if err := o.filesystem(&b, getwd); err != nil {
		return nil, err
	}
	if len(o.environment) > 0 {
		b.WriteString("environment:\n")
	}
	given := map[string]bool{}
	for _, v := range o.environment {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			if value, ok = lookup(name); !ok {
				return nil, fmt.Errorf("--env %s: this process has no such variable; write --env %s=VALUE", name, name)
			}
		}
		if given[name] {
			return nil, fmt.Errorf("--env %s: it is given twice", name)
		}
		given[name] = true
		if err := line(&b, "  ", pair{name, value}); err != nil {
			return nil, fmt.Errorf("--env %s: %w", name, err)
		}
	}
	if o.workingDir != "" {
		if err := line(&b, "", pair{"working_dir", o.workingDir}); err != nil {
			return nil, fmt.Errorf("--working-dir: %w", err)
		}
	}
	return []byte(b.String()), nil
}

func (o *overrides) filesystem(b *strings.Builder, getwd func() (string, error)) error {
	if len(o.binds)+len(o.readOnly)+len(o.tmpfs) > 0 {
		b.WriteString("filesystem:\n")
	}
	for _, list := range []struct {
		flag, access string
		values       []string
	}{{"bind", "rw", o.binds}, {"ro-bind", "rx", o.readOnly}} {
		for _, v := range list.values {
			entry, err := bind(v, list.access, list.flag == "bind", getwd)
			if err == nil {
				err = line(b, "- ", entry...)
			}
			if err != nil {
				return fmt.Errorf("--%s %s: %w", list.flag, shown(v), err)
			}
		}
	}
	for _, v := range o.tmpfs {
		parts, err := fields(v)
		size := defaultTmpfs
		switch {
		case err != nil:
		case len(parts) > 2:
			err = errors.New("write DEST or DEST:SIZE")
		case len(parts) == 2:
			size = parts[1]
			fallthrough
		default:
			err = line(b, "- ", pair{"path", parts[0]}, pair{"tmpfs", size})
		}
		if err != nil {
			return fmt.Errorf("--tmpfs %s: %w", shown(v), err)
		}
	}
	return nil
}

// bind reads SRC[:DEST][:ACCESS]. DEST is an absolute path, so it is not mistaken for an access.
func bind(value, access string, choose bool, getwd func() (string, error)) ([]pair, error) {
	parts, err := fields(value)
	if err != nil {
		return nil, err
	}
	source, path := parts[0], ""
	rest := parts[1:]
	if len(rest) > 0 && strings.HasPrefix(rest[0], "/") {
		path, rest = rest[0], rest[1:]
	}
	if choose && len(rest) > 0 {
		access, rest = rest[0], rest[1:]
	}
	if choose && len(parts) > 1 && access == "" {
		rest = []string{""} // a colon with nothing behind it
	}
	switch {
	case source == "":
		return nil, errors.New("the path is empty")
	case len(rest) > 0 && choose:
		return nil, errors.New(`write SRC[:DEST][:ACCESS], with an absolute DEST and ACCESS one of r, rx, rw, rwx; \: is a colon of a path`)
	case len(rest) > 0:
		return nil, errors.New(`write SRC[:DEST], with an absolute DEST; \: is a colon of a path`)
	}
	if !filepath.IsAbs(source) {
		dir, err := getwd()
		if err != nil {
			return nil, err
		}
		source = filepath.Join(dir, source)
	}
	if source = filepath.Clean(source); path == "" || filepath.Clean(path) == source {
		return []pair{{"path", source}, {"access", access}}, nil
	}
	return []pair{{"path", path}, {"source", source}, {"access", access}}, nil
}

// fields splits a value at its colons, of which \: is none; \\ is a backslash.
func fields(value string) ([]string, error) {
	parts := []string{""}
	for i := 0; i < len(value); i++ {
		last := &parts[len(parts)-1]
		switch c := value[i]; {
		case c == ':':
			parts = append(parts, "")
		case c != '\\':
			*last += value[i : i+1]
		case i+1 < len(value) && strings.IndexByte(`:\`, value[i+1]) >= 0:
			i++
			*last += value[i : i+1]
		default:
			return nil, errors.New(`\ stands before : or \ only`)
		}
	}
	return parts, nil
}

// pair is a key of a map with its value.
type pair struct{ key, value string }

// mostOfLine is how much of a line of a policy one key and its value may take, of the 4096 characters that are read.
const mostOfLine = 4090

// line writes a map as one line of YAML, or where that would be too long as a line for each key.
func line(b *strings.Builder, start string, pairs ...pair) error {
	b.WriteString(start)
	length := 0
	for i, p := range pairs {
		size := utf8.RuneCountInString(quoted(p.key)+": "+quoted(strings.ReplaceAll(p.value, "$", "$$"))) + 2
		if length += size; size > mostOfLine {
			return fmt.Errorf("a value of %d bytes: a path has at most 4095, and a line of a policy 4096 characters", len(p.value))
		}
		if i > 0 && length > mostOfLine {
			b.WriteString(",\n  ")
			length = size
		} else if i > 0 {
			b.WriteString(", ")
		} else if strings.HasPrefix(start, "-") {
			b.WriteString("{")
		}
		for _, s := range []string{p.key, p.value} {
			if !utf8.ValidString(s) {
				return errors.New("it is not UTF-8 text, which a policy consists of")
			}
		}
		b.WriteString(quoted(p.key) + ": " + quoted(strings.ReplaceAll(p.value, "$", "$$")))
	}
	if strings.HasPrefix(start, "-") {
		b.WriteString("}")
	}
	b.WriteString("\n")
	return nil
}

// shown is a value of the command line in a message: short, and seen when it is empty.
func shown(v string) string {
	const most = 80
	switch {
	case v == "":
		return `""`
	case len(v) > most:
		return strings.ToValidUTF8(v[:most], "") + "…"
	}
	return v
}

// quoted writes a string in double quotes, in which YAML has Go's escapes; a plain word stays plain.
func quoted(s string) string {
	plain := s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/") == ""
	if plain && s != "true" && s != "false" && s != "null" && s != "no" && s != "yes" && s != "on" && s != "off" {
		return s
	}
	return strconv.Quote(s)
}

// passed are the descriptors that a command inherits besides the standard streams: its number there, and ours.
type passed map[int]int

// parsePassed reads N or N:M for each.
func parsePassed(values []string) (passed, error) {
	const most = 1023
	p := passed{}
	for _, v := range values {
		from, to, both := strings.Cut(v, ":")
		if !both {
			to = from
		}
		n, err := strconv.ParseUint(from, 10, 31)
		m, err2 := strconv.ParseUint(to, 10, 31)
		switch {
		case errors.Join(err, err2) != nil:
			return nil, fmt.Errorf("--fd %s: write the number of a descriptor, or OURS:THEIRS", v)
		case m < 3 || m > most:
			return nil, fmt.Errorf("--fd %s: the command can have it as 3 to %d; the standard streams are always passed on", v, most)
		}
		if _, twice := p[int(m)]; twice {
			return nil, fmt.Errorf("--fd %s: the command has descriptor %d already", v, m)
		}
		p[int(m)] = int(n)
	}
	return p, nil
}
