package policy

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func includeOptions(files map[string]string) Options {
	opt := testOptions()
	opt.Include = func(path string) (Included, error) {
		if text, there := files[path]; there {
			return Included{Text: []byte(text)}, nil
		}
		return Included{}, errors.New("no such file")
	}
	return opt
}

func TestInclude(t *testing.T) {
	files := map[string]string{
		"/srv/app/base/common.yaml": "version: 1\ninclude: [more.yaml]\nprofiles:\n  base:\n    seccomp: {allow: [read]}\n    filesystem: [{path: data}]\n",
		"/srv/app/base/more.yaml":   "version: 1\nmodules:\n  other:\n    extends: base\n    command: [./bin/other]\n",
	}
	text := "version: 1\ninclude: [base/common.yaml]\nmodules:\n  m:\n    extends: base\n    command: [./bin/m]\n"
	p, ds := Parse("p.yaml", []byte(text), includeOptions(files))
	if len(ds) != 0 {
		t.Fatal(ds)
	}
	if len(p.Modules) != 2 || p.Modules[0].Name != "other" || p.Modules[0].Command[0].V != "/srv/app/base/bin/other" || p.Modules[1].Command[0].V != "/srv/app/bin/m" {
		t.Errorf("modules %+v", p.Modules)
	}
	if m := p.Modules[1].Filesystem[0]; m.Path != "/srv/app/base/data" || m.Pos.File != "/srv/app/base/common.yaml" || m.Pos.Line != 6 {
		t.Errorf("mount %+v", m)
	}
}

func TestIncludeErrors(t *testing.T) {
	body := "modules:\n  m:\n    command: [/bin/m]\n    seccomp: {allow: [read]}\n    filesystem: [{path: /bin, access: rx}]\n"
	chain := map[string]string{}
	for i := range 12 {
		chain[fmt.Sprintf("/srv/app/%d", i)] = fmt.Sprintf("version: 1\ninclude: [\"%d\"]\n", i+1)
	}
	for name, c := range map[string]struct {
		files map[string]string
		list  string
		want  string
	}{
		"not there":      {nil, "[a.yaml]", `p.yaml:2:11: error[E423]: "a.yaml" cannot be included: no such file`},
		"itself":         {map[string]string{"/srv/app/a.yaml": "version: 1\ninclude: [a.yaml]\n"}, "[a.yaml]", `/srv/app/a.yaml:2:11: error[E424]: "a.yaml" includes itself`},
		"too deep":       {chain, `["0"]`, "/srv/app/7:2:11: error[E424]: files include each other deeper than 8"},
		"twice":          {map[string]string{"/srv/app/a.yaml": "version: 1\n"}, "[a.yaml, a.yaml]", `p.yaml:2:19: error[E415]: "a.yaml" is included already`},
		"a map":          {nil, "{a: b}", "p.yaml:2:10: error[E113]: expected the path of a file"},
		"no version":     {map[string]string{"/srv/app/a.yaml": "profiles: {}\n"}, "[a.yaml]", "/srv/app/a.yaml:1:1: error[E114]"},
		"a kernel":       {map[string]string{"/srv/app/a.yaml": "version: 1\nkernel: \">=6.1\"\n"}, "[a.yaml]", `/srv/app/a.yaml:2:1: error[E111]: an included file has no key "kernel"`},
		"bad text":       {map[string]string{"/srv/app/a.yaml": "version: 1\n\tx: y\n"}, "[a.yaml]", "/srv/app/a.yaml:2:1: error[E104]"},
		"defined twice":  {map[string]string{"/srv/app/a.yaml": "version: 1\n" + body}, "[a.yaml]", `p.yaml:4:3: error[E112]: "m" is defined in two files; help: the other one is at /srv/app/a.yaml:3:3`},
		"an error in it": {map[string]string{"/srv/app/a.yaml": "version: 1\nlisteners:\n  l: {address: \"127.0.0.1:80\", bakclog: 1}\n"}, "[a.yaml]", `/srv/app/a.yaml:3:32: error[E111]`},
		"an expression": {map[string]string{"/srv/app/a.yaml": "version: 1\nmodules:\n  n:\n    command: [/bin/n]\n    filesystem: [{path: /bin, access: rx}]\n    seccomp:\n      allow:\n        - call: socket\n" +
			"          when: \"\n            famly == 1\"\n"}, "[a.yaml]", `/srv/app/a.yaml:10:13: error[E310]`},
	} {
		t.Run(name, func(t *testing.T) {
			p, ds := Parse("p.yaml", []byte("version: 1\ninclude: "+c.list+"\n"+body), includeOptions(c.files))
			if p != nil || !strings.Contains(ds.Error(), c.want) {
				t.Errorf("findings\n%v\nwant %s", ds, c.want)
			}
		})
	}
	opt := testOptions()
	if _, ds := Parse("p.yaml", []byte("version: 1\ninclude: [a.yaml]\n"+body), opt); !strings.Contains(ds.Error(), "nothing reads other files here") {
		t.Errorf("without a loader: %v", ds)
	}
}

// TestRenderIncluded: the line that is shown is one of the file that the finding is about.
func TestRenderIncluded(t *testing.T) {
	main := []byte("version: 1\ninclude: [a.yaml]\nmodules: {}\n")
	files := map[string]string{"/srv/app/a.yaml": "version: 1\nlisteners:\n  l: {addres: x}\n"}
	_, ds := Parse("p.yaml", main, includeOptions(files))
	var b bytes.Buffer
	err := RenderFiles(&b, ds, func(file string) []byte {
		if file == "p.yaml" {
			return main
		}
		return []byte(files[file])
	})
	if err != nil || !strings.Contains(b.String(), "    3 |   l: {addres: x}\n      |       ^^^^^^ did you mean \"address\"?") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// TestIncludedDir: relative paths in an included file, and ${POLICY_DIR}, start from where it lies, which a symbolic link may hide.
func TestIncludedDir(t *testing.T) {
	opt := testOptions()
	delete(opt.Variables, "POLICY_DIR")
	opt.Include = func(path string) (Included, error) {
		if path == "/srv/app/link.yaml" {
			return Included{Text: []byte("version: 1\ninclude: next.yaml\nprofiles:\n  base: {working_dir: \"${POLICY_DIR}/x\", filesystem: [{path: data}]}\n"), Dir: "/opt/real"}, nil
		}
		return Included{Text: []byte("version: 1\nprofiles:\n  next: {environment: {AT: \"${POLICY_DIR}\", NAME: " + path + "}}\n")}, nil
	}
	text := "version: 1\ninclude: [link.yaml]\nmodules:\n  m: {extends: [base, next], command: [\"${POLICY_DIR}/m\"], seccomp: {allow: [read]}}\n"
	p, ds := Parse("p.yaml", []byte(text), opt)
	if len(ds) != 0 {
		t.Fatal(ds)
	}
	m := p.Modules[0]
	got := []string{m.Command[0].V, m.WorkingDir.V, m.Filesystem[0].Path}
	for _, e := range m.Environment {
		got = append(got, e.Name+"="+e.Value)
	}
	want := []string{"/srv/app/m", "/opt/real/x", "/opt/real/data", "AT=/opt/real", "NAME=/opt/real/next.yaml"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestUnreadInclude: what cannot be read hides nothing else than what could be in it.
func TestUnreadInclude(t *testing.T) {
	text := "version: 1\ninclude: [gone.yaml]\nmodules:\n  m: {extends: base, listeners: {http: 3}}\n" +
		"  n: {command: [/n], seccomp: {allow: [wirte]}, filesystem: [{path: /n, access: rx}]}\n  o: {command: [/o]}\n"
	_, ds := Parse("p.yaml", []byte(text), includeOptions(nil))
	var got []string
	for _, d := range ds {
		got = append(got, fmt.Sprintf("%s:%d", d.Code, d.Pos.Line))
	}
	if want := []string{"E423:2", "E201:5", "E114:6", "E114:6"}; !slices.Equal(got, want) {
		t.Errorf("%q\n%v", got, ds)
	}
	big := strings.Repeat("# a comment\n", 80_000)
	files := map[string]string{}
	var names []string
	for i := range 6 {
		name := fmt.Sprintf("%d.yaml", i)
		names = append(names, name)
		files["/srv/app/"+name] = "version: 1\n" + big
	}
	_, ds = Parse("p.yaml", []byte("version: 1\ninclude: ["+strings.Join(names, ", ")+"]\nmodules: {}\n"), includeOptions(files))
	if !strings.Contains(ds.Error(), `error[E102]: the included files have more than 4194304 bytes, with "4.yaml"`) {
		t.Error(ds)
	}
}

// TestLineOfAnotherFile: a message that points to a second place says in which file it is.
func TestLineOfAnotherFile(t *testing.T) {
	files := map[string]string{"/srv/app/a.yaml": "version: 1\nprofiles:\n  base:\n    seccomp: {allow: [read], deny: [write]}\n"}
	text := "version: 1\ninclude: [a.yaml]\nmodules:\n  m: {extends: base, command: [/m], filesystem: [{path: /m, access: rx}], seccomp: {allow: [read, write]}}\n"
	_, ds := Parse("p.yaml", []byte(text), includeOptions(files))
	for _, want := range []string{"the first one is on line 4 of /srv/app/a.yaml", "deny on line 4 of /srv/app/a.yaml takes it away"} {
		if !strings.Contains(ds.Error(), want) {
			t.Errorf("%v\nwant %s", ds, want)
		}
	}
}
