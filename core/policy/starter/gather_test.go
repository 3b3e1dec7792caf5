package starter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// host is the files of this machine with some laid over them.
type host map[string]string

func (h host) ReadAt(name string, p []byte, off int64) (int, error) {
	if text, there := h[name]; there {
		return strings.NewReader(text).ReadAt(p, off)
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, off)
}

func (h host) Target(name string) string {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return name
	}
	return target
}

// alone is files and nothing of the machine.
type alone map[string]string

func (a alone) ReadAt(name string, p []byte, off int64) (int, error) {
	text, there := a[name]
	if !there {
		return 0, fs.ErrNotExist
	}
	return strings.NewReader(text).ReadAt(p, off)
}

func (a alone) Target(name string) string { return name }

// sh is a program with a loader and libraries, or a static one, that every machine has.
const sh = "/bin/sh"

// written returns the policy for facts, which has no error, no warning and no finding of high.
func written(t *testing.T, f Facts) *policy.Policy {
	t.Helper()
	text, err := Policy(f)
	if err != nil {
		t.Fatal(err)
	}
	p, ds := policy.Parse("new.yaml", text, policy.Options{Catalog: seccomp.Catalog()})
	if p == nil || len(ds) > 0 {
		t.Fatalf("%v\n%s", ds, text)
	}
	report, err := audit.Policy(p, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Unaccepted(audit.Medium) {
		if f.Severity == audit.High || f.Rule != "C20" { // a server that opens its port by itself needs the host's network
			t.Errorf("%s: %s: %s\n%s", f.Severity, f.Rule, f.Message, text)
		}
	}
	return p
}

func TestGatherFromThisMachine(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{sh, self} {
		f, err := Gather(program, []string{"-x"}, host{})
		if err != nil {
			t.Fatal(err)
		}
		if (f.Loader == "") != (len(f.Libraries) == 0) || f.Loader != "" && !path.IsAbs(f.Loader) {
			t.Errorf("%s: loader %q, libraries %q", program, f.Loader, f.Libraries)
		}
		for _, dir := range f.Libraries {
			if entries, err := filepath.Glob(dir + "/*.so*"); err != nil || len(entries) == 0 {
				t.Errorf("%s: there is no library in %s: %v", program, dir, err)
			}
		}
		written(t, f)
	}
}

func TestGatherScripts(t *testing.T) {
	files := host{"/srv/a": "#!" + sh + " -e -u\nexit\n", "/srv/b": "#!/usr/bin/env -S sh -x\n", "/srv/c": "#! " + sh + "\n"}
	for _, c := range []struct {
		program, interpreter string
		args                 []string
	}{
		{"/srv/a", sh, []string{"-e -u"}}, // the kernel passes one argument
		{"/srv/b", "/usr/bin/sh", []string{"-x"}},
		{"/srv/c", sh, nil},
	} {
		f, err := Gather(c.program, []string{"1"}, files)
		if err != nil || path.Base(f.Interpreter) != path.Base(c.interpreter) || !slices.Equal(f.InterpreterArgs, c.args) {
			t.Errorf("%s: interpreter %q %q, %v", c.program, f.Interpreter, f.InterpreterArgs, err)
			continue
		}
		var command []string
		for _, v := range written(t, f).Modules[0].Command {
			command = append(command, v.V)
		}
		if want := slices.Concat([]string{f.Interpreter}, c.args, []string{c.program, "1"}); !slices.Equal(command, want) {
			t.Errorf("command %q, want %q", command, want)
		}
	}
}

func TestGatherRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		files alone
		want  string
	}{
		{"nothing", alone{}, "not exist"},
		{"text", alone{"/p": "hello"}, "neither an ELF program nor a script"},
		{"an ELF file that ends", alone{"/p": "\x7fELF\x02\x01\x01"}, "EOF"},
		{"no interpreter", alone{"/p": "#!\n"}, "names no interpreter"},
		{"a relative interpreter", alone{"/p": "#!sh\n"}, `"sh" is not an absolute path`},
		{"an interpreter that is not there", alone{"/p": "#!/bin/sh\n"}, "/bin/sh"},
		{"env with variables", alone{"/p": "#!/usr/bin/env -S A=b sh\n"}, "name that program"},
		{"env without a program", alone{"/p": "#!/usr/bin/env -S\n"}, "name that program"},
		{"what env does not find", alone{"/p": "#!/usr/bin/env nothing\n"}, "nothing is in none of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if f, err := Gather("/p", nil, c.files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

// Every daemon that is known makes a policy, whatever the host has of it.
func TestDaemons(t *testing.T) {
	for _, d := range daemons {
		for _, name := range d.names {
			name = strings.Replace(name, "*", "9", 1)
			for _, user := range append(d.user, "") {
				written(t, Facts{Path: "/usr/bin/" + name, Target: "/usr/bin/" + name + ".real", User: user})
			}
		}
	}
	if got := user(alone{"/etc/passwd": "root:x:0:0:\nwww-data:x:33:33:\n"}, []string{"nginx", "www-data"}); got != "www-data" {
		t.Errorf("user %q", got)
	}
	if d := (Facts{Path: "/usr/bin/redis-server", Target: "/usr/bin/redis-check-rdb"}).daemon(); d.network != "host" {
		t.Error("redis-server is not known by its name")
	}
}

// cacheOf writes a loader's cache.
func cacheOf(paths ...string) []byte {
	var entries, strs bytes.Buffer
	base := uint32(cacheHeader + cacheEntry*len(paths))
	for _, p := range paths {
		entry := make([]byte, cacheEntry)
		binary.NativeEndian.PutUint32(entry[cacheName:], base+uint32(strs.Len()))
		strs.WriteString(path.Base(p) + "\x00")
		binary.NativeEndian.PutUint32(entry[cachePath:], base+uint32(strs.Len()))
		strs.WriteString(p + "\x00")
		entries.Write(entry)
	}
	head := make([]byte, cacheHeader)
	copy(head, cacheMagic)
	binary.NativeEndian.PutUint32(head[cacheCount:], uint32(len(paths)))
	return slices.Concat(head, entries.Bytes(), strs.Bytes())
}

func TestParseCache(t *testing.T) {
	for _, before := range []string{"", "ld.so-1.7.0\x00\x00\x00\x00"} {
		got := parseCache(append([]byte(before), cacheOf("/a/liba.so.1", "/b/libb.so", "/c/liba.so.1")...))
		if !slices.Equal(got["liba.so.1"], []string{"/a/liba.so.1", "/c/liba.so.1"}) || len(got) != 2 {
			t.Errorf("%q", got)
		}
	}
}

func FuzzParseCache(f *testing.F) {
	f.Add(cacheOf("/a/liba.so.1"))
	f.Add([]byte(cacheMagic))
	f.Fuzz(func(_ *testing.T, text []byte) { parseCache(text) })
}

// FuzzGather: what a program says of itself leads to a policy that is one, or to an error.
func FuzzGather(f *testing.F) {
	program, err := start(host{}, sh, 16<<10)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Fatal(err)
	}
	f.Add(program)
	f.Add([]byte("#!/usr/bin/env -S sh -x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		facts, err := Gather("/p", nil, alone{"/p": string(text), "/bin/sh": string(program)})
		if err != nil {
			return
		}
		if policyText, err := Policy(facts); err == nil {
			if p, ds := policy.Parse("p.yaml", policyText, policy.Options{Catalog: seccomp.Catalog()}); p == nil {
				t.Fatalf("%v\n%s", ds, policyText)
			}
		}
	})
}
