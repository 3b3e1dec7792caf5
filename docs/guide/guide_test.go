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

// Every file that the guide links to is there.
func TestLinksOfTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../guide-testing.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(guide), -1)
	if len(links) < 5 {
		t.Fatalf("only %d links were found", len(links))
	}
	for _, l := range links {
		if _, err := os.Stat(filepath.Join("..", l[1])); err != nil {
			t.Errorf("the guide links to %s: %v", l[1], err)
		}
	}
}
