package invoke

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func getwd() (string, error) { return "/home/me", nil }

func lookup(name string) (string, bool) { return "here", name == "SET" }

func TestOverrides(t *testing.T) {
	for _, c := range []struct {
		name string
		over overrides
		want string
		says string // an error instead
	}{
		{name: "nothing"},
		{name: "a path", over: overrides{binds: []string{"/srv/"}}, want: "filesystem:\n- {path: /srv, access: rw}\n"},
		{name: "elsewhere", over: overrides{binds: []string{"/srv:/site"}}, want: "filesystem:\n- {path: /site, source: /srv, access: rw}\n"},
		{name: "with access", over: overrides{binds: []string{"/srv:rx", "a:/b:rwx"}},
			want: "filesystem:\n- {path: /srv, access: rx}\n- {path: /b, source: /home/me/a, access: rwx}\n"},
		{name: "the same place", over: overrides{binds: []string{"/srv:/srv/."}}, want: "filesystem:\n- {path: /srv, access: rw}\n"},
		{name: "relative", over: overrides{readOnly: []string{".", "../you"}},
			want: "filesystem:\n- {path: /home/me, access: rx}\n- {path: /home/you, access: rx}\n"},
		{name: "other alphabets", over: overrides{binds: []string{"/é/日本"}}, want: "filesystem:\n- {path: \"/é/日本\", access: rw}\n"},
		{name: "colons and backslashes", over: overrides{readOnly: []string{`/a\:b:/c\\d`}},
			want: "filesystem:\n- {path: \"/c\\\\d\", source: \"/a:b\", access: rx}\n"},
		{name: "dollars and quotes", over: overrides{binds: []string{"/$HOME/\"x\n"}}, want: "filesystem:\n- {path: \"/$$HOME/\\\"x\\n\", access: rw}\n"},
		{name: "memory", over: overrides{tmpfs: []string{"/a", "/b:1G"}}, want: "filesystem:\n- {path: /a, tmpfs: \"16M\"}\n- {path: /b, tmpfs: \"1G\"}\n"},
		{name: "variables", over: overrides{environment: []string{"A=b=c", "SET", "E="}}, want: "environment:\n  A: \"b=c\"\n  SET: here\n  E: \"\"\n"},
		{name: "words of YAML", over: overrides{environment: []string{"A=true", "B=no", "C=~"}}, want: "environment:\n  A: \"true\"\n  B: \"no\"\n  C: \"~\"\n"},
		{name: "directory", over: overrides{workingDir: "/a b"}, want: "working_dir: \"/a b\"\n"},

		{name: "two paths that are long together", over: overrides{readOnly: []string{"/" + strings.Repeat("a", 3000) + ":/" + strings.Repeat("b", 3000)}},
			want: "filesystem:\n- {path: /" + strings.Repeat("b", 3000) + ",\n  source: /" + strings.Repeat("a", 3000) + ", access: rx}\n"},
		{name: "an access that is not said", over: overrides{binds: []string{"/srv:"}}, says: "--bind /srv:: write SRC[:DEST][:ACCESS]"},
		{name: "a path that is too long", over: overrides{readOnly: []string{"/" + strings.Repeat("a/", 2100)}}, says: "…: a value of 4200 bytes: a path has at most 4095"},
		{name: "a tmpfs of three parts", over: overrides{tmpfs: []string{"a:b:c"}}, says: "--tmpfs a:b:c: write DEST"},
		{name: "empty", over: overrides{binds: []string{""}}, says: "the path is empty"},
		{name: "too many parts", over: overrides{binds: []string{"/a:/b:rw:x"}}, says: "SRC[:DEST][:ACCESS]"},
		{name: "access of --ro-bind", over: overrides{readOnly: []string{"/a:/b:rw"}}, says: "SRC[:DEST]"},
		{name: "backslash", over: overrides{binds: []string{`/a\b`}}, says: `\ stands before`},
		{name: "backslash at the end", over: overrides{tmpfs: []string{`/a\`}}, says: `\ stands before`},
		{name: "memory with access", over: overrides{tmpfs: []string{"/a:1M:rw"}}, says: "DEST:SIZE"},
		{name: "no such variable", over: overrides{environment: []string{"UNSET"}}, says: "--env UNSET=VALUE"},
		{name: "variable twice", over: overrides{environment: []string{"SET", "SET=1"}}, says: "twice"},
		{name: "bytes", over: overrides{environment: []string{"A=\xff"}}, says: "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.over.text(getwd, lookup)
			switch {
			case c.says != "":
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%q and %v, want %s", got, err, c.says)
				}
			case err != nil:
				t.Error(err)
			case string(got) != c.want:
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	o := overrides{binds: []string{"x"}}
	lost := errors.New("no such directory")
	if _, err := o.text(func() (string, error) { return "", lost }, lookup); !errors.Is(err, lost) {
		t.Errorf("%v, want %v", err, lost)
	}
}

// FuzzOverrides: whatever a command line says, the policy has that and nothing else.
func FuzzOverrides(f *testing.F) {
	f.Add("/srv", "/site", "value")
	f.Add("/a\\:b", "/$x", "a: {b}\n- \"${HOME}\" # ~")
	f.Fuzz(func(t *testing.T, source, dest, value string) {
		escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace
		o := overrides{binds: []string{escape("/"+source) + ":" + escape("/"+dest) + ":r"}, environment: []string{"NAME=" + value}}
		text, err := o.text(getwd, lookup)
		if err != nil {
			return
		}
		p, ds := policy.Parse("p.yaml", []byte(`{version: 1, modules: {m: {command: [/m], seccomp: {allow: [read]}, filesystem: [{path: /m}]}}}`), policy.Options{
			Catalog:  policy.Catalog{Calls: map[string]struct{}{"read": {}}},
			Override: &policy.Override{File: "command line", Text: text}})
		if p == nil {
			for _, d := range ds {
				if d.Code < "E200" && d.Code != "E106" { // no YAML, or a value where none belongs; E106 is a line that is too long
					t.Fatalf("%s\n%s", d, text)
				}
			}
			return
		}
		m := p.Modules[0]
		if len(m.Environment) != 1 || m.Environment[0].Value != value {
			t.Errorf("%q became %q", value, m.Environment)
		}
		if len(m.Filesystem) > 2 {
			t.Errorf("%q: %v", text, m.Filesystem)
		}
	})
}

func TestParsePassed(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   passed
		says   string
	}{
		{nil, passed{}, ""},
		{[]string{"3", "5:4", "5:1023", "0:9"}, passed{3: 3, 4: 5, 1023: 5, 9: 0}, ""},
		{[]string{"x"}, nil, "the number of a descriptor"},
		{[]string{""}, nil, "the number of a descriptor"},
		{[]string{"3:"}, nil, "the number of a descriptor"},
		{[]string{"-1:3"}, nil, "the number of a descriptor"},
		{[]string{"99999999999:3"}, nil, "the number of a descriptor"},
		{[]string{"2"}, nil, "3 to 1023"},
		{[]string{"3:1024"}, nil, "3 to 1023"},
		{[]string{"3", "4:3"}, nil, "has descriptor 3 already"},
	} {
		t.Run(strings.Join(c.values, " "), func(t *testing.T) {
			got, err := parsePassed(c.values)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v and %v, want %s", got, err, c.says)
				}
				return
			}
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("%v and %v, want %v", got, err, c.want)
			}
		})
	}
}
