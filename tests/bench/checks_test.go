package main

import (
	"strings"
	"testing"
)

func TestCheckPolicy(t *testing.T) {
	text := checkPolicy()
	if got := strings.Count(text, "\n"); got != checkLines {
		t.Errorf("the policy has %d lines, want %d", got, checkLines)
	}
	if comments := strings.Count(text, "\n#"); comments > 20 {
		t.Errorf("%d of the lines are comments", comments)
	}
	pol, err := parse("check.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(pol.Modules); got < 8 {
		t.Errorf("%d modules, want at least 8", got)
	}
}
