package launch_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// TestParts: a launch says where its time went, and what was made ahead of it took none of it.
func TestParts(t *testing.T) {
	needAdmin(t, facts(t))
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	res := compiled(t, facts(t), "exit 0")
	for name, want := range map[string][]string{
		"all of it":  {launch.PartPrepare, launch.PartSandbox, launch.PartGroup, launch.PartProcess},
		"made ahead": {launch.PartPrepare, launch.PartGroup, launch.PartProcess},
	} {
		s := newStreams(t)
		r := launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Listeners: map[string]posix.FD{"http": s.fds[0]}}
		if name == "made ahead" {
			var err error
			if r.Sandbox, err = l.Sandbox(r); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		p, err := l.Launch(r)
		took := time.Since(begin)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		var sum time.Duration
		for _, part := range p.Parts {
			names = append(names, part.Name)
			sum += part.Took
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: the parts are %v, want %v", name, names, want)
		}
		if sum > took || sum <= 0 {
			t.Errorf("%s: the parts took %s of %s", name, sum, took)
		}
		finish(t, k, p)
	}
}
