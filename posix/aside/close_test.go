package aside_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/aside"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// slow is a system that closes when it is told to.
type slow struct {
	*linux.Kernel
	closing chan posix.FD
	goOn    chan struct{}
}

func (k slow) Close(fd posix.FD) error {
	k.closing <- fd
	<-k.goOn
	return nil
}

func TestCloseTellsOfErrors(t *testing.T) {
	if err := aside.Close(linux.New(), 1<<20); !errors.Is(err, unix.EBADF) {
		t.Errorf("%v", err)
	}
}

// TestCloseDoesNotWait: not for a descriptor that cannot be closed, nor for the many before it; and no more threads than that are held up.
func TestCloseDoesNotWait(t *testing.T) {
	k := slow{linux.New(), make(chan posix.FD, 10*aside.Slots), make(chan struct{})}
	begun := time.Now()
	const more = 3
	for n := range aside.Slots + more {
		if err := aside.Close(k, posix.FD(n)); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took > 100*(aside.Slots+more)*aside.Patience {
		t.Errorf("it took %s", took)
	}
	if n := len(k.closing); n != aside.Slots {
		t.Errorf("%d are being closed at the same time; want %d", n, aside.Slots)
	}
	close(k.goOn)
	for range aside.Slots + more {
		select {
		case <-k.closing:
		case <-time.After(20 * time.Second):
			t.Fatal("some are never closed")
		}
	}
}
