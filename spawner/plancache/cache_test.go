package plancache

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/source"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func TestPlanIsUsedAgain(t *testing.T) {
	b, dir := newBed(t)
	b.asks = []string{"f" + dir, "h/bin/true", "unobody", "gnogroup"}
	var log bytes.Buffer
	b.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	first := b.expect(false, "no entry")
	kept, err := os.ReadFile(b.entry())
	must(t, err)
	for range 3 {
		if again := b.expect(true, ""); !reflect.DeepEqual(again, first) {
			t.Fatalf("%+v\nwant\n%+v", again, first)
		}
	}
	now, err := os.ReadFile(b.entry())
	must(t, err)
	if !bytes.Equal(now, kept) {
		t.Error("using an entry changed it")
	}
	for _, want := range []string{`msg="plan compiled" why="there is no entry`, `msg="plan taken from the cache"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log.String())
		}
	}
	for _, path := range []string{b.Dir, filepath.Dir(b.Dir)} {
		if st, err := os.Stat(path); err != nil || st.Mode() != os.ModeDir|0o700 {
			t.Errorf("%s: %v %v", path, st.Mode(), err)
		}
	}
}

// TestIncludedFiles: a plan rests on the files that its policy includes, and on who may write them.
func TestIncludedFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(path string) error
	}{
		{"another text", func(path string) error { return os.WriteFile(path, []byte("version: 1 # changed\n"), 0o644) }},
		{"others may write to it", func(path string) error { return os.Chmod(path, 0o666) }},
		{"it is gone", os.Remove},
		{"a link to a file with the same text elsewhere", func(path string) error {
			other := filepath.Join(filepath.Dir(path), "d")
			to := filepath.Join(other, "x.yaml")
			return errors.Join(os.Mkdir(other, 0o755), os.Rename(path, to), os.Symlink(to, path))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, dir := newBed(t)
			path := filepath.Join(dir, "base.yaml")
			must(t, os.WriteFile(path, []byte("version: 1\n"), 0o644))
			must(t, os.Chmod(path, 0o644))
			b.asks = []string{"p" + path}
			b.request.Include = func(path string) (source.File, error) {
				f, _, err := source.OpenFile(b.kernel, path, source.Trust{Owners: []posix.UID{0, posix.UID(os.Geteuid())}})
				return f, err
			}
			b.expect(false, "no entry")
			b.expect(true, "")
			must(t, c.change(path))
			b.expect(false, "an answer about the host changed")
			b.expect(true, "")
		})
	}
}

func TestNothingIsKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b *bed)
		why    string
	}{
		{"without a directory", func(b *bed) { b.Dir = "" }, "there is no cache"},
		{"with errors in the plan", func(b *bed) { b.plan = errorPlan }, "no entry"},
		{"when the plan is too large", func(b *bed) {
			b.plan = func(n int) wire.Plan {
				p := somePlan(n)
				p.Rendered = strings.Repeat("x", MaxEntry)
				return p
			}
		}, "no entry"},
		{"when it rests on too much", func(b *bed) {
			b.run = func(k compile.Parent, l *launch.Launcher, req compile.Request) (wire.Plan, compile.Record, error) {
				plan, r, err := b.play(k, l, req)
				r.Truncated = true
				return plan, r, err
			}
		}, "no entry"},
		{"when writing fails", func(b *bed) { b.kernel.failWrite = unix.ENOSPC }, "no entry"},
		{"when the program cannot be looked at", func(b *bed) {
			b.identify = func(posix.Files, string) (Program, error) { return Program{}, unix.EACCES }
		}, "permission denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := newBed(t)
			c.change(b)
			b.expect(false, c.why)
			b.expect(false, c.why)
			if names, _ := os.ReadDir(filepath.Dir(b.Dir)); b.Dir != "" && len(names) > 0 {
				if names, err := os.ReadDir(b.Dir); err != nil || len(names) != 0 {
					t.Errorf("left: %v %v", names, err)
				}
			}
		})
	}
}

func TestErrorsOfTheCompilerComeBack(t *testing.T) {
	b, _ := newBed(t)
	want := errors.New("it crashed")
	b.run = func(compile.Parent, *launch.Launcher, compile.Request) (wire.Plan, compile.Record, error) {
		return wire.Plan{}, compile.Record{}, want
	}
	if _, _, err := b.Compile(b.kernel, nil, b.request); !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
}

// TestChanges changes everything that a plan depends on, one after the other.
func TestChanges(t *testing.T) {
	program := func(change func(*Program)) func(*testing.T, *bed, string) {
		return func(_ *testing.T, b *bed, _ string) { change(&b.program) }
	}
	request := func(change func(*compile.Request)) func(*testing.T, *bed, string) {
		return func(_ *testing.T, b *bed, _ string) { change(&b.request) }
	}
	uname := func(change func(*posix.Utsname)) func(*testing.T, *bed, string) {
		return func(_ *testing.T, b *bed, _ string) { b.kernel.uname = change }
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, b *bed, dir string)
		why    string
	}{
		{"a byte of the policy", request(func(r *compile.Request) { r.Sources[0].Text = []byte("version: 2\n") }), "no entry"},
		{"an included file more", request(func(r *compile.Request) { r.Sources = append(r.Sources, compile.Source{Name: "b.yaml"}) }), "no entry"},
		{"the policy's directory", request(func(r *compile.Request) { r.Sources[0].Dir = "/etc" }), "no entry"},
		{"the command", request(func(r *compile.Request) { r.Command = []string{"/bin/false"} }), "no entry"},
		{"an argument", request(func(r *compile.Request) { r.Command = append(r.Command, "-x") }), "no entry"},
		{"the module", request(func(r *compile.Request) { r.Module = "web" }), "no entry"},
		{"the terminal", request(func(r *compile.Request) { r.Terminal = true }), "no entry"},
		{"the environment", request(func(r *compile.Request) { r.Environment = []string{"TERM=x"} }), "no entry"},
		{"run, not exec", request(func(r *compile.Request) { r.Exec = false }), "no entry"},
		{"the path of the supervisor", request(func(r *compile.Request) { r.Variables = map[string]string{"SUPERVISOR": "/x"} }), "no entry"},
		{"the user", request(func(r *compile.Request) { r.Facts.EUID = 1000 }), "no entry"},
		{"the user namespace", request(func(r *compile.Request) { r.Facts.UserNS.Initial = true }), "no entry"},
		{"the version of Landlock", request(func(r *compile.Request) { r.Facts.Landlock.ABI = 7 }), "no entry"},
		{"the control groups", request(func(r *compile.Request) { r.Facts.Cgroup.Pids.Mount = "/x" }), "no entry"},
		{"the capabilities", request(func(r *compile.Request) { r.Facts.Capabilities.Effective = 1 }), "no entry"},
		{"the kernel's release", uname(func(u *posix.Utsname) { u.Release += "x" }), "no entry"},
		{"the kernel's build", uname(func(u *posix.Utsname) { u.Version += "x" }), "no entry"},
		{"the machine", uname(func(u *posix.Utsname) { u.Machine = "x" }), "no entry"},
		{"the program's version", program(func(p *Program) { p.Version = "2" }), "no entry"},
		{"the program's device", program(func(p *Program) { p.Stat.Dev++ }), "no entry"},
		{"the program's inode", program(func(p *Program) { p.Stat.Ino++ }), "no entry"},
		{"the program's size", program(func(p *Program) { p.Stat.Size++ }), "no entry"},
		{"the program's mtime", program(func(p *Program) { p.Stat.Mtime.Nsec++ }), "no entry"},
		{"the program's ctime", program(func(p *Program) { p.Stat.Ctime.Nsec++ }), "no entry"},
		{"a bind source becomes a link", func(t *testing.T, _ *bed, dir string) {
			must(t, os.Rename(dir+"/source", dir+"/elsewhere"))
			must(t, os.Symlink("elsewhere", dir+"/source"))
		}, "changed"},
		{"a bind source becomes a file", func(t *testing.T, _ *bed, dir string) {
			must(t, os.Remove(dir+"/source"))
			must(t, os.WriteFile(dir+"/source", nil, 0o755))
		}, "changed"},
		{"a bind source goes", func(t *testing.T, _ *bed, dir string) { must(t, os.Remove(dir+"/source")) }, "changed"},
		{"a link on the way leads elsewhere", func(t *testing.T, _ *bed, dir string) {
			must(t, os.Remove(dir+"/up"))
			must(t, os.Symlink("other", dir+"/up"))
		}, "changed"},
		{"the mode of a bind source", func(t *testing.T, _ *bed, dir string) { must(t, os.Chmod(dir+"/source", 0o700)) }, "changed"},
		{"what was not there is", func(t *testing.T, _ *bed, dir string) { must(t, os.Mkdir(dir+"/missing", 0o755)) }, "changed"},
		{"the interpreter in a script", func(t *testing.T, _ *bed, dir string) {
			must(t, os.WriteFile(dir+"/script", []byte("#!/bin/ash\n"), 0o755))
		}, "changed"},
		{"the loader in a program", func(t *testing.T, _ *bed, dir string) {
			must(t, os.WriteFile(dir+"/program", bytes.Replace(elf(t), []byte("/lib"), []byte("/l1b"), 1), 0o755))
		}, "changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, dir := newBed(t)
			must(t, os.Mkdir(dir+"/source", 0o755))
			must(t, os.MkdirAll(dir+"/first/deep", 0o755))
			must(t, os.MkdirAll(dir+"/other/deep", 0o755))
			must(t, os.Symlink("first", dir+"/up"))
			must(t, os.WriteFile(dir+"/script", []byte("#!/bin/sh\n"), 0o755))
			must(t, os.WriteFile(dir+"/program", elf(t), 0o755))
			b.asks = []string{"f" + dir + "/source", "f" + dir + "/up/deep", "f" + dir + "/missing", "h" + dir + "/script", "h" + dir + "/program", "uroot"}
			b.expect(false, "no entry")
			b.expect(true, "")
			c.change(t, b, dir)
			b.expect(false, c.why)
			b.expect(true, "") // and that is kept again
		})
	}
}

// elf returns the beginning of a program of this machine with a loader.
func elf(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("/bin/true")
	must(t, err)
	if data = data[:4096]; !bytes.Contains(data, []byte("/lib")) {
		t.Fatal("/bin/true names no loader")
	}
	return data
}

// TestUserChanges plays a user database that said something else when the plan was made: another number, another group.
func TestUserChanges(t *testing.T) {
	for _, c := range []struct {
		name, ask string
	}{{"the user's number", "uroot"}, {"the group's number", "groot"}, {"a user that did not exist", "uno-such-user"}} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := newBed(t)
			b.asks = []string{c.ask}
			b.forge = func(_, answer []byte) []byte {
				forged := bytes.Clone(answer)
				forged[len(forged)-8] ^= 1 // the low byte of the group, the last field
				return forged
			}
			b.expect(false, "no entry")
			b.expect(false, "changed")
			b.forge = nil
			b.expect(false, "changed")
			b.expect(true, "")
		})
	}
}

// TestSlowHost has a file system that does not answer: the look into the cache is given up, and the compiler asks for itself.
func TestSlowHost(t *testing.T) {
	b, dir := newBed(t)
	b.asks = []string{"f" + dir}
	b.expect(false, "no entry")
	var once sync.Once
	asked, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b.kernel.onStat = func() {
		hang := false
		once.Do(func() { hang = true })
		if hang {
			close(asked)
			<-release
			defer close(left)
		}
	}
	b.Timeout = 50 * time.Millisecond
	b.expect(false, "too long: 50ms")
	<-asked
	close(release)
	<-left
	b.Timeout = 0
	b.expect(true, "")
}

// TestManyAtOnce: supervisors that start at the same time write the same entry.
func TestManyAtOnce(t *testing.T) {
	b, _ := newBed(t)
	b.run = func(k compile.Parent, l *launch.Launcher, req compile.Request) (wire.Plan, compile.Record, error) {
		p := somePlan(1)
		return p, compile.Record{Plan: p.Encode()}, nil
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, _, err := b.Compile(b.kernel, nil, b.request); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b.entry()
	b.expect(true, "")
}
