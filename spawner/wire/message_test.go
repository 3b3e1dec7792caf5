package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bulkhead/bulkhead/sandbox"
)

// codec is one kind of message with both of its functions.
type codec struct {
	name   string
	full   func() any // a value in every field, within what the decoder accepts
	encode func(any) []byte
	decode func([]byte) (any, error)
}

// of makes a codec; fix corrects what fill made of a value.
func of[T any](name string, encode func(T) []byte, decode func([]byte) (T, error), fix func(*T)) codec {
	return codec{name,
		func() any {
			var v T
			next := uint64(0)
			fill(reflect.ValueOf(&v).Elem(), &next)
			if fix != nil {
				fix(&v)
			}
			return v
		},
		func(v any) []byte { return encode(v.(T)) },
		func(b []byte) (any, error) { return decode(b) },
	}
}

func fixOutline(o *Outline) {
	for i := range o.Modules {
		m := &o.Modules[i]
		m.Program, m.Init, m.StopSignal = nil, nil, 10
		for j := range m.Enforcement {
			m.Enforcement[j].Level = sandbox.Missing
		}
	}
}

// messages are all kinds of messages between the spawner and the manager.
var messages = []codec{
	of("frame", Frame.Encode, DecodeFrame, func(f *Frame) { f.Kind = KindNotice }),
	of("start", StartRequest.Encode, DecodeStart, nil),
	of("signal", SignalRequest.Encode, DecodeSignal, nil),
	of("memo", Memo.Encode, DecodeMemo, nil),
	of("instance ID", EncodeID[InstanceID], DecodeID[InstanceID], nil),
	of("generation ID", EncodeID[GenerationID], DecodeID[GenerationID], nil),
	of("status", EncodeStatus, DecodeStatus, nil),
	of("reply", Reply.Encode, DecodeReply, func(r *Reply) { r.Code = Refused }),
	of("exited", ExitedEvent.Encode, DecodeExited, nil),
	of("wish", EncodeWish, DecodeWish, func(w *Wish) { *w = WishStop }),
	of("notice", Notice.Encode, DecodeNotice, func(n *Notice) { n.Severity = Error }),
	of("instance", Instance.Encode, DecodeInstance, nil),
	of("outline", Outline.Encode, DecodeOutline, fixOutline),
	of("snapshot", Snapshot.Encode, DecodeSnapshot, func(s *Snapshot) { fixOutline(&s.Current); fixOutline(s.Prepared) }),
	of("stats", Stats.Encode, DecodeStats, nil),
}

// TestMessagesTravel: every field arrives; an end at any byte, and a byte more, are seen.
func TestMessagesTravel(t *testing.T) {
	for _, c := range messages {
		t.Run(c.name, func(t *testing.T) {
			want := c.full()
			message := c.encode(want)
			got, err := c.decode(message)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, plain); diff != "" {
				t.Errorf("- sent, + received:\n%s", diff)
			}
			if c.name == "frame" {
				return // a body of any length is a body
			}
			for n := range message {
				if _, err := c.decode(message[:n:n]); !errors.Is(err, ErrMalformed) {
					t.Fatalf("the first %d of %d bytes: %v", n, len(message), err)
				}
			}
			if _, err := c.decode(append(slices.Clone(message), 0)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "left over") {
				t.Errorf("one byte more: %v", err)
			}
		})
	}
}

// TestEmptyMessagesTravel: what is zero, nil or empty arrives so.
func TestEmptyMessagesTravel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		codec string
		value any
	}{
		{"instance without an end", "instance", Instance{}},
		{"snapshot of nothing", "snapshot", Snapshot{}},
		{"reply", "reply", Reply{}},
		{"a memo to be removed", "memo", Memo{Key: "x"}},
		{"notice", "notice", Notice{}},
		{"statistics", "stats", Stats{}},
		{"frame without a body", "frame", Frame{Kind: KindPing, ID: 1<<64 - 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := messages[slices.IndexFunc(messages, func(c codec) bool { return c.name == tt.codec })]
			got, err := c.decode(c.encode(tt.value))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.value, got, plain, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("- sent, + received:\n%s", diff)
			}
		})
	}
}

// TestMessagesRefused: values that a layout can carry and nobody sends.
func TestMessagesRefused(t *testing.T) {
	long := strings.Repeat("x", maxReplies+1)
	tests := []struct {
		name   string
		decode func() error
		says   string
	}{
		{"a frame that is too large", func() error {
			_, err := DecodeFrame(append(Frame{Kind: KindPing}.Encode(), make([]byte, MaxFrame)...))
			return err
		}, "a frame of 65545 bytes"},
		{"a frame of kind 0", func() error { _, err := DecodeFrame(make([]byte, 9)); return err }, "a frame of none"},
		{"a frame of an unknown kind", func() error { _, err := DecodeFrame(append([]byte{byte(kinds)}, make([]byte, 8)...)); return err }, "a frame of kind 20"},
		{"replica 1000", func() error {
			_, err := DecodeStart(StartRequest{Module: "a", Replica: maxReplicas}.Encode())
			return err
		}, "replica 1000"},
		{"a long name", func() error { _, err := DecodeStart(StartRequest{Module: long}.Encode()); return err }, "a name of 32769 bytes; at most 256"},
		{"signal 0", func() error { _, err := DecodeSignal(SignalRequest{}.Encode()); return err }, "signal 0"},
		{"signal 65", func() error { _, err := DecodeSignal(SignalRequest{Signal: 65}.Encode()); return err }, "signal 65"},
		{"a long key", func() error { _, err := DecodeMemo(Memo{Key: long}.Encode()); return err }, "at most 300"},
		{"a long memo", func() error { _, err := DecodeMemo(Memo{Data: make([]byte, MaxMemo+1)}.Encode()); return err }, "a memo of 1025 bytes"},
		{"reply code 3", func() error { _, err := DecodeReply(Reply{Code: 3}.Encode()); return err }, "reply code 3"},
		{"wish 0", func() error { _, err := DecodeWish([]byte{0}); return err }, "wish 0"},
		{"wish 3", func() error { _, err := DecodeWish([]byte{3}); return err }, "wish 3"},
		{"severity 3", func() error { _, err := DecodeNotice(Notice{Severity: 3}.Encode()); return err }, "severity 3"},
		{"an end of 2000 bytes", func() error {
			_, err := DecodeExited(ExitedEvent{Exit: Exit{Text: long[:2000]}}.Encode())
			return err
		}, "at most 1024"},
		{"an outline with a program", func() error { _, err := DecodeOutline(planAsOutline()); return err }, "has a launch program"},
		{"another version", func() error {
			m := Snapshot{}.Encode()
			binary.LittleEndian.PutUint32(m, Version+1)
			_, err := DecodeSnapshot(m)
			return err
		}, "version 2 of the messages; this program speaks 1"},
		{"a list longer than its message", func() error {
			_, err := DecodeStats([]byte{0xff, 0xff, 0, 0, 1, 2, 3})
			return err
		}, "a list of 65535 elements; at most 3 fit"},
		{"a histogram of 65 buckets", func() error {
			_, err := DecodeStats(Stats{Launches: Histogram{Buckets: make([]Bucket, maxBuckets+1)}}.Encode())
			return err
		}, "a list of 65 elements"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.decode(); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// planAsOutline is an outline whose modules kept their programs.
func planAsOutline() []byte {
	p := fullPlan()
	return Outline{Generation: 1, Listeners: p.Listeners, Modules: p.Modules}.Encode()
}

// TestOutlineOf: everything of a plan but the programs.
func TestOutlineOf(t *testing.T) {
	p := fullPlan()
	o := p.Outline(7, []string{"web.yaml"})
	if o.Generation != 7 || o.Files[0] != "web.yaml" || o.Rendered != p.Rendered || o.JSON != p.JSON {
		t.Errorf("%+v", o)
	}
	if diff := cmp.Diff(p.Modules, o.Modules, plain, cmpopts.IgnoreFields(Module{}, "Program", "Init")); diff != "" {
		t.Errorf("modules:\n%s", diff)
	}
	for i, m := range o.Modules {
		if m.Program != nil || m.Init != nil || p.Modules[i].Program == nil {
			t.Errorf("module %s: program %v in the outline, %v in the plan", m.Name, m.Program, p.Modules[i].Program)
		}
	}
	if _, err := DecodeOutline(o.Encode()); err != nil {
		t.Error(err)
	}
}

// TestTextsAreCut: a long text of a reply or a notice fits into a frame.
func TestTextsAreCut(t *testing.T) {
	long := strings.Repeat("x", 2*MaxFrame)
	for name, f := range map[string]Frame{
		"reply":  {Kind: KindReply, Body: Reply{Text: long}.Encode()},
		"notice": {Kind: KindNotice, Body: Notice{Text: long}.Encode()},
	} {
		if n := len(f.Encode()); n > MaxFrame || n < maxReplies {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
	if r, err := DecodeReply(Reply{Text: long}.Encode()); err != nil || len(r.Text) != maxReplies {
		t.Errorf("%d bytes, %v", len(r.Text), err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a frame that is too large was made")
		}
	}()
	Frame{Kind: KindReply, Body: make([]byte, MaxFrame)}.Encode()
}

// TestMemoOutlivesItsFrame: what is remembered is a copy.
func TestMemoOutlivesItsFrame(t *testing.T) {
	body := Memo{Key: "k", Data: []byte("data")}.Encode()
	m, err := DecodeMemo(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if m.Key != "k" || string(m.Data) != "data" {
		t.Errorf("%+v", m)
	}
}

// TestKinds: every kind has a name, and those that ask are told from those that tell.
func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	var requests []Kind
	for k := Kind(0); k < kinds; k++ {
		if seen[k.String()] || k.String() == "" {
			t.Errorf("kind %d is %q", k, k)
		}
		if seen[k.String()] = true; k.Request() {
			requests = append(requests, k)
		}
	}
	if requests[0] != KindPrepare || requests[len(requests)-1] != KindFinish || len(requests) != 11 {
		t.Errorf("requests %v", requests)
	}
	if Kind(99).String() != "kind 99" || Kind(99).Request() {
		t.Error(Kind(99))
	}
}

func TestDescriptorsOfInstance(t *testing.T) {
	for want, i := range map[int]Instance{2: {}, 3: {Notify: true}, 4: {Notify: true, Control: true}} {
		if got := i.Descriptors(); got != want || got > MaxDescriptors {
			t.Errorf("%+v has %d, want %d", i, got, want)
		}
	}
	if got := (Instance{Control: true}).Descriptors(); got != 3 {
		t.Errorf("%d", got)
	}
}

func TestZeroTimes(t *testing.T) {
	i, err := DecodeInstance(Instance{ID: 1}.Encode())
	if err != nil || !i.Started.IsZero() {
		t.Errorf("%s, %v", i.Started, err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	if i, err = DecodeInstance(Instance{ID: 1, Started: at}.Encode()); err != nil || !i.Started.Equal(at) {
		t.Errorf("%s, %v", i.Started, err)
	}
}

// fuzz checks a decoder: what it accepts means the same after another round, and it never takes more memory than its message explains.
func fuzz(f *testing.F, name string) {
	f.Helper()
	c := messages[slices.IndexFunc(messages, func(c codec) bool { return c.name == name })]
	f.Add(c.encode(c.full()))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, message []byte) {
		v, err := c.decode(message)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := c.decode(c.encode(v))
		if err != nil {
			t.Fatalf("what was accepted is refused after another round: %v", err)
		}
		if diff := cmp.Diff(v, again, plain, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("another round changes it:\n%s", diff)
		}
	})
}

func FuzzFrame(f *testing.F)    { fuzz(f, "frame") }
func FuzzStart(f *testing.F)    { fuzz(f, "start") }
func FuzzSignal(f *testing.F)   { fuzz(f, "signal") }
func FuzzMemo(f *testing.F)     { fuzz(f, "memo") }
func FuzzReply(f *testing.F)    { fuzz(f, "reply") }
func FuzzExited(f *testing.F)   { fuzz(f, "exited") }
func FuzzNotice(f *testing.F)   { fuzz(f, "notice") }
func FuzzInstance(f *testing.F) { fuzz(f, "instance") }
func FuzzOutline(f *testing.F)  { fuzz(f, "outline") }
func FuzzSnapshot(f *testing.F) { fuzz(f, "snapshot") }
func FuzzStats(f *testing.F)    { fuzz(f, "stats") }
