package format

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// repository returns every policy of the repository, by its path.
func repository(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, root := range []string{"policies", "tests", "sandbox", "core/policy"} {
		err := filepath.WalkDir(filepath.Join("../../..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			files[path] = text
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 8 {
		t.Fatalf("only %d policies", len(files))
	}
	return files
}

func sections(t testing.TB, file string, text []byte) map[string][]policy.Section {
	t.Helper()
	variables := map[string]string{"POLICY_DIR": "/p", "SUPERVISOR": "/p/s", "SITE": "/p"}
	p, ds := policy.Parse(file, text, policy.Options{Catalog: seccomp.Catalog(), Dir: "/p", Variables: variables})
	if p == nil {
		return map[string][]policy.Section{"": {{Items: []string{ds[0].Code}}}}
	}
	return p.Meaning()
}

// hold is what is true of every text that is laid out.
func hold(t testing.TB, file string, text []byte) []byte {
	t.Helper()
	once, ds := Format(file, text)
	if once == nil {
		t.Fatalf("%s is refused: %v", file, ds)
	}
	twice, ds := Format(file, once)
	if !bytes.Equal(once, twice) {
		t.Fatalf("%s is not stable (%v):\n%s\n--- then\n%s", file, ds, once, twice)
	}
	if !Formatted(file, once) {
		t.Fatal("what was laid out does not count as such")
	}
	before, after := sections(t, file, text), sections(t, file, once)
	if len(before[""]) == 0 && !reflect.DeepEqual(before, after) {
		t.Fatalf("%s means something else:\n%s", file, once)
	}
	return once
}

func TestRepository(t *testing.T) {
	for path, text := range repository(t) {
		if tree, _ := policy.ReadTree(path, text); tree == nil {
			continue // one of those that are broken on purpose
		}
		out := hold(t, path, text)
		for _, l := range strings.Split(string(text), "\n") {
			if at := strings.Index(l, " # "); at >= 0 && !bytes.Contains(out, []byte(strings.TrimSpace(l[at:]))) {
				t.Errorf("%s: %q is gone", path, l)
			}
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"order, indentation and quotes", `# the file
modules:
    web:
        seccomp: {deny: ['execve'], allow: ["@default", "read"]}
        filesystem:
        - {access: 'rx', path: "/usr"}
        command: ["/usr/bin/web", "-p", "80", "a b", "c:d"]
version: 1
kernel: '>=6.1'
`, `# the file
version: 1
kernel: ">=6.1"

modules:
  web:
    command: [/usr/bin/web, -p, "80", a b, "c:d"]
    filesystem:
      - {path: /usr, access: rx}
    seccomp: {allow: ["@default", read], deny: [execve]}
`},
		{"comments go where their keys go", `# top

# about modules
modules:
  # about web
  web:     # the web
    # first
    filesystem:     # there
      # usr
      - {path: /usr, access: rx} # programs
      - {path: /a, access: r}  # a
      # - {path: /b}
    # before command
    command: [/x]
    # last of web
  # last of modules
# before version
version: 1 # one
# the end
`, `# top

# before version
version: 1  # one

# about modules
modules:
  # about web
  web:  # the web
    # before command
    command: [/x]
    # first
    filesystem:  # there
      # usr
      - {path: /usr, access: rx}  # programs
      - {path: /a, access: r}     # a
      # - {path: /b}
    # last of web
  # last of modules
# the end
`},
		{"comments in brackets", `modules:
  a:
    seccomp:
      allow: [read, # one
        # two
        write, # three
        # four
      ] # five
      deny: [ # six
        execve
      ]
`, `modules:
  a:
    seccomp:
      allow:  # five
        - read  # one
        # two
        - write  # three
        # four
      deny:
        # six
        - execve
`},
		{"long lists are wrapped, long maps written out", `modules:
  a:
    seccomp:
      allow:
        - [accept4, recvfrom, recvmsg, sendto, sendmsg, sendfile, shutdown, getsockname, getsockopt, setsockopt, socketpair] # net
    filesystem:
      - {path: /usr/share/a/very/long/path/that/goes/on/and/on/and/on/until/it/is/too/long, access: rx, if_exists: true} # long
`, `modules:
  a:
    filesystem:
      - path: /usr/share/a/very/long/path/that/goes/on/and/on/and/on/until/it/is/too/long  # long
        access: rx
        if_exists: true
    seccomp:
      allow:
        - [accept4, recvfrom, recvmsg, sendto, sendmsg, sendfile, shutdown, getsockname, getsockopt,
           setsockopt, socketpair]  # net
`},
		{"blocks of text", `modules:
  a:
    environment:
      A: | # the sign
        # no comment
        two

        three
      # after it
      B: >-
        folded
        text
      C: "#no"
    command: ['/x', "# no", 'it''s #1']
`, `modules:
  a:
    command: [/x, "# no", "it's #1"]
    environment:
      A: |  # the sign
        # no comment
        two

        three
      # after it
      B: folded text
      C: "#no"
`},
		{"dashes", `modules:
  a:
    filesystem:
      -
        # inside
        path: /usr
        access: rx # x
      - # behind
        path: /lib


      - path: /etc # first
      # end
`, `modules:
  a:
    filesystem:
      # inside
      - path: /usr
        access: rx  # x
      # behind
      - path: /lib

      - path: /etc  # first
      # end
`},
		{"resets", "modules:\n  a:\n    command: !reset ['/x']\n    capabilities: !reset []\n    seccomp:\n      deny: !reset\n        - a\n",
			"modules:\n  a:\n    command: !reset [/x]\n    capabilities: !reset []\n    seccomp:\n      deny: !reset\n        - a\n"},
		{"signs of documents", "a: [... , '---', --- b]\n", "a: [\"...\", \"---\", \"--- b\"]\n"},
		{"a sign of a document alone", " ...", "\"...\"\n"},
		{"only comments after dedents", "version: 1\nmodules:\n  a:\n    command:\n      - /x\n      # deep\n    # middle\n  # outer\n# out\n",
			"version: 1\n\nmodules:\n  a:\n    command:\n      - /x\n      # deep\n    # middle\n  # outer\n# out\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := hold(t, "p.yaml", []byte(c.in)); string(out) != c.out {
				t.Errorf("laid out as\n%s\nwant\n%s", out, c.out)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "tab": "version:\t1\n", "anchor": "a: &b 1\n", "twice": "a: 1\na: 2\n", "bracket": "a: [1\n", "not text": "a: \xff\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, want := policy.Parse("p.yaml", []byte(text), policy.Options{})
			out, ds := Format("p.yaml", []byte(text))
			said := func(d policy.Diagnostic) bool {
				return slices.ContainsFunc(want, func(w policy.Diagnostic) bool { return w == d })
			}
			if out != nil || !ds.HasErrors() || !said(ds[0]) {
				t.Errorf("%q, findings %v, Parse says %v", out, ds, want)
			}
		})
	}
}

// FuzzFormat starts from short texts: the fuzzer makes whatever finds something new as short as it can, which takes time with the square
// of its length. TestRepository and TestDamaged have the long ones.
func FuzzFormat(f *testing.F) {
	for _, text := range []string{
		"a: [b, # c\n d] # e\n# f\ng:\n- h\n-   # i\n  j: k\n",
		"a: |  # b\n  # c\n\n  d\ne: >-\n  f\n g\n",
		"'a b': \"#c\\n\"  # d\n# e\n\"f\": 'it''s'\n",
		"# a\n\nversion: 1\nmodules: # b\n  # c\n    d: {e: 1, # f\n  g: [h, i]}\n  # j\n# k\n",
		"a: !reset [b]\nc: !reset\nd: !reset {}\n",
		"- - a\n  - # b\n    c\n-\n  d: ~\n",
		"a:\r\n  b: é # ü\r\n",
		" ...",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 600 {
			return
		}
		out, ds := Format("p.yaml", text)
		if out == nil {
			if !ds.HasErrors() || ds[0].Code == codeLayout {
				t.Fatalf("refused without a word, or for what is no fault of the text: %v", ds)
			}
			return
		}
		hold(t, "p.yaml", text)
	})
}
