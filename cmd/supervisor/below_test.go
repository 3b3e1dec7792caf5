package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// TestBelow: a directory stands for those below it that have policies in them.
func TestBelow(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"top/a.yaml", "top/b.yaml", "top/in/er/c.yaml", "top/.git/d.yaml", "top/text/readme", "none/readme"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(f)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "top/in/circle")); err != nil {
		t.Fatal(err)
	}
	a := &app{Invocation: &invoke.Invocation{Core: linux.New()}}
	for _, c := range []struct {
		name string
		path string
		want []string
	}{
		{"a directory", "top", []string{"top/", "top/in/er/"}},
		{"with slashes behind", "top//", []string{"top/", "top/in/er/"}},
		{"a file", "top/a.yaml", []string{"top/a.yaml"}},
		{"a directory without policies", "none", []string{"none"}},
		{"nothing", "nowhere", []string{"nowhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := a.below([]string{dir + "/" + c.path})
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], dir+"/")
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if got, err := a.below([]string{"embedded:demo", "embedded:none"}); err != nil || !slices.Equal(got, []string{"embedded:demo", "embedded:none"}) {
		t.Errorf("%q, %v", got, err)
	}
	deep := filepath.Join(dir, "deep", strings.Repeat("d/", maxDepth))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := a.below([]string{filepath.Join(dir, "deep")}); err == nil || !strings.Contains(err.Error(), "name files instead") {
		t.Errorf("%v", err)
	}
}
