package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// paper is a version 2 hierarchy made of ordinary files, for hosts whose own version 2 has no controllers. It knows
// the rules that the search for a place depends on: a new group has the controllers that the one above hands down, a
// group with processes of its own hands none down unless it is the root, and a group is removed with its files. What the
// kernel does with the values, it does not know.
type paper struct {
	*linux.Kernel
	root string
	open map[posix.FD]string
	// threaded are groups that handed thread controllers down while they had processes.
	threaded map[string]bool
}

const offered = "cpuset cpu io memory pids"

func newPaper(t *testing.T) *paper {
	t.Helper()
	p := &paper{Kernel: linux.New(), root: t.TempDir(), open: map[posix.FD]string{}, threaded: map[string]bool{}}
	p.fill(p.root, offered)
	p.set(t, "/cgroup.subtree_control", offered)
	return p
}

func (p *paper) fill(dir, controllers string) {
	for file, text := range map[string]string{
		"cgroup.controllers": controllers, "cgroup.subtree_control": "", "cgroup.procs": "", "cgroup.events": "populated 0",
		"memory.max": "max", "memory.swap.max": "max", "memory.events": "oom_kill 0", "pids.max": "max", "cpu.max": "max 100000",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
	if dir != p.root {
		kind := "domain"
		if p.threaded[filepath.Dir(dir)] {
			kind = "domain invalid"
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.type"), []byte(kind), 0o600); err != nil {
			panic(err)
		}
	}
}

// group makes a group like an administrator would, whatever our own rules say.
func (p *paper) group(t *testing.T, path, subtree string, pids ...string) {
	t.Helper()
	if err := os.Mkdir(p.root+path, 0o755); err != nil {
		t.Fatal(err)
	}
	p.fill(p.root+path, p.text(filepath.Dir(p.root+path)+"/cgroup.subtree_control"))
	p.set(t, path+"/cgroup.subtree_control", subtree)
	p.set(t, path+"/cgroup.procs", strings.Join(pids, "\n"))
}

func (p *paper) set(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(p.root+path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *paper) text(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (p *paper) facts(group string) host.Facts {
	return host.Facts{Cgroup: host.CgroupFacts{V2: host.Hierarchy{
		Version: 2, Mount: p.root, Group: group, Dir: strings.TrimSuffix(p.root+group, "/"), Controllers: all}}}
}

func (p *paper) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if strings.HasPrefix(filepath.Base(path), "cgroup.") { // lists, to which what is written is added
		how.Flags &^= unix.O_TRUNC
	}
	if strings.HasSuffix(path, "/cgroup.subtree_control") { // what is written there reads back without signs
		if text, err := os.ReadFile(path); err == nil {
			_ = os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "+", "")), 0)
		}
	}
	fd, err := p.Kernel.Openat2(dir, path, how)
	if err == nil {
		p.open[fd] = path
	}
	return fd, err
}

func (p *paper) Mkdirat(dir posix.FD, path string, mode uint32) error {
	var st posix.Stat
	if err := p.Kernel.Fstatat(dir, filepath.Dir(path), &st, 0); err != nil || st.Mode&0o200 == 0 {
		return errors.Join(err, unix.EACCES)
	}
	err := p.Kernel.Mkdirat(dir, path, mode)
	if err == nil {
		p.fill(path, p.text(filepath.Dir(path)+"/cgroup.subtree_control"))
	}
	return err
}

func (p *paper) Unlinkat(dir posix.FD, path string, flags int) error {
	if names, _ := subdirectories(p.Kernel, path); len(names) > 0 || p.processes(path) != "" {
		return unix.EBUSY
	}
	return os.RemoveAll(path)
}

func (p *paper) processes(dir string) string {
	text, _ := os.ReadFile(dir + "/cgroup.procs")
	return strings.TrimSpace(string(text))
}

func (p *paper) Write(fd posix.FD, data []byte) (int, error) {
	path := p.open[fd]
	dir, now := filepath.Dir(path), ""
	switch filepath.Base(path) {
	case "cgroup.subtree_control":
		if dir != p.root && p.processes(dir) != "" && data[0] == '+' {
			if strings.Contains(string(data), "memory") {
				return 0, unix.EBUSY
			}
			p.threaded[dir] = true
			below, _ := filepath.Glob(dir + "/*/cgroup.type")
			for _, child := range below {
				if err := os.WriteFile(child, []byte("domain invalid"), 0); err != nil {
					return 0, err
				}
			}
		}
		below, _ := filepath.Glob(dir + "/*/cgroup.subtree_control")
		for _, child := range below {
			if data[0] == '-' && p.text(child) != "" { // close enough: every test uses the same controllers at all levels
				return 0, unix.EBUSY
			}
		}
		on := strings.Fields(p.text(path))
		for name := range strings.FieldsSeq(string(data)) {
			on = slices.DeleteFunc(on, func(s string) bool { return s == name[1:] })
			if name[0] == '+' {
				on = append(on, name[1:])
			}
		}
		now = strings.Join(on, " ")
	case "cgroup.procs":
		if dir != p.root && p.text(dir+"/cgroup.subtree_control") != "" {
			return 0, unix.EBUSY
		}
		p.leave(string(data))
		now = string(data)
	default:
		return p.Kernel.Write(fd, data)
	}
	return len(data), os.WriteFile(path, []byte(now), 0)
}

// leave takes a process out of the group it is in.
func (p *paper) leave(pid string) {
	_ = filepath.WalkDir(p.root, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "cgroup.procs" {
			pids := slices.DeleteFunc(strings.Fields(p.text(path)), func(s string) bool { return s == pid })
			return os.WriteFile(path, []byte(strings.Join(pids, "\n")), 0)
		}
		return err
	})
}

func TestPlaceOnVersion2(t *testing.T) {
	self := itoa(os.Getpid())
	limits := []policy.Resource{{Key: "memory.max", Limit: 1 << 24}, {Key: "pids.max", Limit: 9}, {Key: "cpu.max", Limit: 30_000}}
	for _, test := range []struct {
		name   string
		want   host.ControllerSet
		make   func(t *testing.T, p *paper)
		group  string // of the supervisor
		place  string // where its groups are to be made
		leaf   bool   // it has to move itself
		refuse string
	}{
		{"root group", all, func(*testing.T, *paper) {}, "/", "", false, ""},
		{"no limits, own group with others", 0, func(t *testing.T, p *paper) { p.group(t, "/shell", "", "1", self) }, "/shell", "/shell", false, ""},
		{"delegated, alone", all, func(t *testing.T, p *paper) { p.group(t, "/svc", "", self) }, "/svc", "/svc", true, ""},
		{"delegated, alone, a controller of threads", host.Pids, func(t *testing.T, p *paper) { p.group(t, "/svc", "", self) }, "/svc", "/svc", true, ""},
		{"threaded", host.Pids, func(t *testing.T, p *paper) {
			p.group(t, "/svc", "pids", self)
			p.threaded[p.root+"/svc"] = true
			if err := os.Chmod(p.root, 0o555); err != nil {
				t.Fatal(err)
			}
		}, "/svc", "", false, `groups in it are of the type "domain invalid"`},
		{"delegated, already handed down", all, func(t *testing.T, p *paper) { p.group(t, "/svc", "memory pids cpu") }, "/svc", "/svc", false, ""},
		{"session among slices", host.Memory | host.Pids, func(t *testing.T, p *paper) {
			p.group(t, "/user", "memory pids")
			p.group(t, "/user/session", "", "1", self)
		}, "/user/session", "/user", false, ""},
		{"slice that hands too little down", all, func(t *testing.T, p *paper) {
			p.group(t, "/user", "memory")
			p.group(t, "/user/session", "", "1", self)
		}, "/user/session", "", false, ""}, // past it, to the root
		{"ordinary user among others", host.Pids, func(t *testing.T, p *paper) {
			p.group(t, "/user", "pids")
			p.group(t, "/user/session", "", "1", self)
			for _, dir := range []string{"", "/user"} {
				if err := os.Chmod(p.root+dir, 0o555); err != nil {
					t.Fatal(err)
				}
			}
		}, "/user/session", "", false, "while processes other than the supervisor are in it"},
		{"nothing may be written", host.Pids, func(t *testing.T, p *paper) {
			p.group(t, "/session", "", self)
			for _, dir := range []string{"", "/session"} {
				if err := os.Chmod(p.root+dir, 0o555); err != nil {
					t.Fatal(err)
				}
			}
		}, "/session", "", false, "/session: the group cannot be written"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPaper(t)
			test.make(t, p)
			t.Cleanup(func() { p.writable(t) })
			before := p.snapshot(t)
			r, err := Open(p, p.facts(test.group), Options{Controllers: test.want})
			if test.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), test.refuse) || !strings.Contains(err.Error(), "systemd-run") {
					t.Errorf("got %v, want %q", err, test.refuse)
				}
				if diff := cmp.Diff(before, p.snapshot(t)); diff != "" {
					t.Errorf("a refusal changed the host: %s", diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := r.places[0]; got.base != p.root+test.place || (got.leaf != "") != test.leaf {
				t.Errorf("place %s, leaf %q; want %s, %v", got.base, got.leaf, p.root+test.place, test.leaf)
			}
			p.checkControllers(t, r, test.want)
			if Controllers(limits...)&^test.want == 0 {
				p.checkLimits(t, r, limits)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(before, p.snapshot(t)); diff != "" {
				t.Errorf("closing did not restore the host: %s", diff)
			}
		})
	}
}

// checkControllers has an instance without limits, which has all controllers, and no others.
func (p *paper) checkControllers(t *testing.T, r *Root, want host.ControllerSet) {
	t.Helper()
	i, err := r.Instance("plain", "0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := host.ParseControllers(p.text(i.Dirs()[0].Path + "/cgroup.controllers")); got != want {
		t.Errorf("an instance without limits has the controllers %s, want %s", got, want)
	}
	if err := i.Remove(); err != nil {
		t.Error(err)
	}
}

func (p *paper) checkLimits(t *testing.T, r *Root, limits []policy.Resource) {
	t.Helper()
	i, err := r.Instance("web", "0", limits)
	if err != nil {
		t.Fatal(err)
	}
	dir := i.Dirs()[0].Path
	for file, want := range map[string]string{"memory.max": "16777216", "memory.swap.max": "0", "pids.max": "9", "cpu.max": "30000 100000"} {
		if got := p.text(dir + "/" + file); got != want {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
	}
	if !i.SwapLimited() {
		t.Error("swap is not limited")
	}
	if err := i.Remove(); err != nil {
		t.Error(err)
	}
}

// writable makes all directories writable again, so that they can be removed.
func (p *paper) writable(t *testing.T) {
	err := filepath.WalkDir(p.root, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// snapshot returns the directories with what tells them apart.
func (p *paper) snapshot(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(p.root, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			all[strings.TrimPrefix(path, p.root)] = p.text(path+"/cgroup.subtree_control") + ":" + p.processes(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMismatch: a hierarchy that takes a value and keeps another is caught by reading back.
func TestMismatch(t *testing.T) {
	p := newPaper(t)
	r, err := Open(p, p.facts("/"), Options{Controllers: host.Pids})
	if err != nil {
		t.Fatal(err)
	}
	dir := p.root + "/" + r.top + "/web/0"
	if err := p.Mkdirat(posix.AtFDCWD, filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	i := &Instance{root: r, module: r.top + "/web", rel: r.top + "/web/0"}
	if err := i.makeIn(r.places[0]); err != nil {
		t.Fatal(err)
	}
	limit := policy.Resource{Key: "pids.max", Limit: 5}
	if err := r.write(r.places[0], dir, []policy.Resource{limit}); err != nil {
		t.Fatal(err)
	}
	if err := verify(p, dir, place{Hierarchy: host.Hierarchy{Version: 2}, swap: false}, limit); err != nil {
		t.Error(err)
	}
	p.set(t, strings.TrimPrefix(dir, p.root)+"/pids.max", "max")
	var mismatch *MismatchError
	if err := verify(p, dir, place{Hierarchy: host.Hierarchy{Version: 2}, swap: false}, limit); !errors.As(err, &mismatch) || mismatch.Got != "max" || mismatch.Want != "5" {
		t.Errorf("got %v", err)
	}
}

func TestChoose(t *testing.T) {
	v2 := host.Hierarchy{Version: 2, Mount: "/cg/unified"}
	memory := host.Hierarchy{Version: 1, Mount: "/cg/memory", Controllers: host.Memory}
	joint := host.Hierarchy{Version: 1, Mount: "/cg/joint", Controllers: host.Pids | host.CPU}
	v1 := host.CgroupFacts{Memory: memory, Pids: joint, CPU: joint}
	hybrid := v1
	hybrid.V2 = v2
	full := hybrid
	full.V2.Controllers = all
	for _, test := range []struct {
		name string
		f    host.CgroupFacts
		want host.ControllerSet
		got  string
	}{
		{"version 2 only", full, all, "/cg/unified{memory, pids, cpu}"},
		{"no limits", full, 0, "/cg/unified∅"},
		{"hybrid", hybrid, all, "/cg/unified∅ /cg/memory{memory} /cg/joint{pids, cpu}"},
		{"version 1", v1, host.Pids | host.CPU, "/cg/joint{pids, cpu}"},
		{"version 1, no limits", v1, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			places, err := choose(test.f, test.want)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range places {
				got = append(got, p.Mount+p.controllers.String())
			}
			if strings.Join(got, " ") != test.got {
				t.Errorf("got %q, want %q", got, test.got)
			}
		})
	}
}
