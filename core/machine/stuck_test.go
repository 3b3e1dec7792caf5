package machine

import (
	"strings"
	"testing"
	"time"
)

// stuckCase is a command that meets a process which nothing ends.
type stuckCase struct {
	name     string
	module   spec
	immortal string // version of the process that does not end
	never    bool   // it does not get ready either
	verb     Verb
	ok       bool
	text     string // of the result
	serves   string // version that is ready when the command has ended; "" for none
	after    string // version that is ready when the process has ended after all
}

// TestWhatDoesNotEnd: a process may wait in the kernel for ever, whatever it is sent. No command waits for it: it is done or undone, and says so.
func TestWhatDoesNotEnd(t *testing.T) {
	const stays = " has not ended within 10s of SIGKILL"
	for _, tt := range []stuckCase{
		{name: "reload, start-first", module: spec{order: "start-first"}, immortal: "1", verb: Reload, ok: true,
			text: "1 module replaced; 1 listener kept; a (process 101)" + stays, serves: "2", after: "2"},
		{name: "reload, stop-first", module: spec{}, immortal: "1", verb: Reload,
			text: "a (process 101)" + stays + "; generation 1 serves on; a is started again when that has ended", after: "1"},
		{name: "reload, the new one does not get ready", module: spec{order: "start-first", health: "notify"}, immortal: "2", never: true, verb: Reload,
			text: "a: not ready within 3s; generation 1 serves on; a (process 102)" + stays, serves: "1", after: "1"},
		{name: "stop", module: spec{}, immortal: "1", verb: Stop, text: "a (process 101)" + stays},
		{name: "restart, stop-first", module: spec{}, immortal: "1", verb: Restart, text: "a (process 101)" + stays, after: "1"},
		{name: "restart, the new one does not get ready", module: spec{order: "start-first", health: "notify"}, immortal: "1", never: true, verb: Restart,
			text: "a: not ready within 3s", serves: "1", after: "1"},
		{name: "restart, start-first", module: spec{order: "start-first"}, immortal: "1", verb: Restart, text: "a (process 101)" + stays, serves: "1", after: "1"},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.play(t) })
	}
}

func (tt stuckCase) play(t *testing.T) {
	tt.module.name, tt.module.version = "a", "1"
	site := func() config { return config{modules: []spec{tt.module}, listeners: []string{"http:80"}} }
	tt.module.listeners = []string{"http"}
	w := newWorld(t, site())
	first := conduct{ready: 10 * time.Millisecond, dies: -1, immortal: true}
	if tt.never {
		first.ready = -1
	}
	successor := tt.never && tt.verb == Restart || tt.immortal == "2"
	if !successor {
		w.conducts["a 1"] = first
	}
	w.begin()
	w.run(time.Second)
	stuck := w.lastID
	if successor {
		stuck++
		w.conducts["a "+tt.immortal] = first
	}
	w.policy = site().with("2", "a")
	w.ask(1, tt.verb, false)
	w.run(time.Minute)
	if r := w.result(1); r.OK != tt.ok || !strings.Contains(r.Text, tt.text) {
		t.Errorf("it says %+v, want %q", r, tt.text)
	}
	if n := w.kinds(KindStuck); n != 1 {
		t.Errorf("%d times it was said that it does not end", n)
	}
	if got := w.ready(); got != tt.serves {
		t.Errorf("version %q is ready, want %q", got, tt.serves)
	}

	w.conducts["a "+tt.immortal] = conduct{ready: 10 * time.Millisecond, dies: time.Millisecond}
	w.exit(w.find(stuck), 2, 9, "killed by SIGKILL")
	w.run(time.Minute)
	if got := w.ready(); got != tt.after {
		t.Errorf("version %q is ready after its end, want %q", got, tt.after)
	}
	if w.find(stuck) != nil {
		t.Error("it is not forgotten")
	}
	tt.module.version = "3" // and nothing is in the way any more
	w.policy = site()
	w.ask(2, Reload, false)
	w.run(time.Minute)
	if r := w.result(2); !r.OK {
		t.Errorf("the next reload: %+v", r)
	}
}

// ready returns the version of the instance that serves and is ready.
func (w *world) ready() string {
	for _, i := range w.m.Status().Modules[0].Instances {
		if i.State == Ready.String() {
			for _, p := range w.processes {
				if uint64(p.ID) == i.ID {
					return p.version
				}
			}
		}
	}
	return ""
}
