package trial_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
)

// refusing panics as a layer does that has no error to return.
type refusing struct{ posix.Unimplemented }

var errRefused = errors.New("refused")

func (refusing) Getpid() posix.PID                                         { panic(errRefused) }
func (refusing) Pipe2(int) (r, w posix.FD, err error)                      { return 4, 5, nil }
func (refusing) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) { return -1, syscall.EIO }

func TestEvery(t *testing.T) {
	answers := trial.Every(refusing{})
	if len(answers) != len(posix.Ops()) {
		t.Fatalf("%d answers for %d operations", len(answers), len(posix.Ops()))
	}
	for i, a := range answers {
		want, fails := error(syscall.ENOSYS), true
		switch a.Op {
		case posix.OpGetpid:
			want, fails = errRefused, false
		case posix.OpPipe2:
			want = nil
			if len(a.Results) != 2 || a.Results[0] != posix.FD(4) || a.Results[1] != posix.FD(5) {
				t.Errorf("pipe2: %v", a.Results)
			}
		case posix.OpOpenat2:
			want = syscall.EIO
		default:
			if !a.Fails {
				want, fails = nil, false
			}
		}
		if a.Op != posix.Ops()[i] || a.Err != want || a.Fails != fails {
			t.Errorf("%s: %+v, want %v", posix.Ops()[i], a, want)
		}
	}
}

func TestSucceeding(t *testing.T) {
	for _, a := range trial.Every(trial.Succeeding{}) {
		if a.Err != nil {
			t.Errorf("%s: %v", a.Op, a.Err)
		}
	}
}

// strange panics with what is no error: that is a bug, and not an answer.
type strange struct{ posix.Unimplemented }

func (strange) Close(posix.FD) error { panic("strange") }

func TestOtherPanicsGoOn(t *testing.T) {
	defer func() {
		if recover() != "strange" {
			t.Error("the panic was kept")
		}
	}()
	trial.Call(strange{}, posix.OpClose)
}
