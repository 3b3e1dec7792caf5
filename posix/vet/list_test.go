package vet

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestLeaks(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	list, err := Leaks(fstest.MapFS{
		"a/a.go":          file("package a\n\n//posixvet:leak os.Open, net/http.Server.Serve: two at once\n"),
		"a/a_test.go":     file("package a\n\n//posixvet:leak os.Remove: a test\n"),
		"b/doc.go":        file("// Package b is left out.\n//\n//posixvet:exempt a generator\npackage b\n"),
		"testdata/c.go":   file("package c\n\n//posixvet:leak os.Remove: not ours\n"),
		".cache/d.go":     file("package d\n\n//posixvet:leak os.Remove: not ours\n"),
		"vendor/e/e.go":   file("package e\n\n//posixvet:leak os.Remove: not ours\n"),
		"a/without.go":    file("package a\n"),
		"a/in_a_text.go":  file("package a\n\nconst s = `\n//posixvet:leak os.Remove: a text\n`\n"),
		"a/unrelated.txt": file("//posixvet:leak os.Remove: no Go\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Leak{
		{"a/a.go", 3, "os.Open", "two at once"},
		{"a/a.go", 3, "net/http.Server.Serve", "two at once"},
		{"b/doc.go", 3, "*", "a generator"},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var out strings.Builder
	if err := WriteLeaks(&out, list); err != nil {
		t.Fatal(err)
	}
	const table = "" +
		"WHERE       USES                   REASON\n" +
		"a/a.go:3    os.Open                two at once\n" +
		"a/a.go:3    net/http.Server.Serve  two at once\n" +
		"b/doc.go:3  *                      a generator\n"
	if diff := cmp.Diff(table, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestMalformedLeaks(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no reason", "//posixvet:leak os.Open", "a.go:2: a leak without a reason"},
		{"an empty reason", "//posixvet:leak os.Open: ", "a.go:2: a leak without a reason"},
		{"no name", "//posixvet:leak : why", "a.go:2: a leak without a name"},
		{"another word", "//posixvet:leaks os.Open: why", `a.go:2: unknown directive "//posixvet:leaks"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Leaks(fstest.MapFS{"a.go": &fstest.MapFile{Data: []byte("package a\n" + c.text + "\n")}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func FuzzParseLeak(f *testing.F) {
	f.Add("//posixvet:leak os.Open: why")
	f.Add("//posixvet:leak a.b, c.d:")
	f.Fuzz(func(t *testing.T, text string) {
		names, reason, err := parseLeak(text)
		if err == nil && (len(names) == 0 || reason == "") {
			t.Errorf("%q gives names %q and reason %q without an error", text, names, reason)
		}
		for _, n := range names {
			if n == "" || strings.ContainsAny(n, " \t,") {
				t.Errorf("%q gives the name %q", text, n)
			}
		}
	})
}
