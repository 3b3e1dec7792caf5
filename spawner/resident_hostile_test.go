package spawner

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestManagerThatCannotBeTold: one that has shut its end down for reading, and goes on to ask, does not have answers pile up for it.
func TestManagerThatCannotBeTold(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	if err := m.kernel.Shutdown(m.fd, unix.SHUT_RD); err != nil {
		t.Fatal(err)
	}
	for range 3 * maxUnanswered {
		m.send(wire.Frame{Kind: wire.KindForget, ID: 1, Body: wire.EncodeID(wire.InstanceID(1))})
	}
	next := s.manager()
	if next.snapshot.ManagerStarts != 2 {
		t.Errorf("manager %d", next.snapshot.ManagerStarts)
	}
	want := "has more than 1024 requests open and does not take the answers"
	if n := await(t, next.notices, "why there is another manager"); !strings.Contains(n.Text, want) {
		t.Errorf("%q, want %q", n.Text, want)
	}
}
