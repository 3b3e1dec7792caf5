package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
)

func TestColumns(t *testing.T) {
	rows := [][]cell{heads("NAME", "STATE", "REASON"), {{text: "ö"}, {"ready", green}, {}}, {{text: "a"}, {"held", red}, {text: "started too often, and then some"}}}
	for _, c := range []struct {
		name string
		s    screen
		want string
	}{
		{"a file", screen{}, "NAME  STATE  REASON\nö     ready\na     held   started too often, and then some\n"},
		{"a terminal without colours", screen{terminal: true, width: 26}, "NAME  STATE  REASON\nö     ready\na     held   started too …\n"},
		{"a terminal", screen{terminal: true, width: 80, colour: true},
			"\x1b[1mNAME\x1b[0m  \x1b[1mSTATE\x1b[0m  \x1b[1mREASON\x1b[0m\nö     \x1b[32mready\x1b[0m\na     \x1b[31mheld\x1b[0m   started too often, and then some\n"},
		{"a narrow terminal", screen{terminal: true, width: 5}, "NAME  STATE  …\nö     …\na     held   …\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			c.s.Writer = &b
			if err := c.s.columns(rows); err != nil || b.String() != c.want {
				t.Errorf("%q, want %q; %v", b.String(), c.want, err)
			}
		})
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain ö 日本": "plain ö 日本", "a\x1b[2Jb": `a\x1b[2Jb`, "a\nb\tc": `a\nb\tc`, "\u202eevil": `\u202eevil`, "bad \xff": `bad �`, "\x00": `\x00`,
	} {
		if got := clean(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                          "plain",
		"a\tb":                           "a\tb",
		"\x1b[31mred\x1b[0m":             "\x1b[31mred\x1b[0m\x1b[0m",
		"\x1b[1;38;5;4mx":                "\x1b[1;38;5;4mx\x1b[0m",
		"\x1b[2Jgone\x1b]0;title\a":      `\x1b[2Jgone\x1b]0;title\a`,
		"\r\x1b[31mover\x1b[8;1H\x9b31m": `\r` + "\x1b[31mover" + `\x1b[8;1H�31m` + "\x1b[0m",
	} {
		if got := harmless(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59*time.Minute + 59*time.Second: "59m",
		25*time.Hour - time.Minute: "1d0h", 23*time.Hour + 5*time.Minute: "23h5m", 75 * time.Hour: "3d3h",
	} {
		if got := age(now, now.Add(-d)); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if got := age(now, time.Time{}); got != "-" {
		t.Errorf("never: %s", got)
	}
}

// TestRedraw: a status on a terminal is in one piece, not higher than it, and leaves nothing of the one before.
func TestRedraw(t *testing.T) {
	var b bytes.Buffer
	out := screen{Writer: &b, terminal: true, width: 60, height: 6}
	v := statusView{now: time.Now}
	if err := v.redraw(out, stageScene().status); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if !strings.HasPrefix(text, "\x1b[H") || !strings.HasSuffix(text, "… and 8 more lines\x1b[K\n\x1b[J") {
		t.Errorf("%q", text)
	}
	lines := strings.Split(text, "\n")
	if len(lines)-1 != out.height-1 {
		t.Errorf("%d lines on a terminal of %d", len(lines)-1, out.height)
	}
	for _, l := range lines {
		if n := len([]rune(strings.NewReplacer("\x1b[H", "", "\x1b[K", "", "\x1b[J", "").Replace(l))); n > out.width {
			t.Errorf("a line of %d characters: %q", n, l)
		}
	}
}

// TestProgressOnATerminal: the events of the command pass on one line.
func TestProgressOnATerminal(t *testing.T) {
	var b bytes.Buffer
	p := &progress{out: screen{Writer: &b, terminal: true, width: 12}, order: order{modules: []string{"api"}}}
	zero := 0
	for _, e := range []api.Event{
		{ID: "1", Trace: "t", Text: "reload"}, {ID: "2", Text: "of no command"}, {ID: "1", Trace: "t", Text: "shown before"},
		{ID: "3", Module: "api", Replica: &zero, Text: "is \x1b[2J ready"}, {Trace: "t", Text: "without an ID"},
	} {
		p.show(e)
	}
	if want := "\rreload\x1b[K\rapi[0]: is…\x1b[K"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
