package policy

import (
	"strings"
	"testing"
)

func TestOverride(t *testing.T) {
	const (
		one = `version: 1
profiles:
  base: {environment: {A: a, B: b}, filesystem: [{path: /usr, access: rx}, {path: data, access: r}]}
modules:
  web: {extends: base, command: [/usr/bin/web], seccomp: {allow: ["@default"]}, filesystem: [{path: /tmp, tmpfs: 1M}]}
`
		two = one + "  db: {extends: base, command: [/usr/bin/db], seccomp: {allow: [\"@default\"]}}\n"
	)
	for _, c := range []struct {
		name, text, module, override string
		files, environment, dir      string
		says                         string // a finding instead
	}{
		{name: "nothing", text: one, override: "{}", files: "/srv/data r, /tmp rw tmpfs 1M mode 1777, /usr rx", environment: "A B", dir: "/"},
		{name: "a path more", text: one, override: "filesystem: [{path: /opt, source: /srv/opt-7, access: rw}]\n",
			files: "/opt rw from /srv/opt-7, /srv/data r, /tmp rw tmpfs 1M mode 1777, /usr rx", environment: "A B", dir: "/"},
		{name: "other access, and another directory", text: one,
			override: "filesystem:\n- {path: /usr/., access: r}\n- {path: /srv/data, access: rw}\n- {path: /tmp, source: /var/tmp, access: rwx}\nworking_dir: /usr\nenvironment: {B: c, C: d}\n",
			files:    "/srv/data rw, /tmp rwx from /var/tmp, /usr r", environment: "A B C", dir: "/usr"},
		{name: "one of several", text: two, module: "db", override: "filesystem: [{path: /opt}]\n", files: "/srv/data r, /tmp rw tmpfs 1M mode 1777, /usr rx", environment: "A B", dir: "/"},
		{name: "several and none is chosen", text: two, override: "filesystem: [{path: /opt}]\n", files: "/srv/data r, /tmp rw tmpfs 1M mode 1777, /usr rx", environment: "A B", dir: "/"},
		{name: "twice", text: one, override: "filesystem: [{path: /opt}, {path: /opt, access: rw}]\n", says: "command line:1:35: error[E415]"},
		{name: "another key", text: one, override: "user: www-data\n", says: "command line:1:1: error[E111]"},
		{name: "a relative path", text: one, override: "filesystem: [{path: opt}]\n", says: "command line:1:21: error[E505]"},
		{name: "no map", text: one, override: "[]", says: "command line:1:1: error"},
		{name: "no list", text: one, override: "filesystem: {path: /opt}", says: "command line:1:13: error"},
		{name: "no text", text: one, override: "\xff", says: "command line:1:1: error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ds := Parse("p.yaml", []byte(c.text), Options{Catalog: testCatalog(), Dir: "/srv",
				Override: &Override{Module: c.module, File: "command line", Text: []byte(c.override)}})
			if c.says != "" {
				if p != nil || len(ds) == 0 || !strings.Contains(ds[0].String(), c.says) {
					t.Fatalf("%v, want %s", ds, c.says)
				}
				return
			}
			if p == nil {
				t.Fatal(ds)
			}
			for _, s := range p.Modules[0].Sections() {
				if s.Key == "filesystem" && strings.Join(s.Items, ", ") != c.files {
					t.Errorf("filesystem is\n%s, want\n%s", strings.Join(s.Items, ", "), c.files)
				}
			}
			var names []string
			for _, v := range p.Modules[0].Environment {
				names = append(names, v.Name)
			}
			if got := strings.Join(names, " "); got != c.environment {
				t.Errorf("environment is %s, want %s", got, c.environment)
			}
			if got := p.Modules[0].WorkingDir.V; got != c.dir {
				t.Errorf("working_dir is %s, want %s", got, c.dir)
			}
			if c.module == "db" && len(p.Modules[1].Filesystem) != 3 {
				t.Errorf("db has %v", p.Modules[1].Filesystem)
			}
		})
	}
}
