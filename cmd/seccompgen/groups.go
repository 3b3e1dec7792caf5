package main

import (
	"bytes"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// groupSet is the groups of systemd as they are written, with groups inside groups.
type groupSet struct {
	origin  string // "systemd 252 (…)"
	members map[string][]string
}

const originPrefix = "# Taken from: "

// printGroups makes groups.txt from this machine's systemd.
func printGroups() ([]byte, error) {
	version, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("systemd-analyze --version: %w", err)
	}
	listing, err := exec.Command("systemd-analyze", "--no-pager", "syscall-filter").Output()
	if err != nil {
		return nil, fmt.Errorf("systemd-analyze syscall-filter: %w", err)
	}
	first, _, _ := strings.Cut(string(version), "\n")
	return trimListing(first, string(listing))
}

// trimListing keeps the names of a listing and puts the header of groups.txt above them.
func trimListing(origin, listing string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The groups of system calls, made by seccompgen -refresh-groups from systemd-analyze syscall-filter.\n%s%s\n", originPrefix, origin)
	for line := range strings.Lines(listing) {
		name := strings.TrimSpace(line)
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
		case strings.HasPrefix(line, "@"):
			fmt.Fprintf(&b, "\n%s\n", name)
		default:
			fmt.Fprintf(&b, "    %s\n", name)
		}
	}
	if _, err := parseGroups(b.String()); err != nil {
		return nil, fmt.Errorf("the listing of systemd-analyze: %w", err)
	}
	return b.Bytes(), nil
}

// parseGroups reads groups.txt: a group on a line of its own, its members indented below it.
func parseGroups(text string) (groupSet, error) {
	set := groupSet{members: map[string][]string{}}
	group, number := "", 0
	for line := range strings.Lines(text) {
		number++
		name := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, originPrefix):
			set.origin = strings.TrimSpace(strings.TrimPrefix(line, originPrefix))
		case name == "" || strings.HasPrefix(name, "#"):
		case strings.ContainsAny(name, " \t"):
			return set, fmt.Errorf("line %d: %q is not one name", number, name)
		case strings.HasPrefix(line, "@"):
			if _, twice := set.members[name]; twice {
				return set, fmt.Errorf("line %d: %s is there twice", number, name)
			}
			group = name
			set.members[group] = nil
		case name == strings.TrimRight(line, " \t\r\n"):
			return set, fmt.Errorf("line %d: %q is neither a group nor indented", number, name)
		case group == "":
			return set, fmt.Errorf("line %d: %q stands before the first group", number, name)
		default:
			set.members[group] = append(set.members[group], name)
		}
	}
	switch {
	case set.origin == "":
		return set, fmt.Errorf("no line begins with %q", originPrefix)
	case len(set.members) == 0:
		return set, fmt.Errorf("no groups")
	}
	return set, nil
}

// expand replaces groups inside groups by their calls; each list is sorted and without duplicates.
func (s groupSet) expand() (map[string][]string, error) {
	out := map[string][]string{}
	var walk func(name string, path []string) ([]string, error)
	walk = func(name string, path []string) ([]string, error) {
		if slices.Contains(path, name) {
			return nil, fmt.Errorf("%s contains itself through %s", name, strings.Join(path, ", "))
		}
		members, found := s.members[name]
		if !found {
			return nil, fmt.Errorf("%s names %s, which is not there", path[len(path)-1], name)
		}
		var calls []string
		for _, m := range members {
			if !strings.HasPrefix(m, "@") {
				calls = append(calls, m)
				continue
			}
			inner, err := walk(m, append(path[:len(path):len(path)], name))
			if err != nil {
				return nil, err
			}
			calls = append(calls, inner...)
		}
		slices.Sort(calls)
		return slices.Compact(calls), nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		calls, err := walk(name, nil)
		if err != nil {
			return nil, err
		}
		if len(calls) == 0 {
			return nil, fmt.Errorf("%s is empty", name)
		}
		out[name] = calls
	}
	return out, nil
}

// lacking returns the calls of any group that are not known, sorted.
func lacking(groups map[string][]string, known map[string]bool) []string {
	var out []string
	for _, calls := range groups {
		for _, c := range calls {
			if !known[c] {
				out = append(out, c)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
