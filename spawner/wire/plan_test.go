package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// fill gives every field below v a value of its own that is not zero, and every list two elements.
func fill(v reflect.Value, next *uint64) {
	if v.Type() == reflect.TypeFor[netip.AddrPort]() {
		*next++
		v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(*next))))
		return
	}
	if v.Type() == reflect.TypeFor[time.Time]() {
		*next++
		v.Set(reflect.ValueOf(time.Unix(0, int64(*next))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), next)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.String:
		*next++
		v.SetString(fmt.Sprintf("text %d", *next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		*next++
		v.SetUint(*next % 250)
	case reflect.Int, reflect.Int32, reflect.Int64:
		*next++
		v.SetInt(int64(*next % 250))
	default:
		panic("no value for a field of kind " + v.Kind().String())
	}
}

// fullPlan has a value in every field, and keeps the rules of checkProgram.
func fullPlan() Plan {
	var p Plan
	next := uint64(0)
	fill(reflect.ValueOf(&p).Elem(), &next)
	for i := range p.Diagnostics {
		p.Diagnostics[i].Severity = policy.SeverityWarning
	}
	p.Listeners[1].Addr = netip.AddrPort{}
	for i := range p.Modules {
		m := &p.Modules[i]
		m.StopSignal = 10 + i
		for j := range m.Enforcement {
			m.Enforcement[j].Level = sandbox.Degraded
		}
		for _, prog := range []*program.Program{m.Program, m.Init} {
			prog.Memory = bytes.Repeat([]byte{0xab}, 300)
			for j := range prog.Prepare {
				d := &prog.Prepare[j]
				d.Kind = program.PrepareKind(j) // 1 is a Tree of the one before
				d.From = 0
				if j == 0 {
					d.Kind, d.Rules = program.Stdio, nil
					d.From = 2
				}
				for r := range d.Rules {
					d.Rules[r].From = 0
				}
			}
			for j := range prog.Steps {
				s := &prog.Steps[j]
				s.Op, s.Result = posix.StepExpect, posix.MaxSlots
				s.Args = [6]posix.Arg{{Kind: posix.Immediate, Value: ^uint64(0)}, {Kind: posix.Address, Value: 300}, {Kind: posix.Slot, Value: 3},
					{Kind: posix.Load, Value: 292}, {Kind: program.Descriptor, Value: 1}, {Kind: program.Cookie}}
			}
		}
	}
	return p
}

// plain compares plans, all of whose fields are sent.
var plain = cmp.Options{cmpopts.EquateComparable(netip.AddrPort{})}

// TestEveryFieldTravels: a field that somebody adds and forgets to send is a difference here.
func TestEveryFieldTravels(t *testing.T) {
	want := fullPlan()
	got, err := DecodePlan(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, plain); diff != "" {
		t.Errorf("plan (- sent, + received):\n%s", diff)
	}
}

func TestSmallPlansTravel(t *testing.T) {
	plans := map[string]Plan{
		"empty":       {},
		"diagnostics": {Diagnostics: policy.Diagnostics{{Code: "E201", Message: "no", Width: 1}}, Rendered: "text", JSON: "{}"},
		"without init": {Modules: []Module{{Name: "web", Replicas: 1, StopSignal: 15, StopGracePeriod: time.Minute,
			Program: &program.Program{Module: "web", Steps: []program.Step{{Text: "exit"}}}}}},
		"v6": {Listeners: []policy.Listener{{Name: "http", Network: "tcp", Addr: netip.MustParseAddrPort("[fe80::1%eth0]:443")}}},
	}
	for name, want := range plans {
		t.Run(name, func(t *testing.T) {
			got, err := DecodePlan(want.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, plain, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("plan (- sent, + received):\n%s", diff)
			}
		})
	}
}

func TestTruncatedAtEveryByte(t *testing.T) {
	message := fullPlan().Encode()
	for n := range message {
		if _, err := DecodePlan(message[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(message), err)
		}
	}
	if _, err := DecodePlan(append(slices.Clone(message), 0)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "left over") {
		t.Errorf("one byte more: %v", err)
	}
}

// TestRefused breaks one rule at a time of a plan that is otherwise accepted.
func TestRefused(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*Plan)
		says  string
	}{
		{"nothing", func(*Plan) {}, ""},
		{"severity", func(p *Plan) { p.Diagnostics[0].Severity = 2 }, "severity 2"},
		{"diagnostics", func(p *Plan) { p.Diagnostics = make(policy.Diagnostics, maxDiagnostics+1) }, "a list of 10001"},
		{"modules", func(p *Plan) { p.Modules = slices.Repeat(p.Modules[:1], maxModules+1) }, "a list of 1001"},
		{"listeners", func(p *Plan) { p.Listeners = slices.Repeat(p.Listeners[1:], maxModules+1) }, "a list of 1001"},
		{"replicas", func(p *Plan) { p.Modules[0].Replicas = maxReplicas + 1 }, "1001 replicas"},
		{"no signal", func(p *Plan) { p.Modules[0].StopSignal = 0 }, "signal 0"},
		{"signal", func(p *Plan) { p.Modules[0].StopSignal = 65 }, "signal 65"},
		{"delay", func(p *Plan) { p.Modules[0].Restart.MaxDelay = -2 }, "a duration of -2ns"},
		{"watchdog", func(p *Plan) { p.Modules[0].Health.Watchdog = -3 }, "a duration of -3ns"},
		{"sections", func(p *Plan) { p.Modules[0].Sections = make([]policy.Section, 65) }, "a list of 65"},
		{"items", func(p *Plan) { p.Modules[0].Sections[1].Items = make([]string, maxWords+1) }, "a list of 50001"},
		{"words", func(p *Plan) { p.Modules[0].Command = make([]string, maxWords+1) }, "a list of 50001"},
		{"groups", func(p *Plan) { p.Modules[0].User.Groups = make([]posix.GID, maxGroups+1) }, "a list of 65537"},
		{"grace period", func(p *Plan) { p.Modules[0].StopGracePeriod = -1 }, "a duration of -1ns"},
		{"level", func(p *Plan) { p.Modules[0].Enforcement[1].Level = 3 }, "enforcement level 3"},
		{"resources", func(p *Plan) { p.Modules[0].Resources = make([]policy.Resource, 65) }, "a list of 65"},
		{"best effort", func(p *Plan) { p.Modules[0].BestEffort = make([]string, 65) }, "a list of 65"},
		{"enforcement", func(p *Plan) { p.Modules[0].Enforcement = make([]sandbox.Enforcement, 65) }, "a list of 65"},
		{"kind of descriptor", func(p *Plan) { p.Modules[0].Program.Prepare[0].Kind = program.NetworkMade + 1 }, "a descriptor of kind 15"},
		{"descriptor of a small init", func(p *Plan) {
			d := &p.Modules[0].Program.Prepare[1]
			d.Kind, d.Rules, d.From = program.OfInit, nil, len(p.Modules[0].Init.Prepare)
		}, "descriptor 1 is of an init that there is not"},
		{"process of no init", func(p *Plan) { p.Modules[0].Init, p.Modules[0].Program.Prepare[1].Kind = nil, program.InitProcess },
			"descriptor 1 is of an init that there is not"},
		{"init of an init", func(p *Plan) { p.Modules[1].Init.Prepare[1].Kind = program.InitProcess }, "descriptor 1 is of an init that there is not"},
		{"tree of itself", func(p *Plan) { p.Modules[0].Program.Prepare[1].From = 1 }, "descriptor 1 is made from descriptor 1"},
		{"tree of a later one", func(p *Plan) { p.Modules[0].Program.Prepare[1].From = 1 << 30 }, "is made from"},
		{"fourth stream", func(p *Plan) { p.Modules[0].Program.Prepare[0].From = 3 }, "descriptor 0 is made from descriptor 3"},
		{"rule about itself", func(p *Plan) { p.Modules[0].Program.Prepare[1].Rules[0].From = 1 }, "has a rule about descriptor 1"},
		{"options", func(p *Plan) { p.Modules[0].Program.Prepare[1].Options = make([]program.Option, 17) }, "a list of 17"},
		{"descriptors", func(p *Plan) { p.Modules[0].Program.Prepare = make([]program.Prepare, program.MaxPrepare+1) }, "a list of 1025"},
		{"steps", func(p *Plan) { p.Modules[0].Program.Steps = make([]program.Step, program.MaxSteps+1) }, "a list of 4097"},
		{"memory", func(p *Plan) { p.Modules[0].Program.Memory = make([]byte, program.MaxMemory+1) }, "1048577 bytes of memory"},
		{"relocations", func(p *Plan) {
			p.Modules[0].Program.Relocations = make([]posix.Relocation, program.MaxRelocations+1)
		}, "a list of 8193"},
		{"operation", func(p *Plan) { p.Modules[0].Program.Steps[0].Op = posix.StepExpect + 1 }, "a step of kind 4"},
		{"slot for a result", func(p *Plan) { p.Modules[0].Program.Steps[0].Result = posix.MaxSlots + 1 }, "with result 16"},
		{"kind of argument", func(p *Plan) { p.Modules[0].Program.Steps[1].Args[5].Kind = posix.Load + 1 }, "step 1 has an argument of kind 4"},
		{"parent", func(p *Plan) { p.Modules[0].Program.Steps[1].Args[5].Kind = program.Cookie + 1 }, "kind 34"},
		{"descriptor of an argument", func(p *Plan) { p.Modules[0].Program.Steps[1].Args[0] = posix.Arg{Kind: program.Descriptor, Value: 2} }, "kind 32 with value 2"},
		{"address", func(p *Plan) { p.Modules[0].Program.Steps[1].Args[0] = posix.Arg{Kind: posix.Address, Value: 301} }, "kind 1 with value 301"},
		{"address that wraps", func(p *Plan) {
			p.Modules[0].Program.Steps[1].Args[0] = posix.Arg{Kind: posix.Address, Value: ^uint64(0)}
		}, "kind 1"},
		{"load", func(p *Plan) { p.Modules[0].Program.Steps[1].Args[0] = posix.Arg{Kind: posix.Load, Value: 293} }, "kind 3 with value 293"},
		{"load from too little", func(p *Plan) {
			q := p.Modules[0].Program
			q.Memory, q.Relocations, q.Cookies = make([]byte, 7), nil, nil
			q.Steps = []program.Step{{Step: posix.Step{Args: [6]posix.Arg{{Kind: posix.Load}}}}}
		}, "kind 3 with value 0"},
		{"slot of an argument", func(p *Plan) { p.Modules[0].Program.Steps[1].Args[0] = posix.Arg{Kind: posix.Slot, Value: 16} }, "kind 2 with value 16"},
		{"slot 0", func(p *Plan) { p.Modules[0].Program.Steps[1].Args[0] = posix.Arg{Kind: posix.Slot} }, "kind 2 with value 0"},
		{"relocation", func(p *Plan) { p.Modules[0].Program.Relocations[1].At = 293 }, "a relocation of 293"},
		{"target of a relocation", func(p *Plan) { p.Modules[0].Program.Relocations[1].To = 301 }, "to 301"},
		{"place of a cookie", func(p *Plan) { p.Modules[0].Program.Cookies[1] = 297 }, "an exec-once value at 297"},
		{"one cookie", func(p *Plan) { p.Modules[0].Program.Cookies = p.Modules[0].Program.Cookies[:1] }, "1 places"},
		{"inherited descriptors", func(p *Plan) { p.Modules[0].Program.Listeners = 1025 }, "1025 listeners"},
		{"no steps", func(p *Plan) { p.Modules[0].Program.Steps = nil }, "without steps"},
		{"init", func(p *Plan) { p.Modules[1].Init.Cookies[0] = 1 << 31 }, "an exec-once value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := fullPlan()
			tt.spoil(&p)
			_, err := DecodePlan(p.Encode())
			if tt.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
	e := &Encoder{}
	l := policy.Listener{Name: "http", Network: "tcp"}
	encodeListener(e, l)
	message := bytes.Replace(e.Bytes(), []byte("tcp\x00\x00\x00\x00"), []byte("tcp\x05\x00\x00\x00nohow"), 1)
	d := NewDecoder(message)
	decodeListener(d)
	if err := d.Done(); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), `address "nohow"`) {
		t.Errorf("address: %v", err)
	}
	e = &Encoder{}
	encodeModule(e, Module{StopSignal: 15})
	message = append(e.Bytes()[:len(e.Bytes())-36], 31, 0, 0, 0)
	d = NewDecoder(append(message, make([]byte, 31)...))
	decodeModule(d)
	if err := d.Done(); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "a digest of 31 bytes") {
		t.Errorf("digest: %v", err)
	}
}

func FuzzDecodePlan(f *testing.F) {
	f.Add(fullPlan().Encode())
	f.Add(Plan{}.Encode())
	f.Add(Plan{Rendered: "x", Listeners: []policy.Listener{{Addr: netip.MustParseAddrPort("[::1]:80")}}}.Encode())
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, message []byte) {
		p, err := DecodePlan(message)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := DecodePlan(p.Encode())
		if err != nil {
			t.Fatalf("what was accepted is refused after another round: %v", err)
		}
		if diff := cmp.Diff(p, again, plain); diff != "" {
			t.Fatalf("another round changes the plan:\n%s", diff)
		}
		if first, second := p.Encode(), again.Encode(); !bytes.Equal(first, second) {
			t.Fatal("the same plan makes two messages")
		}
		for _, m := range p.Modules {
			for _, prog := range []*program.Program{m.Program, m.Init} {
				if prog != nil {
					use(t, prog)
				}
			}
		}
	})
}

func FuzzDecodeProgram(f *testing.F) {
	e := &Encoder{}
	EncodeProgram(e, fullPlan().Modules[0].Program)
	f.Add(e.Bytes())
	f.Fuzz(func(t *testing.T, message []byte) {
		d := NewDecoder(message)
		p := DecodeProgram(d)
		if d.Done() == nil {
			use(t, p)
		}
	})
}

// use does with a program what the spawner does: nothing that a decoder lets through may bring it down.
func use(t *testing.T, p *program.Program) {
	var b bytes.Buffer
	if err := p.Explain(&b); err != nil {
		t.Fatal(err)
	}
	for _, r := range p.Relocations {
		_ = p.Memory[r.At : r.At+8]
	}
	for _, at := range p.Cookies {
		_ = p.Memory[at : at+4]
	}
	for _, s := range p.Steps {
		for _, a := range s.Args {
			if a.Kind == program.Descriptor {
				_ = p.Prepare[a.Value]
			}
		}
	}
	_ = p.Steps[len(p.Steps)-1]
}

func TestEnforcedResources(t *testing.T) {
	m := Module{
		Resources: []policy.Resource{{Key: "memory.max", Limit: 1}, {Key: "pids.max", Limit: 2}, {Key: "cpu.max", Limit: 3},
			{Key: "io.max", Device: "8:0", Rates: policy.IORates{RBPS: 4, WBPS: -1, RIOPS: 5, WIOPS: 6}}},
		Enforcement: []sandbox.Enforcement{{Protection: "memory.max"}, {Protection: "pids.max", Level: sandbox.Missing}, {Protection: "landlock"}},
	}
	got := m.EnforcedResources()
	if len(got) != 1 || got[0].Key != "memory.max" {
		t.Errorf("%v", got)
	}
}

func TestAccepts(t *testing.T) {
	tests := []struct {
		list       []string
		protection string
		want       bool
	}{
		{nil, "memory.max", false}, {[]string{"memory.max"}, "memory.max", true}, {[]string{"memory.max"}, "pids.max", false},
		{[]string{"resources"}, "memory.max", true}, {[]string{"resources"}, "pids.max", true}, {[]string{"resources"}, "cpu.max", true},
		{[]string{"resources"}, "landlock", false}, {[]string{"landlock"}, "landlock", true},
	}
	for _, tt := range tests {
		m := Module{BestEffort: tt.list}
		if got := m.Accepts(tt.protection); got != tt.want {
			t.Errorf("best_effort %v accepts the loss of %s: %v", tt.list, tt.protection, got)
		}
	}
}
