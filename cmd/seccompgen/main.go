package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const groupsText = "groups.txt"

func main() {
	check := flag.Bool("check", false, "write nothing; fail when a table is out of date")
	refresh := flag.Bool("refresh-groups", false, "take "+groupsText+" anew from systemd-analyze")
	again := flag.Bool("distill", false, "take the other inputs anew from packages of Debian")
	flag.Parse()
	if flag.NArg() > 0 || *check && (*refresh || *again) {
		flag.Usage()
		os.Exit(2)
	}
	if *again {
		if err := distill(); err != nil {
			fmt.Fprintln(os.Stderr, "seccompgen:", err)
			os.Exit(1)
		}
	}
	if err := run(*check, *refresh, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "seccompgen:", err)
		os.Exit(1)
	}
}

func run(check, refresh bool, report io.Writer) error {
	if refresh {
		text, err := printGroups()
		if err != nil {
			return err
		}
		if err := os.WriteFile(groupsText, text, 0o644); err != nil {
			return err
		}
	}
	files, missing, err := generate()
	if err != nil {
		return err
	}
	if len(missing) > 0 && !check {
		fmt.Fprintf(report, "seccompgen: %d calls of %s are of architectures without a table\n", len(missing), groupsText)
	}
	if check {
		return compare(files)
	}
	for _, f := range files {
		if err := os.WriteFile(f.name, f.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// file is a generated file.
type file struct {
	name string
	text []byte
}

// generate makes every file, and names the calls of a group that no architecture has.
func generate() (files []file, missing []string, err error) {
	source, err := findSource()
	if err != nil {
		return nil, nil, err
	}
	tables, origins, err := readTables(source)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]bool{}
	for _, t := range tables {
		for _, c := range t.calls {
			known[c.name] = true
		}
	}
	more, err := generateFacts(source, tables, origins)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, more...)
	text, err := os.ReadFile(groupsText)
	if err != nil {
		return nil, nil, err
	}
	groups, err := parseGroups(string(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", groupsText, err)
	}
	expanded, err := groups.expand()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", groupsText, err)
	}
	out, err := writeGroups(groups.origin, expanded)
	if err != nil {
		return nil, nil, err
	}
	return append(files, file{"zz_generated_groups.go", out}), lacking(expanded, known), nil
}

// generateFacts makes the tables of the calls, of their prototypes and of the constants.
func generateFacts(source source, tables []table, origins []string) ([]file, error) {
	protos, err := readPrototypes()
	if err != nil {
		return nil, err
	}
	since, sinceOrigins, err := readSince()
	if err != nil {
		return nil, err
	}
	var described [][]facts
	for _, t := range tables {
		d, err := t.describe(protos, since)
		if err != nil {
			return nil, err
		}
		described = append(described, d)
	}
	set := newPrototypeSet(described)
	values, valueOrigins, err := readConstants(source)
	if err != nil {
		return nil, err
	}
	named, err := writeConstants(values)
	if err != nil {
		return nil, err
	}
	all := slices.Concat([]string{unixModule + " " + source.version}, origins, protos.origins, sinceOrigins, valueOrigins)
	calls, err := writeCalls(distinct(all), tables, described, set)
	if err != nil {
		return nil, err
	}
	signatures, err := set.write()
	if err != nil {
		return nil, err
	}
	return []file{{"zz_generated_calls.go", calls}, {"zz_generated_constants.go", named}, {"zz_generated_prototypes.go", signatures}}, nil
}

// distinct returns the parts of the origins, apart by commas, each once and in the order in which it is first there.
func distinct(origins []string) []string {
	var out []string
	for _, o := range origins {
		for part := range strings.SplitSeq(o, ", ") {
			if !slices.Contains(out, part) {
				out = append(out, part)
			}
		}
	}
	return out
}

func compare(files []file) error {
	var errs []error
	for _, f := range files {
		have, err := os.ReadFile(f.name)
		if err != nil {
			errs = append(errs, err)
		} else if !bytes.Equal(have, f.text) {
			errs = append(errs, fmt.Errorf("%s is out of date: run go generate ./sandbox/seccomp", f.name))
		}
	}
	return errors.Join(errs...)
}
