package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// printer shows a stream to a person: a line for each package, the output of what failed, the reasons of skips.
type printer struct {
	w      io.Writer
	label  string
	output map[testID][]string
	all    map[string]*ledger // by package, for the counts of its line
}

func newPrinter(w io.Writer, label string) *printer {
	return &printer{w: w, label: label, output: map[testID][]string{}, all: map[string]*ledger{}}
}

// text shows a line that is no event.
func (p *printer) text(line string) {
	fmt.Fprintln(p.w, line)
}

func (p *printer) add(e event) {
	if e.Action == "build-output" {
		fmt.Fprint(p.w, e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	l := p.all[e.Package]
	if l == nil {
		l = newLedger()
		p.all[e.Package] = l
	}
	l.add(e)
	id := testID{e.Package, e.Test}
	switch {
	case e.Action == "output":
		p.output[id] = append(p.output[id], e.Output)
	case e.Action == "skip" && e.Test != "":
		fmt.Fprintf(p.w, "skip %s: %s: %s\n", short(e.Package), e.Test, reason(p.output[id]))
		delete(p.output, id)
	case e.Action == "fail" && e.Test != "":
		fmt.Fprintf(p.w, "FAIL %s: %s (%s)\n%s", short(e.Package), e.Test, p.label, strings.Join(p.output[id], ""))
		delete(p.output, id)
	case e.ends() && e.Test == "":
		p.endPackage(e, l)
	case e.ends():
		delete(p.output, id)
	}
}

// endPackage prints the line of a package, preceded by everything that the package itself printed when a failure has no test to blame.
func (p *printer) endPackage(e event, l *ledger) {
	failures := l.failures()
	if slices.Contains(failures, testID{e.Package, ""}) {
		fmt.Fprint(p.w, strings.Join(p.output[testID{e.Package, ""}], ""))
	}
	for _, id := range failures {
		if l.ended[id] == "" {
			fmt.Fprintf(p.w, "FAIL %s: %s did not end\n%s", short(id.Package), id.Test, strings.Join(p.output[id], ""))
		}
	}
	c := l.counts()
	if c == (counts{}) {
		return // no tests
	}
	word := "ok  "
	if c.Failed > 0 {
		word = "FAIL"
	}
	fmt.Fprintf(p.w, "%s %-30s %6.2fs  %s  [%s]\n", word, short(e.Package), e.Elapsed, c, p.label)
}

// reason returns what a test said when it skipped itself, without the place and go test's own lines.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if _, after, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok := strings.Cut(after, ": "); ok {
				line = text
			}
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// short leaves out the module's name.
func short(pkg string) string {
	return strings.TrimPrefix(pkg, "github.com/bulkhead/bulkhead/")
}
