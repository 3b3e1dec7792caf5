package notify

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	status := func(s string) *string { return &s }
	tests := []struct {
		name, text string
		want       Message
		bad        bool
	}{
		{name: "ready", text: "READY=1", want: Message{Ready: true}},
		{name: "as daemons send it", text: "READY=1\nSTATUS=Ready to accept connections\n", want: Message{Ready: true, Status: status("Ready to accept connections")}},
		{name: "all", text: "STOPPING=1\nRELOADING=1\nWATCHDOG=1\nERRNO=2\nWATCHDOG_USEC=1500000\nMAINPID=12",
			want: Message{Stopping: true, Reloading: true, Watchdog: true, Errno: 2, WatchdogT: 1500 * time.Millisecond, MainPID: true}},
		{name: "not ready", text: "READY=0", want: Message{}},
		{name: "not ready any more is not said so", text: "READY=1\nREADY=0", want: Message{Ready: true}},
		{name: "unknown", text: "FDSTORE=1\nX_FOO=bar\nBARRIER=1\nMONOTONIC_USEC=5", want: Message{}},
		{name: "empty", text: "", want: Message{}},
		{name: "empty lines", text: "\n\nREADY=1\n\n", want: Message{Ready: true}},
		{name: "an empty status", text: "STATUS=", want: Message{Status: status("")}},
		{name: "a status with =", text: "STATUS=a=b", want: Message{Status: status("a=b")}},
		{name: "a status for the terminal", text: "STATUS=\x1b[2J\xff\tx", want: Message{Status: status("\ufffd[2J\ufffd\ufffdx")}},
		{name: "no assignment", text: "READY", bad: true},
		{name: "a zero", text: "READY=1\x00", bad: true},
		{name: "errno", text: "ERRNO=-1", bad: true},
		{name: "errno as a word", text: "ERRNO=EPERM", bad: true},
		{name: "watchdog of nothing", text: "WATCHDOG_USEC=0", bad: true},
		{name: "watchdog of ages", text: "WATCHDOG_USEC=86400000001", bad: true},
		{name: "watchdog overflow", text: "WATCHDOG_USEC=99999999999999999999", bad: true},
		{name: "too long", text: strings.Repeat("X=1\n", 1025), bad: true},
		{name: "as long as can be", text: strings.Repeat("X=1\n", 1024), want: Message{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse([]byte(test.text))
			if errors.Is(err, ErrMalformed) != test.bad {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff(test.want, got); !test.bad && diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=" + strings.Repeat("ä", 400)))
	f.Add([]byte("WATCHDOG_USEC=100\nERRNO=4"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		if m.Status != nil && (len(*m.Status) > maxStatus || !utf8.ValidString(*m.Status) || strings.ContainsAny(*m.Status, "\x1b\n\r")) {
			t.Errorf("status %q", *m.Status)
		}
		if m.WatchdogT < 0 || m.WatchdogT > maxWatchdog || m.Errno < 0 {
			t.Errorf("%+v", m)
		}
	})
}
