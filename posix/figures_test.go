package posix_test

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/log"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/posix/restrict"
)

// instant is a layer below that costs nothing.
type instant struct{ posix.Unimplemented }

//go:noinline
func (instant) Read(posix.FD, []byte) (int, error) { return 1, nil }

var (
	quiet = slog.New(slog.DiscardHandler)
	// asking is rules with a predicate.
	asking = restrict.Rules{Read: restrict.Read(func(fd posix.FD, _ []byte) bool { return fd >= 0 })}
	loud   = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: log.Level}))
)

func full(core posix.Core) posix.Core {
	return errs.New(log.New(metrics.New(restrict.New(core, everything())), quiet))
}

// BenchmarkFigures measures each decorator against what it decorates, alternating between them so that whatever else the
// machine does hits both, and prints a line for each:
//
//	go test ./posix -run '^$' -bench Figures
func BenchmarkFigures(b *testing.B) {
	base := posix.Core(instant{})
	layers := []struct {
		name string
		core posix.Core
	}{
		{"posix_errs_ns", errs.New(base)},
		{"posix_log_disabled_ns", log.New(base, quiet)},
		{"posix_log_enabled_ns", log.New(base, loud)},
		{"posix_metrics_ns", metrics.New(base)},
		{"posix_restrict_ns", restrict.New(base, everything())},
		{"posix_restrict_predicate_ns", restrict.New(base, asking)},
		{"posix_stack_ns", full(base)},
	}
	kernel := posix.Core(linux.New())
	stacked := full(kernel)
	buf := make([]byte, 1)
	read := func(core posix.Core) func() { return func() { _, _ = core.Read(0, buf) } }
	openClose := func(core posix.Core) func() {
		return func() {
			fd, err := core.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
			if err != nil {
				b.Fatal(err)
			}
			if err := core.Close(fd); err != nil {
				b.Fatal(err)
			}
		}
	}
	least := func(best, now float64) float64 { return math.Min(best, now) }
	plain, bare, dressed := math.Inf(1), math.Inf(1), math.Inf(1)
	costs := make([]float64, len(layers))
	for i := range costs {
		costs[i] = math.Inf(1)
	}
	for b.Loop() {
		plain = least(plain, timed(20_000, read(base)))
		for i, l := range layers {
			costs[i] = least(costs[i], timed(20_000, read(l.core)))
		}
		bare = least(bare, timed(2_000, openClose(kernel)))
		dressed = least(dressed, timed(2_000, openClose(stacked)))
	}
	for i, l := range layers {
		fmt.Printf("figure: %s %.1f\n", l.name, costs[i]-plain)
	}
	fmt.Printf("figure: posix_stack_vs_kernel_open_close %.3f\n", dressed/bare)
}

// timed returns the nanoseconds that one of n calls takes.
func timed(n int, call func()) float64 {
	start := time.Now()
	for range n {
		call()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}
