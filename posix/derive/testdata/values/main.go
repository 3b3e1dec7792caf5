// Command values calls in roundabout ways.
package main

import "github.com/bulkhead/bulkhead/posix"

type holder struct {
	posix.Files
	close func(posix.FD) error
}

type generic[T posix.Clock] struct{ of T }

func (g generic[T]) now() { _, _ = g.of.ClockGettime(0) }

func main() {
	var k posix.Core
	h := holder{Files: k, close: k.Close} // a method value
	_ = h.close(3)
	_, _ = h.Read(3, nil) // promoted
	generic[posix.Clock]{k}.now()
	done := make(chan bool)
	go func() {
		defer close(done)
		write := posix.Files.Write // a method expression
		_, _ = write(h, 1, nil)
	}()
	<-done
	for _, f := range []func() posix.PID{k.Getpid} {
		_ = f()
	}
}
