package derive

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
)

// analyzed loads a package below testdata.
func analyzed(t *testing.T, name string, o *Observation) *Report {
	t.Helper()
	p, err := Load("./testdata/"+name, Options{Tags: []string{"netgo", "osusergo"}, Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Analyze(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Report) names(which func(Operation) bool) (out []string) {
	for _, op := range r.Operations {
		if which(op) {
			out = append(out, op.Name)
		}
	}
	return out
}

func TestAnalyze(t *testing.T) {
	for _, c := range []struct {
		name      string
		declared  int // how many
		reachable []string
		libraries string // calls that are made aside, among others
	}{
		{"narrow", 2 + inInterfaces("Clock"), []string{"read"}, ""},
		{"values", inInterfaces("Files") + inInterfaces("Clock") + inInterfaces("Processes"),
			[]string{"clock_gettime", "close", "getpid", "read", "write"}, ""},
		{"library", inInterfaces("Files"), []string{"openat2"}, ""},
		{"concrete", 1, []string{"getpid"}, ""},
		{"layers", inInterfaces("Memory"), []string{"memfd_create"}, ""},
		{"aside", inInterfaces("Clock"), []string{"clock_gettime"}, "chroot sync sethostname"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := analyzed(t, c.name, nil)
			if got := r.names(func(o Operation) bool { return o.Reachable }); !slices.Equal(got, c.reachable) {
				t.Errorf("reachable: %v, want %v", got, c.reachable)
			}
			if got := r.names(func(o Operation) bool { return o.Declared }); len(got) != c.declared {
				t.Errorf("%d operations are declared, want %d: %v", len(got), c.declared, got)
			}
			for _, o := range r.Operations {
				if o.Reachable && !o.Declared {
					t.Errorf("%s is reachable and not declared", o.Name)
				}
			}
			for call := range strings.FieldsSeq(c.libraries) {
				if !slices.ContainsFunc(r.Libraries, func(a Alongside) bool { return a.Call == call }) {
					t.Errorf("%s is made aside and not found: %+v", call, r.Libraries)
				}
			}
			if unknown := strings.Contains(strings.Join(r.Notes, "\n"), "number is not a constant: "); unknown != (c.name == "aside") {
				t.Errorf("notes: %q", r.Notes)
			}
		})
	}
}

// inInterfaces returns how many operations a narrow interface has.
func inInterfaces(name string) (n int) {
	for _, op := range posix.Ops() {
		if op.Interface() == name {
			n++
		}
	}
	return n
}

func TestObserved(t *testing.T) {
	t.Parallel()
	r := analyzed(t, "narrow", &Observation{Name: "r", Arch: "amd64", Calls: map[posix.Op]int{posix.OpRead: 7}})
	if got := r.names(func(o Operation) bool { return o.Observed == 7 }); !slices.Equal(got, []string{"read"}) {
		t.Errorf("observed: %v", got)
	}
	p, err := Load("./testdata/narrow", Options{Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Observation{
		{Name: "close is declared, and nothing calls it", Arch: "amd64", Calls: map[posix.Op]int{posix.OpClose: 1}},
		{Name: "another machine", Arch: "arm64", Calls: map[posix.Op]int{posix.OpRead: 1}},
	} {
		if _, err := p.Analyze(o); !errors.Is(err, ErrRecording) {
			t.Errorf("%s: error %v", o.Name, err)
		}
	}
}

func TestAnotherArchitecture(t *testing.T) {
	t.Parallel()
	p, err := Load("./testdata/aside", Options{Arch: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Analyze(nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Allow(Reachable)
	if err != nil {
		t.Fatal(err)
	}
	if all := list.All(); slices.Contains(all, "arch_prctl") || !slices.Contains(all, "chroot") || !slices.Contains(all, "sync") {
		t.Errorf("on arm64: %v", all) // numbers that would be of other calls on amd64
	}
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, pattern string
		o             Options
		is            error
		says          string
	}{
		{"nowhere", "./nowhere", Options{}, ErrLoad, "./nowhere does not load"},
		{"no use of posix", "../bpf", Options{}, ErrNoPosix, "posix/bpf does not use package posix"},
		{"an architecture that is not known", ".", Options{Arch: "riscv64"}, nil, "known are [amd64 arm64]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.pattern, c.o)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %v with %q", err, c.is, c.says)
			}
		})
	}
}
