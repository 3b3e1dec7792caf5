// Package guide has the code of docs/guide-testing.md; its test holds the one against the other.
package guide

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a block of code of the guide: a language, the file that it is from, the text.
var block = regexp.MustCompile("(?ms)^```(\\w*) ?([^\\n]*)\\n(.*?)^```$")

// Every block of Go is a part of the file that it names, letter by letter.
func TestCodeOfTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../guide-testing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(guide), -1)
	seen := map[string]int{}
	for _, b := range blocks {
		language, name, text := b[1], b[2], b[3]
		if language != "go" {
			continue
		}
		if !filepath.IsLocal(name) {
			t.Errorf("a block of Go does not say which file it is from: %q\n%s", name, text)
			continue
		}
		code, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains("\n"+string(code), "\n"+text) {
			t.Errorf("%s has no such lines, which the guide shows:\n%s", name, text)
		}
		seen[filepath.Base(filepath.Dir(name))]++
	}
	if seen["before"] < 2 || seen["after"] < 10 {
		t.Errorf("blocks of each directory: %v; the test does not see what it is about", seen)
	}
}

// Every line of Go in README.md is in the example that it is from, what is cut short and comments aside.
func TestCodeOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../posix/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, b := range block.FindAllStringSubmatch(string(readme), -1) {
		if b[1] != "go" {
			continue
		}
		for line := range strings.Lines(b[3]) {
			line, _, _ = strings.Cut(line, " //")
			line, _, _ = strings.Cut(line, " /*")
			shown++
			if !strings.Contains(strings.ReplaceAll(string(example), "\t", ""), "\n"+strings.TrimSpace(line)) {
				t.Errorf("posix/example_test.go does not have the line of README.md: %s", line)
			}
		}
	}
	if shown < 3 {
		t.Errorf("%d lines of Go were found in README.md", shown)
	}
}

// Every file that a guide links to is there.
func TestLinksOfTheGuides(t *testing.T) {
	for name, least := range map[string]int{"../guide-testing.md": 5, "../guide-policy.md": 3} {
		guide, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		links := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(string(guide), -1)
		if len(links) < least {
			t.Fatalf("%s: only %d links were found", name, len(links))
		}
		for _, l := range links {
			if _, err := os.Stat(filepath.Join("..", l[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, l[1], err)
			}
		}
	}
}
