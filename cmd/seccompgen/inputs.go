package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// inputsDir holds what -distill took from packages of a distribution, seen from the directory of package sandbox/seccomp.
const inputsDir = "../../cmd/seccompgen/inputs"

// input is a committed text: where it was taken from, and its lines without comments and empty ones.
type input struct {
	name   string
	origin string
	lines  []line
}

// line is one line of an input.
type line struct {
	number int
	text   string
}

func readInput(name string) (input, error) {
	text, err := os.ReadFile(filepath.Join(inputsDir, name))
	if err != nil {
		return input{}, err
	}
	return parseInput(name, string(text))
}

// parseInput splits an input into its lines. A comment is a line that begins with #; one of them names the origin.
func parseInput(name, text string) (input, error) {
	in := input{name: name}
	number := 0
	for l := range strings.Lines(text) {
		number++
		l = strings.TrimSpace(l)
		if rest, is := strings.CutPrefix(l, originPrefix); is {
			in.origin = rest
		}
		if l != "" && !strings.HasPrefix(l, "#") {
			in.lines = append(in.lines, line{number, l})
		}
	}
	if in.origin == "" {
		return in, fmt.Errorf("%s: no line begins with %q", name, originPrefix)
	}
	return in, nil
}

// numbers reads lines "NAME NUMBER".
func (in input) numbers() ([]call, error) {
	var calls []call
	for _, l := range in.lines {
		name, digits, _ := strings.Cut(l.text, " ")
		nr, err := strconv.ParseUint(strings.TrimSpace(digits), 0, 32)
		if err != nil || name == "" {
			return nil, fmt.Errorf("%s:%d: %q is not a name and a number", in.name, l.number, l.text)
		}
		calls = append(calls, call{name: name, nr: uint32(nr)})
	}
	return calls, nil
}
