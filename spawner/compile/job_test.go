package compile

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/tests/leak"
)

// begun starts a job, and returns what is closed when it has ended.
func begun(t *testing.T, tl tool, text string) (*Job, <-chan struct{}) {
	t.Helper()
	k, l, facts := setUp(t)
	ended := make(chan struct{})
	j, err := tl.begin(k, l, Request{Sources: []Source{{Name: "web.yaml", Dir: "/etc", Text: []byte(text)}}, Facts: facts}, func() { close(ended) })
	if err != nil {
		t.Fatal(err)
	}
	return j, ended
}

// TestJob: the plan is that of Run, and comes while the caller is free to do something else.
func TestJob(t *testing.T) {
	j, ended := begun(t, tool{supervisor, Timeout}, small)
	<-ended
	plan, record, err := j.Finish()
	if err != nil || plan.Diagnostics.HasErrors() {
		t.Fatalf("%v\n%s", err, plan.Rendered)
	}
	k, l, facts := setUp(t)
	want, _, err := tool{supervisor, Timeout}.run(k, l, Request{Sources: []Source{{Name: "web.yaml", Dir: "/etc", Text: []byte(small)}}, Facts: facts})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(plan.Modules, want.Modules) || len(plan.Modules) != 1 {
		t.Errorf("modules %+v, want %+v", plan.Modules, want.Modules)
	}
	if len(record.Exchanges) == 0 || len(record.Plan) == 0 {
		t.Errorf("a record of %d exchanges and %d bytes", len(record.Exchanges), len(record.Plan))
	}
}

func TestJobThatFails(t *testing.T) {
	half := append(binary.LittleEndian.AppendUint32([]byte{framePlan}, 100), "short"...)
	for _, tt := range []struct {
		name  string
		write []byte
		then  any
		says  string
	}{
		{"crash", nil, thenCrash, "compile the policy: the confined process ended without an answer (it was ended by SIGILL)"},
		{"hang", half, thenSpin, "compile the policy: no answer after 300ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, ended := begun(t, tool{hostile(t, tt.write, tt.then), 300 * time.Millisecond}, "")
			<-ended
			plan, record, err := j.Finish()
			if err == nil || !strings.Contains(err.Error(), tt.says) || !reflect.DeepEqual(record, Record{}) || len(plan.Modules) > 0 {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// TestJobCancelled: Finish does not wait for a process that never answers, and nobody is called afterwards.
func TestJobCancelled(t *testing.T) {
	j, ended := begun(t, tool{hostile(t, nil, thenSpin), time.Hour}, "")
	start := time.Now()
	if _, _, err := j.Finish(); !errors.Is(err, ErrCancelled) {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	select {
	case <-ended:
		t.Error("the owner of a cancelled job was told of its end")
	case <-time.After(50 * time.Millisecond): // the conversation ends with the process; what it says then must not be heard
	}
}

func TestJobCannotStart(t *testing.T) {
	k, l, facts := setUp(t)
	before := leak.Take()
	_, err := tool{"/nowhere/supervisor", Timeout}.begin(k, l, Request{Facts: facts}, func() { t.Error("ended") })
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}
