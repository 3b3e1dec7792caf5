package posix

import (
	"slices"
	"strings"
	"testing"
)

// panicText runs f and returns what it panicked with, empty when it did not.
func panicText(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = r.(string)
		}
	}()
	f()
	return ""
}

type layer struct {
	Unimplemented
	name string
	next Core
}

func (l layer) Name() string { return l.name }
func (l layer) Unwrap() Core { return l.next }

func TestActiveFollowsUse(t *testing.T) {
	active.Store(nil)
	t.Cleanup(func() { active.Store(nil) })

	for _, step := range []struct {
		name string
		do   func()
		want string // part of the panic, empty for none
	}{
		{"Active too early", func() { Active() }, "posix.Active was called before posix.Use"},
		{"Use of nil", func() { Use(nil) }, "nil Core"},
		{"Active after Use of nil", func() { Active() }, "before posix.Use"},
		{"wrong order", func() { Use(layer{name: "log", next: layer{name: "errs"}}) }, "whose order is wrong: the layer errs must be outside of log"},
		{"first Use", func() { Use(layer{name: "first"}) }, ""},
		{"second Use", func() { Use(layer{name: "second"}) }, "called twice: the active implementation is first"},
	} {
		got := panicText(step.do)
		if step.want == "" && got != "" || !strings.Contains(got, step.want) {
			t.Errorf("%s: panic %q, want %q in it", step.name, got, step.want)
		}
		if got != "" && !strings.HasSuffix(got, ".") {
			t.Errorf("%s: panic is not a sentence: %q", step.name, got)
		}
	}
	if got := Active().(layer).name; got != "first" {
		t.Errorf("active is %q, want the first", got)
	}
}

func TestUseByManyAtOnceLetsOneWin(t *testing.T) {
	active.Store(nil)
	t.Cleanup(func() { active.Store(nil) })
	const n = 16
	panics := make(chan string, n)
	for range n {
		go func() { panics <- panicText(func() { Use(Unimplemented{}) }) }()
	}
	won := 0
	for range n {
		if <-panics == "" {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d calls of Use succeeded, want 1", won)
	}
}

func TestCheckOrder(t *testing.T) {
	stack := func(names string) (core Core) {
		fields := strings.Fields(names)
		for _, name := range slices.Backward(fields) {
			core = layer{name: name, next: core}
		}
		return core
	}
	for _, tt := range []struct{ stack, want string }{
		{"", ""},
		{"linux", ""},
		{"errs log metrics restrict retry fault record linux", ""},
		{"errs log metrics restrict retry fault record kernel", ""},
		{"errs restrict linux", ""},
		{"errs retry replay", ""},
		{"own errs own own log other kernel", ""},
		{"log errs linux", "the layer errs must be outside of log, since the layers below it go by bare errnos; the stack is log > errs > linux"},
		{"errs retry metrics restrict linux", "the layer metrics must be outside of retry, since it counts what"},
		{"errs fault own retry linux", "the layer retry must be outside of fault, since it repeats what"},
		{"record fault linux", "the layer fault must be outside of record, since it stands for the kernel"},
		{"linux record", "the layer record must be outside of linux, since it writes down"},
		{"retry restrict", "the layer restrict must be outside of retry, since it decides"},
		{"metrics log", "the layer log must be outside of metrics, since it shows"},
		{"errs log own log linux", "the layer log is twice in the stack errs > log > own > log > linux"},
	} {
		err := CheckOrder(stack(tt.stack))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.stack, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.stack, err, tt.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	for _, tt := range []struct {
		core Core
		want string
	}{
		{nil, "nothing"},
		{Unimplemented{}, "posix.Unimplemented"},
		{layer{name: "a"}, "a"},
		{layer{name: "a", next: layer{name: "b", next: Unimplemented{}}}, "a > b > posix.Unimplemented"},
	} {
		if got := Describe(tt.core); got != tt.want {
			t.Errorf("Describe(%v) = %q, want %q", tt.core, got, tt.want)
		}
	}
}
