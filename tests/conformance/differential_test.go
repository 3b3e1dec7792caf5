package conformance_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/tests/conformance"
	"github.com/bulkhead/bulkhead/tests/conformance/differential"
)

var (
	programs = flag.Int("programs", 500, "how many programs TestDifferential makes up and runs")
	seed     = flag.Uint64("seed", 1, "the seed of the first program; the next program has the next")
	only     = flag.String("only", "", "the operations to generate, as openat2,read; empty: all")
)

// otherSide is mocks/kernel with the programs that children execute.
func otherSide() posix.Core {
	k := kernel.New(kernel.Config{})
	for name, main := range map[string]func(p *kernel.Process, argv, env []string) int{
		"wait":  func(p *kernel.Process, _, _ []string) int { return conformance.Helper(p, []string{"", "wait"}) },
		"exit3": func(*kernel.Process, []string, []string) int { return 3 },
	} {
		if err := k.Install(differential.HelperDir+"/"+name, 0o755, main); err != nil {
			panic(err)
		}
	}
	child, err := k.Init().Child()
	if err != nil {
		panic(err)
	}
	// A program of Go takes it and goes on.
	if err := child.Sigaction(unix.SIGPIPE, kernel.Action{Handler: func(posix.SignalInfo) {}, Restart: true}); err != nil {
		panic(err)
	}
	k.Advance(time.Hour) // as Linux has been up for a while: a time near 0 is past
	return child
}

func TestDifferential(t *testing.T) {
	stats, diff, err := differential.Run(t.Context(), differential.Config{Seed: *seed, Programs: *programs, Only: strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })})
	t.Logf("%d programs\n%s", stats.Programs, stats.Table())
	if err != nil {
		t.Fatal(err)
	}
	if diff != nil {
		t.Error(diff)
	}
}
