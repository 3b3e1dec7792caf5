package main

import (
	"fmt"
	"strconv"
	"strings"
)

// version is a kernel's as a policy writes it: of 2.6.28 it keeps 2.6.
type version struct{ major, minor int }

func parseVersion(text string) (version, error) {
	parts := strings.Split(text, ".")
	var v [2]int
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || len(parts) < 2 || len(parts) > 4 {
			return version{}, fmt.Errorf("%q is no version", text)
		}
		if i < 2 {
			v[i] = int(n)
		}
	}
	return version{v[0], v[1]}, nil
}

// compareVersions compares two texts such as 2.6.28 part by part.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m - n
		}
	}
	return len(x) - len(y)
}

// firstKernels is what is known of calls' first kernels. A key is a call, a call and "@" and an architecture, or the latter alone.
type firstKernels map[string]version

func readSince() (firstKernels, []string, error) {
	out := firstKernels{}
	var origins []string
	for _, name := range []string{"since.txt", "since-byhand.txt"} {
		in, err := readInput(name)
		if err != nil {
			return nil, nil, err
		}
		origins = append(origins, in.origin)
		for _, l := range in.lines {
			key, text, _ := strings.Cut(l.text, " ")
			v, err := parseVersion(text)
			if err != nil {
				return nil, nil, fmt.Errorf("%s:%d: %w", in.name, l.number, err)
			}
			out[key] = v
		}
	}
	return out, origins, nil
}

// of returns the first kernel with a call: no call is older than its architecture.
func (f firstKernels) of(arch, call string) (version, bool) {
	v, known := f[call+"@"+arch]
	if !known {
		v, known = f[call]
	}
	if first := f["@"+arch]; known && (v.major < first.major || v.major == first.major && v.minor < first.minor) {
		v = first
	}
	return v, known
}
