// Command busy has the Go runtime do all that it does by itself: threads, locks, garbage collection, timers, preemption, signals.
//
//posixvet:leak println: says that it came to its end, without the packages that would do it better
package main

import (
	"runtime"
	"sync"
	"time"
)

func main() {
	allocate()
	preempt()
	sleep()
	fault()
	println("done")
}

var sink [][]byte

// allocate makes garbage in several threads, and lets the memory go again.
func allocate() {
	var all sync.WaitGroup
	var mu sync.Mutex
	for range 8 {
		all.Go(func() {
			runtime.LockOSThread() // which ends with the goroutine
			for range 200 {
				b := make([]byte, 64<<10)
				mu.Lock()
				sink = append(sink, b)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	sink = nil
	runtime.GC()
}

// preempt has the collector wait for goroutines that do not stop by themselves.
func preempt() {
	stop := make(chan struct{})
	for range 4 {
		go func() {
			for n := 0; ; n++ {
				if n < 0 {
					close(stop)
				}
			}
		}()
	}
	for range 5 {
		runtime.GC()
	}
}

// sleep uses timers.
func sleep() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10 {
		<-tick.C
	}
	time.Sleep(20 * time.Millisecond) // long enough for threads to go to sleep
	called := make(chan struct{})
	time.AfterFunc(time.Millisecond, func() { close(called) })
	<-called
}

// fault reads where there is nothing, and recovers.
func fault() {
	defer func() {
		if recover() == nil {
			panic("nothing happened")
		}
	}()
	var nowhere *int
	println(*nowhere)
}
