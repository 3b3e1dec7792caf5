package main

import (
	"slices"
	"strings"
	"testing"
)

const head = originPrefix + "systemd 1\n"

func TestExpand(t *testing.T) {
	set, err := parseGroups(head + "# a comment\n@a\n    read\n    @b\n\n@b\n    write\n    read\n    @c\n@c\n    zap\n")
	if err != nil {
		t.Fatal(err)
	}
	if set.origin != "systemd 1" {
		t.Errorf("origin %q", set.origin)
	}
	groups, err := set.expand()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"@a": "read write zap", "@b": "read write zap", "@c": "zap"} {
		if got := strings.Join(groups[name], " "); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := lacking(groups, map[string]bool{"read": true}); !slices.Equal(got, []string{"write", "zap"}) {
		t.Errorf("lacking: %v", got)
	}
}

func TestGroupsThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no origin":    {"@a\n    read\n", "no line begins"},
		"no groups":    {head, "no groups"},
		"before":       {head + "    read\n", "before the first group"},
		"not indented": {head + "@a\nread\n", "nor indented"},
		"two names":    {head + "@a\n    read write\n", "not one name"},
		"twice":        {head + "@a\n    read\n@a\n    read\n", "there twice"},
		"empty":        {head + "@a\n@b\n    read\n", "@a is empty"},
		"not there":    {head + "@a\n    @b\n", "names @b"},
		"itself":       {head + "@a\n    read\n    @b\n@b\n    @a\n", "contains itself"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := parseGroups(c.text)
			if err == nil {
				_, err = set.expand()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestTrimListing(t *testing.T) {
	text, err := trimListing("systemd 9", "@a\n    # About a\n    read\n    @b\n\n@b\n    # About b\n    write\n\n# Ungrouped:\n#   zap\n")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), originPrefix)
	if want := "systemd 9\n\n@a\n    read\n    @b\n\n@b\n    write\n"; body != want {
		t.Errorf("got %q, want %q", body, want)
	}
	if _, err := trimListing("systemd 9", "something else\n"); err == nil {
		t.Error("a listing without groups was accepted")
	}
}
