package main

import (
	"slices"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
)

// Each call of the start and of the end fails in turn. The server says so, and leaves nothing open: the machine would name it.
func TestEveryCallFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := fake(t, synctest.Wait)
		startAndEnd := func(core posix.Core) error {
			s, err := newServer(core, config{Listen: loopback, Dir: m.dir, Journal: "journal", Notify: func(string) {}})
			if err != nil {
				return err
			}
			synctest.Wait() // until the poller waits
			return s.close()
		}
		// What the poller does by itself is left out: its wait, its write that ends the wait, and what it takes back from epoll.
		failed := fault.Sweep(t, m.server, unix.ENFILE, startAndEnd, posix.OpEpollWait, posix.OpWrite, posix.OpEpollCtl)
		for _, op := range []posix.Op{posix.OpOpenat2, posix.OpSocket, posix.OpBind, posix.OpListen, posix.OpFcntl, posix.OpClose} {
			if !slices.ContainsFunc(failed, func(f fault.Failure) bool { return f.Op == op }) {
				t.Errorf("%s was not among the calls that failed: %v", op, failed)
			}
		}
		core, rounds := fault.New(m.server), 0
		for range core.Each(fault.Nth(1, unix.ENFILE).On(posix.OpEpollCtl)) {
			_ = startAndEnd(core) // to take something back may fail unnoticed
			rounds++
		}
		if rounds < 4 {
			t.Errorf("epoll_ctl has failed %d times, want 3 at least", rounds-1)
		}
		m.check()
	})
}
