package policy

import (
	"strings"
	"testing"
)

func TestMinimalDev(t *testing.T) {
	for _, c := range []struct{ name, files, want string }{
		{"at its place", "{path: /dev, dev: minimal}",
			"/dev/full rw, /dev/null rw, /dev/random rw, /dev/tty rw, /dev/urandom rw, /dev/zero rw, /dev/shm rw tmpfs 16M mode 1777"},
		{"elsewhere", "{path: /jail/dev, dev: minimal}", "/jail/dev/full rw from /dev/full, /jail/dev/null rw from /dev/null, /jail/dev/random rw from /dev/random, " +
			"/jail/dev/tty rw from /dev/tty, /jail/dev/urandom rw from /dev/urandom, /jail/dev/zero rw from /dev/zero, /jail/dev/shm rw tmpfs 16M mode 1777"},
		{"some are listed", "{path: /dev, dev: minimal}, {path: /dev/shm, tmpfs: 1M}, {path: /dev/tty, access: r}, {path: /dev/random}",
			"/dev/full rw, /dev/null rw, /dev/urandom rw, /dev/zero rw"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ds := Parse("p.yaml", []byte("version: 1\nmodules:\n  m: {command: [/bin/m], filesystem: ["+c.files+"], seccomp: {allow: [read]}}\n"),
				Options{Catalog: testCatalog(), Dir: "/srv"})
			if p == nil {
				t.Fatal(ds)
			}
			m := &p.Modules[0]
			var got []string
			for _, part := range m.MinimalDev(m.Filesystem[0]) {
				got = append(got, part.item())
			}
			if g := strings.Join(got, ", "); g != c.want {
				t.Errorf("it has\n%s, want\n%s", g, c.want)
			}
		})
	}
}
