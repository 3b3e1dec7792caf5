package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const groupsText = "groups.txt"

func main() {
	check := flag.Bool("check", false, "write nothing; fail when a table is out of date")
	refresh := flag.Bool("refresh-groups", false, "take "+groupsText+" anew from systemd-analyze")
	flag.Parse()
	if flag.NArg() > 0 || *check && *refresh {
		flag.Usage()
		os.Exit(2)
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
	calls, err := writeCalls(append([]string{unixModule + " " + source.version}, origins...), tables)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, file{"zz_generated_calls.go", calls})
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
