package kernel_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// BenchmarkFigures measures the kernel, the least of several rounds, and prints a line for each figure:
//
//	go test ./mocks/kernel -run '^$' -bench Figures
func BenchmarkFigures(b *testing.B) {
	mix, calls := mixture(b)
	perCall, hour := math.Inf(1), math.Inf(1)
	for b.Loop() {
		const rounds = 2000
		start := time.Now()
		for range rounds {
			mix()
		}
		perCall = math.Min(perCall, float64(time.Since(start).Nanoseconds())/float64(rounds*calls))
		start = time.Now()
		restartForAnHour(b)
		hour = math.Min(hour, float64(time.Since(start).Microseconds())/1000)
	}
	fmt.Printf("figure: kernel_calls_per_s %.0f\n", 1e9/perCall)
	fmt.Printf("figure: virtual_hour_ms %.2f\n", hour)
}

// mixture returns a function that makes calls, and how many: open, read, write and close a file, write to and read from a pipe, wait for it.
func mixture(b *testing.B) (mix func(), calls int) {
	k := machine(b, kernel.Config{})
	p := k.Init()
	must(b, "write a file", k.WriteFile("/etc/x", []byte("text"), 0o644))
	r, w, err := p.Pipe2(0)
	must(b, "pipe2", err)
	ep, err := p.EpollCreate1(0)
	must(b, "epoll_create1", err)
	must(b, "epoll_ctl", p.EpollCtl(ep, unix.EPOLL_CTL_ADD, r, &posix.EpollEvent{Events: unix.EPOLLIN}))
	b.Cleanup(func() {
		for _, fd := range []posix.FD{r, w, ep} {
			must(b, "close", p.Close(fd))
		}
	})
	buf, events := make([]byte, 4), make([]posix.EpollEvent, 4)
	return func() {
		fd, err := p.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{Flags: unix.O_RDWR})
		must(b, "openat2", err)
		n, err := p.Read(fd, buf)
		if n != 4 || err != nil {
			b.Fatal("read", n, err)
		}
		_, err = p.Pwrite(fd, buf, 0)
		must(b, "pwrite", err)
		must(b, "close", p.Close(fd))
		_, err = p.Write(w, buf)
		must(b, "write", err)
		if n, err = p.EpollWait(ep, events, -1); n != 1 || err != nil {
			b.Fatal("epoll_wait", n, err)
		}
		_, err = p.Read(r, buf)
		must(b, "read", err)
	}, 7
}

// restartForAnHour restarts a program that fails, with back-off from 100 ms to 30 s, until an hour of virtual time has passed. It returns how often.
func restartForAnHour(t testing.TB) int {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	starts := 0
	for backoff := 100 * time.Millisecond; k.Now() < time.Hour; backoff = min(2*backoff, 30*time.Second) {
		pid := fork(t, p, func(c *kernel.Process) { _ = sleep(c, time.Second); c.Exit(1) })
		if got := reap(t, p, pid); got.Status != 1 {
			t.Fatalf("%+v", got)
		}
		starts++
		must(t, "sleep", sleep(p, backoff))
	}
	must(t, "close", k.Close())
	return starts
}

func TestRestartWithBackoffForAnHour(t *testing.T) {
	// 9 starts until the back-off is 30 s (60.1 s), then one in 31 s.
	if n := restartForAnHour(t); n < 115 || n > 130 {
		t.Errorf("%d starts in an hour", n)
	}
}
