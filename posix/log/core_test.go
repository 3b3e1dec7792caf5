package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
	"github.com/bulkhead/bulkhead/posix/log"
)

// fixed answers some calls.
type fixed struct{ posix.Unimplemented }

func (fixed) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) { return 7, nil }
func (fixed) Read(fd posix.FD, p []byte) (int, error)                   { return copy(p, "secret"), nil }
func (fixed) Pipe2(int) (posix.FD, posix.FD, error)                     { return 8, 9, nil }
func (fixed) Close(posix.FD) error                                      { return errors.New("no errno") }
func (fixed) Getpid() posix.PID                                         { return 42 }
func (fixed) Accept4(posix.FD, int) (posix.FD, posix.Sockaddr, error) {
	return 5, posix.Sockaddr{Family: syscall.AF_INET, Addr: netip.MustParseAddrPort("10.0.0.1:99")}, nil
}

// logged returns what a call logs, without times.
func logged(call func(posix.Core)) string {
	var b bytes.Buffer
	handler := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: log.Level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, slog.LevelKey:
			return slog.Attr{}
		case "duration":
			if a.Value.Kind() != slog.KindDuration || a.Value.Duration() < 0 {
				return slog.String("duration", "BAD")
			}
			return slog.String("duration", "D")
		}
		return a
	}})
	call(log.New(fixed{}, slog.New(handler)))
	return strings.TrimSpace(b.String())
}

func TestRecords(t *testing.T) {
	for _, tt := range []struct {
		call func(posix.Core)
		want string
	}{
		{func(c posix.Core) {
			_, _ = c.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{Flags: 1, Mode: 2, Resolve: 3})
		},
			`op=openat2 dir=-100 path=/etc/x how_flags=1 how_mode=2 how_resolve=3 result=7 duration=D`},
		{func(c posix.Core) { _, _ = c.Read(3, make([]byte, 16)) }, `op=read fd=3 p_len=16 result=6 duration=D`},
		{func(c posix.Core) { _, _, _ = c.Pipe2(4) }, `op=pipe2 flags=4 r=8 w=9 duration=D`},
		{func(c posix.Core) { _, _, _ = c.Accept4(3, 0) }, `op=accept4 fd=3 flags=0 result=5 result_addr=10.0.0.1:99 duration=D`},
		{func(c posix.Core) { c.Getpid() }, `op=getpid result=42 duration=D`},
		{func(c posix.Core) {
			_ = c.Renameat2(posix.Rename{OldDir: 1, OldPath: "a b", NewDir: 2, NewPath: "c", Flags: 3})
		}, `op=renameat2 old_dir=1 old_path="a b" new_dir=2 new_path=c flags=3 errno=ENOSYS duration=D`},
		{func(c posix.Core) { _ = c.Bind(3, posix.Sockaddr{Family: syscall.AF_UNIX, Path: "@x"}) }, `op=bind fd=3 addr=@x errno=ENOSYS duration=D`},
		{func(c posix.Core) { _ = c.Kill(1, syscall.SIGTERM) }, `op=kill pid=1 sig=15 errno=ENOSYS duration=D`},
		{func(c posix.Core) { _ = c.Fstat(3, &posix.Stat{Size: 5}) }, `op=fstat fd=3 errno=ENOSYS duration=D`},
		{func(c posix.Core) { _ = c.Execve("/x", []string{"a", "password"}, nil) }, `op=execve path=/x argv_len=2 env_len=0 errno=ENOSYS duration=D`},
		{func(c posix.Core) { _ = c.Close(3) }, `op=close fd=3 errno="no errno" duration=D`},
	} {
		if got := logged(tt.call); got != `msg="posix call" `+tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// counting counts what it is asked, and is enabled or not.
type counting struct {
	slog.Handler
	enabled       bool
	asked, writes *int
}

func (h counting) Enabled(_ context.Context, l slog.Level) bool {
	*h.asked++
	return h.enabled && l >= log.Level
}
func (h counting) Handle(context.Context, slog.Record) error { *h.writes++; return nil }

func TestDisabledCostsAQuestion(t *testing.T) {
	var asked, writes int
	var core posix.Core = log.New(fixed{}, slog.New(counting{Handler: slog.DiscardHandler, asked: &asked, writes: &writes}))
	buf := make([]byte, 16)
	for name, do := range map[string]func(){
		"openat2":   func() { _, _ = core.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{}) },
		"read":      func() { _, _ = core.Read(3, buf) },
		"renameat2": func() { _ = core.Renameat2(posix.Rename{OldPath: "a", NewPath: "b"}) },
		"accept4":   func() { _, _, _ = core.Accept4(3, 0) },
		"getpid":    func() { core.Getpid() },
	} {
		asked = 0
		do()
		if asked != 1 || writes != 0 {
			t.Errorf("%s: asked %d times, wrote %d, want 1 and 0", name, asked, writes)
		}
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations while disabled, want 0", name, n)
		}
	}

	asked, writes = 0, 0
	core = log.New(fixed{}, slog.New(counting{Handler: slog.DiscardHandler, enabled: true, asked: &asked, writes: &writes}))
	core.Getpid()
	if writes != 1 {
		t.Errorf("enabled: wrote %d records, want 1", writes)
	}
}

func TestNamesItself(t *testing.T) {
	if got := posix.Describe(log.New(fixed{}, slog.Default())); got != "log > log_test.fixed" {
		t.Error(got)
	}
}

func ExampleNew() {
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: log.Level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" { // they differ from run to run
			return slog.Attr{}
		}
		return a
	}})
	core := log.New(posix.Unimplemented{}, slog.New(handler)) // in a program, linux.New()
	_, err := core.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{})
	fmt.Println(err)
	// Output:
	// level=DEBUG msg="posix call" op=openat2 dir=-100 path=/etc/x how_flags=0 how_mode=0 how_resolve=0 errno=ENOSYS
	// function not implemented
}

// Every operation is one record, with its errno when it failed, and none while nobody listens.
func TestEveryOperation(t *testing.T) {
	var text bytes.Buffer
	level := &slog.LevelVar{}
	logger := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: log.Level}))
	for _, base := range []posix.Core{trial.Succeeding{}, posix.Unimplemented{}} {
		core := log.NewLeveled(base, logger, level)
		level.Set(slog.LevelInfo)
		trial.Every(core)
		if text.Len() > 0 {
			t.Fatalf("logged while the level is %v:\n%s", level, text.String())
		}
		level.Set(log.Level)
		for _, a := range trial.Every(core) {
			line, err := text.ReadString('\n')
			failed := strings.Contains(line, "errno=ENOSYS")
			if err != nil || !strings.Contains(line, " op="+a.Op.String()+" ") || failed != (a.Err != nil) {
				t.Errorf("%s (%v): %s", a.Op, a.Err, line)
			}
		}
	}
}
