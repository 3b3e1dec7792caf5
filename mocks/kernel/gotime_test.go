package kernel_test

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// In a bubble, what waits in the kernel and what waits in Go have one time, which passes by itself.
func TestGoTime(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait func(p *kernel.Process) error
	}{
		{"clock_nanosleep", func(p *kernel.Process) error {
			return p.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Sec: 3600}, nil)
		}},
		{"ppoll", func(p *kernel.Process) error {
			_, err := p.Ppoll(nil, &posix.Timespec{Sec: 3600})
			return err
		}},
		{"timerfd, periodic", func(p *kernel.Process) error {
			fd, err := p.TimerfdCreate(unix.CLOCK_MONOTONIC, 0)
			if err != nil {
				return err
			}
			half := posix.Timespec{Sec: 1800}
			if err := p.TimerfdSettime(fd, 0, posix.Itimerspec{Value: half, Interval: half}); err != nil {
				return err
			}
			var b [8]byte
			for range 2 {
				if _, err := p.Read(fd, b[:]); err != nil {
					return err
				}
			}
			return p.Close(fd)
		}},
		{"two, the later one first", func(p *kernel.Process) error {
			done := make(chan error)
			go func() { done <- p.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Sec: 3600}, nil) }()
			synctest.Wait()
			if err := p.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Sec: 1}, nil); err != nil {
				return err
			}
			return <-done
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := kernel.New(kernel.Config{GoTime: true})
				began := time.Now()
				must(t, "wait", tt.wait(k.Init()))
				if d := time.Since(began); d != time.Hour || k.Now() != time.Hour {
					t.Errorf("%s have passed, and %s in the kernel", d, k.Now())
				}
				time.Sleep(time.Minute)
				if now, err := k.Init().ClockGettime(unix.CLOCK_MONOTONIC); err != nil || now.Sec != 3660 {
					t.Errorf("it is %+v, %v", now, err)
				}
				k.Advance(time.Second)
				time.Sleep(time.Second)
				if k.Now() != time.Hour+time.Minute+2*time.Second {
					t.Errorf("after being set ahead it is %s", k.Now())
				}
				must(t, "close", k.Close())
			})
		})
	}
}
