package metrics

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
)

// answering answers Read with err and Close without one.
type answering struct {
	posix.Unimplemented
	err error
}

func (a answering) Read(posix.FD, []byte) (int, error) { return 0, a.err }
func (answering) Close(posix.FD) error                 { return nil }
func (answering) Clone3(*posix.CloneArgs) (posix.Child, error) {
	return posix.Child{PID: 1, Failed: &posix.StepFailure{Errno: syscall.ENOENT}}, nil
}

// gather returns the counters of a registry by labels, "read ENOENT", and the numbers of observations by operation.
func gather(t *testing.T, core *Core) (calls map[string]float64, observed map[string]uint64) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(core.Collector(""))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	calls, observed = map[string]float64{}, map[string]uint64{}
	for _, family := range families {
		for _, m := range family.Metric {
			labels := map[string]string{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			switch family.GetName() {
			case "posix_calls_total":
				calls[labels["op"]+" "+labels["errno"]] = m.Counter.GetValue()
			case "posix_call_duration_seconds":
				observed[labels["op"]] = m.Histogram.GetSampleCount()
			default:
				t.Errorf("unknown metric %s", family.GetName())
			}
		}
	}
	return calls, observed
}

func TestCounts(t *testing.T) {
	inner := &answering{}
	core := New(inner)
	for _, err := range []error{
		nil, nil, syscall.ENOENT, syscall.EAGAIN, syscall.EAGAIN, unix.EHWPOISON,
		fmt.Errorf("wrapped: %w", syscall.EPERM), &posix.Error{Errno: syscall.EIO}, // errnos all the same
		fs.ErrClosed, posix.Errno(0), posix.Errno(134), posix.Errno(100000), // and these are none
	} {
		inner.err = err
		_, _ = core.Read(3, nil)
	}
	_ = core.Close(3)
	_, _ = core.Clone3(nil)
	core.Getpid()
	calls, observed := gather(t, core)
	want := map[string]float64{
		"read 0": 2, "read ENOENT": 1, "read EAGAIN": 2, "read EHWPOISON": 1, "read EPERM": 1, "read EIO": 1, "read other": 4,
		"close 0": 1, "clone3 0": 1, "getpid 0": 1,
	}
	if !reflect.DeepEqual(calls, want) {
		t.Errorf("counted %v\nwant    %v", calls, want)
	}
	for _, op := range []string{"read", "close", "clone3", "getpid"} {
		if observed[op] == 0 {
			t.Errorf("the first call of %s is not in the histogram", op)
		}
	}
	if len(observed) != 4 {
		t.Errorf("histograms of %v", observed)
	}
}

// A new core shows nothing, and a collector that is wrong in form is noticed by the linter.
func TestExposition(t *testing.T) {
	core := New(&answering{})
	if calls, observed := gather(t, core); len(calls)+len(observed) != 0 {
		t.Errorf("a new core shows %v %v", calls, observed)
	}
	_ = core.Close(3)
	_ = core.Close(3)
	problems, err := testutil.CollectAndLint(core.Collector(""))
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	const want = `
# HELP posix_calls_total Calls of posix.Core by operation and outcome; errno is "0" for success.
# TYPE posix_calls_total counter
posix_calls_total{errno="0",op="close"} 2
`
	if err := testutil.CollectAndCompare(core.Collector(""), strings.NewReader(want), "posix_calls_total"); err != nil {
		t.Error(err)
	}
}

// No count may be lost when goroutines meet, whatever shard they are given.
func TestConcurrentCounts(t *testing.T) {
	core := New(&answering{err: syscall.EAGAIN})
	const goroutines, each = 8, 5000
	var wg sync.WaitGroup
	stop := make(chan struct{})
	collected := make(chan bool)
	go func() { // collecting meanwhile must never see a counter go back
		ok, last := true, 0.0
		for {
			select {
			case <-stop:
				collected <- ok
				return
			default:
				sum := core.totals(posix.OpRead)
				now := float64(sum[syscall.EAGAIN])
				ok = ok && now >= last && sum[0] == 0
				last = now
			}
		}
	}()
	for range goroutines {
		wg.Go(func() {
			for range each {
				_, _ = core.Read(3, nil)
				_ = core.Close(3)
			}
		})
	}
	wg.Wait()
	close(stop)
	if !<-collected {
		t.Error("a counter went back, or failures appeared as successes")
	}
	calls, observed := gather(t, core)
	if calls["read EAGAIN"] != goroutines*each || calls["close 0"] != goroutines*each {
		t.Errorf("counted %v, want %d each", calls, goroutines*each)
	}
	for _, op := range []string{"read", "close"} {
		// Each processor counts to 64 by itself, so there may be some fewer.
		if n := observed[op]; n < goroutines*each/sampling/2 || n > goroutines*each/sampling*4 {
			t.Errorf("%s: %d samples of %d calls", op, n, goroutines*each)
		}
	}
}

// On one processor exactly one call in 64 is a sample, the first one and of failures too; also on one that came later.
func TestSampling(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, shards := range []int{1, 0} {
		core := New(&answering{err: syscall.EAGAIN})
		core.shards = core.shards[:shards]
		const rounds = 10
		for range (rounds-1)*sampling + 1 {
			_, _ = core.Read(3, nil)
			_ = core.Close(3)
		}
		if _, observed := gather(t, core); observed["read"] != rounds || observed["close"] != rounds {
			t.Errorf("%d shards: %v samples, want %d each", shards, observed, rounds)
		}
	}
}

// Goroutines on different processors count in different shards, and no number of processors leaves the slice.
func TestShards(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 8} {
		before := runtime.GOMAXPROCS(n)
		core := New(&answering{})
		runtime.GOMAXPROCS(2 * n) // more than the core was made for
		if len(core.shards) != n {
			t.Errorf("%d shards for %d processors", len(core.shards), n)
		}
		var wg sync.WaitGroup
		for range 4 * n {
			wg.Go(func() {
				for range 1000 {
					_ = core.Close(3)
				}
			})
		}
		wg.Wait()
		runtime.GOMAXPROCS(before)
		if got := core.totals(posix.OpClose)[0]; got != uint64(4*n*1000) {
			t.Errorf("%d processors: counted %d, want %d", n, got, 4*n*1000)
		}
	}
	var two [2]shard
	end := unsafe.Offsetof(two[0].cells) + unsafe.Sizeof(two[0].cells)
	if gap := unsafe.Sizeof(two[0]) - end; gap < cacheLines {
		t.Errorf("%d bytes between the counters of two shards, want %d", gap, cacheLines)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{0, 250, 251, time.Microsecond, time.Second, time.Second + 1, time.Hour} {
		h.observe(d)
	}
	s := h.snapshot()
	if want := time.Hour + 2*time.Second + 1502; s.Count != 7 || s.Sum != want {
		t.Errorf("count %d, sum %v, want 7, %v", s.Count, s.Sum, want)
	}
	for bound, want := range map[time.Duration]uint64{250: 2, 500: 3, time.Microsecond: 4, 100 * time.Millisecond: 4, time.Second: 5} {
		i := slices.IndexFunc(s.Buckets, func(b Bucket) bool { return b.Bound == bound })
		if i < 0 || s.Buckets[i].Count != want {
			t.Errorf("up to %v: %v, want %d", bound, s.Buckets, want)
		}
	}
	if len(s.Buckets) != len(bounds) {
		t.Errorf("%d buckets, want %d", len(s.Buckets), len(bounds))
	}
}

func TestLabels(t *testing.T) {
	seen := map[string]bool{}
	for place := range errnos + 1 {
		name := label(place)
		if name == "" || seen[name] {
			t.Errorf("place %d has the label %q, empty or not the first", place, name)
		}
		seen[name] = true
	}
	for place, want := range map[int]string{0: "0", 2: "ENOENT", 11: "EAGAIN", 133: "EHWPOISON", errnos: "other"} {
		if got := label(place); got != want {
			t.Errorf("place %d: %q, want %q", place, got, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var core posix.Core = New(&answering{err: syscall.EAGAIN})
	buf := make([]byte, 8)
	for name, do := range map[string]func(){
		"success": func() { _ = core.Close(3) },
		"failure": func() { _, _ = core.Read(3, buf) },
	} {
		if n := testing.AllocsPerRun(1000, do); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func TestRegistersOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(New(&answering{}).Collector("")); err != nil {
		t.Fatal(err)
	}
	var twice prometheus.AlreadyRegisteredError
	if err := registry.Register(New(&answering{}).Collector("")); !errors.As(err, &twice) {
		t.Errorf("a second core: %v, want that it is registered already", err)
	}
}

func TestNamesItself(t *testing.T) {
	if got := posix.Describe(New(&answering{})); got != "metrics > *metrics.answering" {
		t.Error(got)
	}
}

func ExampleCore_Collector() {
	registry := prometheus.NewRegistry()
	core := New(posix.Unimplemented{}) // in a program, linux.New()
	registry.MustRegister(core.Collector(""))
	_ = core.Close(99)
	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range families[1].Metric[0].Label {
		fmt.Println(l.GetName(), l.GetValue())
	}
	// Output:
	// errno ENOSYS
	// op close
}

// Every operation is counted by its outcome, the call whose duration is taken and the others.
func TestEveryOperationIsCounted(t *testing.T) {
	for _, base := range []posix.Core{trial.Succeeding{}, posix.Unimplemented{}} {
		core := New(base)
		want := map[string]float64{}
		for range 3 {
			for _, a := range trial.Every(core) {
				outcome := "0"
				if a.Err != nil {
					outcome = "ENOSYS"
				}
				want[a.Op.String()+" "+outcome]++
			}
		}
		if calls, observed := gather(t, core); !reflect.DeepEqual(calls, want) || len(observed) != len(posix.Ops()) {
			t.Errorf("counted %v\nwant %v\n%d durations", calls, want, len(observed))
		}
	}
}
