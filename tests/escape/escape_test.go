package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// place is where the tests run, set once by TestMain.
var place options

// TestMain lets this binary be every role of the command: the attacks are made by copies of it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(dispatch(os.Args[1:]))
	}
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "escape:", err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return 1, err
	}
	place = options{root: root, user: "games", supervisor: os.Getenv("BULKHEAD_BIN")}
	if place.supervisor != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "bulkhead-escape-test-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return 1, err
	}
	place.supervisor = filepath.Join(dir, "supervisor")
	build := exec.Command("go", "build", "-tags", "netgo osusergo", "-ldflags", `-s -w -linkmode external -extldflags "-static"`, "-o", place.supervisor, "./cmd/supervisor")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=1")
	if text, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the supervisor: %w\n%s", err, text)
	}
	return m.Run(), nil
}

// newTestStage makes a stage, and removes it at the end of the test.
func newTestStage(t *testing.T) *stage {
	t.Helper()
	if err := static("/proc/self/exe"); err != nil {
		t.Skip(err) // as with -race, which needs the C library
	}
	s, err := newStage(place.supervisor, place.root, place.user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.close(), s.leftovers()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// short are attacks that stand for their families, and are made in every run of the tests. `make escape` makes all. Not among them is what counts
// the processes of a user (RLIMIT_NPROC): other tests have some of the same user's at the same time.
const short = "int80,high-bits-ioctl,unshare-newuser,io_uring-mkdir,process_vm_readv,filter-listener,memfd-execveat,pkey_mprotect-x,leaked-directory," +
	"proc-self-exe,mount-tmpfs,mknod-whiteout,read-hidden,setxattr-read-only,setuid-program,capset,memory-pipes,tiocsti,abstract-socket," +
	"kill,message-queue,userfaultfd,drop_caches"

func TestAttacksAreBlocked(t *testing.T) {
	s := newTestStage(t)
	list, err := choose(short)
	if err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, a := range list {
		t.Run(a.name, func(t *testing.T) {
			e := s.one(&a)
			if !e.counts() {
				t.Skip(e.NA)
			}
			counted++
			if !e.blocked() {
				t.Errorf("outside %s, under %s %s, want %s; with the layer open %s: %s", e.Outside, e.Policy, e.Inside, e.Want, e.Opened, e.Detail)
			}
		})
	}
	if counted < len(list)/2 {
		t.Errorf("%d of %d attacks count", counted, len(list))
	}
}

// TestPlantedHole: under a policy that opens the layer which stops an attack, the attack is reported, and the command fails. The attacks
// are blocked under their own policies, so it is the hole that is seen.
func TestPlantedHole(t *testing.T) {
	s := newTestStage(t)
	for _, c := range []struct{ attack, hole string }{
		{"io_uring-mkdir", "ring"},  // the filter denies the call and leaves rings
		{"high-bits-ioctl", "open"}, // nothing is denied
		{"setpriority", "hostpid"},  // no pid namespace
		{"udp-loopback", "hostnet"}, // no network namespace
		{"clone-newns", "powers"},   // a capability
		{"tmpfs-fill", "open"},      // more room
	} {
		t.Run(c.attack, func(t *testing.T) {
			list, err := choose(c.attack)
			if err != nil {
				t.Fatal(err)
			}
			a := list[0]
			sound := s.one(&a)
			a.policy, a.opens = c.hole, ""
			holed := s.one(&a)
			var out strings.Builder
			if show(&out, []*report{{Who: way(), Rows: []entry{sound}}}) == false {
				t.Errorf("under its own policy:\n%s", out.String())
			}
			out.Reset()
			if show(&out, []*report{{Who: way(), Rows: []entry{holed}}}) {
				t.Error("with the hole all is said to be blocked")
			}
			for _, want := range []string{"NOT BLOCKED", "figure: attacks_total 1\n", "figure: attacks_blocked 0\n"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, out.String())
				}
			}
		})
	}
}

// TestTable: each attack has a name of its own, says where it comes from and what stops it, and is made under a policy that is there.
func TestTable(t *testing.T) {
	names, families := map[string]bool{}, map[string]bool{}
	for _, a := range attacks() {
		if names[a.name] {
			t.Errorf("there are two attacks %s", a.name)
		}
		names[a.name], families[a.family] = true, true
		if a.source == "" || a.layer == "" || a.want == "" || a.family == "" || a.try == nil {
			t.Errorf("%s is not complete: %+v", a.name, a)
		}
		if strings.ContainsAny(a.name+a.family, "\t,=") || strings.Contains(a.source, "…") {
			t.Errorf("%s: a character that is not for names, or a source that is none: %s", a.name, a.source)
		}
		for _, policy := range []string{a.policy, a.opens} {
			if policy == "" {
				continue
			}
			_, own := os.Stat(filepath.Join("testdata", policy+".yaml"))
			_, ships := os.Stat(filepath.Join("../../policies", policy+".yaml"))
			if (own == nil) == (ships == nil) {
				t.Errorf("%s: %s is a policy of ours: %t, and ships: %t; want one", a.name, policy, own == nil, ships == nil)
			}
		}
	}
	if len(names) < 40 || len(families) < 15 {
		t.Errorf("%d attacks in %d families", len(names), len(families))
	}
}

// TestShowFiles: what --report has printed, in two places, is one table; and a run that came to no end is no success.
func TestShowFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good", `{"who":"root","kernel":"6.1","rows":[{"name":"a","family":"f","outside":"ok","inside":"EPERM","want":"EPERM"}]}`)
	through := write("through", `{"who":"user","kernel":"6.1","rows":[{"name":"a","family":"f","outside":"ok","inside":"ok","want":"EPERM"}]}`)
	cut := write("cut", `{"who":"root","ro`)
	for _, c := range []struct {
		name   string
		files  []string
		status int
		want   string // in the output or in the error
	}{
		{"blocked", []string{good}, 0, "figure: attacks_blocked 1\n"},
		{"not in both", []string{good, through}, 1, "figure: attacks_blocked 0\n"},
		{"one that came to no end", []string{good, cut}, 1, "came to no end"},
		{"one that is not there", []string{good, dir + "/none"}, 1, "no such file"},
		{"none at all", nil, 1, "figure: attacks_total 0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			status, err := command(append([]string{"--show"}, c.files...), &out)
			if said := fmt.Sprint(out.String(), err); status != c.status || !strings.Contains(said, c.want) {
				t.Errorf("status %d, want %d:\n%s\nwant %q", status, c.status, said, c.want)
			}
		})
	}
}

func TestCount(t *testing.T) {
	blocked := func(name string) entry { return entry{Name: name, Outside: "ok", Inside: "EPERM", Want: "EPERM"} }
	through := func(name string) entry { return entry{Name: name, Outside: "ok", Inside: "ok", Want: "EPERM"} }
	na := func(name string) entry { return entry{Name: name, NA: "it is not there"} }
	proved := func(name string) entry { e := blocked(name); e.Opened = "ok"; return e }
	unproved := func(name string) entry { e := blocked(name); e.Opened = "EPERM"; return e }
	for _, c := range []struct {
		name                                   string
		root, user                             []entry
		total, wantBlocked, wantNA, wantProved int
	}{
		{"nothing", nil, nil, 0, 0, 0, 0},
		{"once in both runs", []entry{blocked("a")}, []entry{blocked("a")}, 1, 1, 0, 0},
		{"through in one", []entry{blocked("a")}, []entry{through("a")}, 1, 0, 0, 0},
		{"through in the other", []entry{through("a")}, []entry{blocked("a")}, 1, 0, 0, 0},
		{"counts in one", []entry{blocked("a")}, []entry{na("a")}, 1, 1, 0, 0},
		{"through where it counts", []entry{through("a")}, []entry{na("a")}, 1, 0, 0, 0},
		{"counts nowhere", []entry{na("a")}, []entry{na("a")}, 0, 0, 1, 0},
		{"the layer is proved", []entry{proved("a")}, []entry{proved("a"), blocked("b")}, 2, 2, 0, 1},
		{"the layer is another one", []entry{unproved("a")}, nil, 1, 0, 0, 0},
		{"another errno", []entry{{Name: "a", Outside: "ok", Inside: "ENOENT", Want: "EPERM"}}, nil, 1, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			total, blocked, na, proved := count([]*report{{Rows: c.root}, {Rows: c.user}})
			if total != c.total || blocked != c.wantBlocked || na != c.wantNA || proved != c.wantProved {
				t.Errorf("%d %d %d %d", total, blocked, na, proved)
			}
		})
	}
}

func TestAnswerIn(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       outcome
		ok         bool
	}{
		{"nothing", "", outcome{}, false},
		{"other output", "hello\nescape: no\n", outcome{}, false},
		{"an answer", marker + "\tEPERM\topen\n", outcome{"EPERM", "open"}, true},
		{"without detail", "x\n" + marker + "\tok\t\n", outcome{"ok", ""}, true},
		{"the last one", marker + "\tEPERM\ta\n" + marker + "\tok\tb\n", outcome{"ok", "b"}, true},
		{"cut off", marker, outcome{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := answerIn(c.text); got != c.want || ok != c.ok {
				t.Errorf("%v %t, want %v %t", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestChooseRefusesWhatIsNotThere(t *testing.T) {
	if _, err := choose("int80,int81"); err == nil || !strings.Contains(err.Error(), "int81") {
		t.Errorf("%v", err)
	}
	list, err := choose("W^X,int80")
	if err != nil || len(list) != 12 {
		t.Errorf("%d attacks, %v", len(list), err)
	}
}

// TestStaticTells looks at programs of both kinds, so that newTestStage does not skip for no reason.
func TestStaticTells(t *testing.T) {
	if err := static(place.supervisor); err != nil {
		t.Errorf("the supervisor: %v", err)
	}
	shell, err := elf.Open("/bin/sh")
	if err != nil {
		t.Fatal(err) // every system of this kind has it
	}
	_ = shell.Close()
	if static("/bin/sh") == nil {
		t.Error("/bin/sh of a distribution needs a loader, and is said not to")
	}
}
