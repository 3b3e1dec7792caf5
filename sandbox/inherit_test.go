package sandbox

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestArgumentsAndEnvironment(t *testing.T) {
	tests := []struct {
		name   string
		module string
		change func(*Request)
		argv   []string
		env    []string
		exec   string
	}{
		{name: "own", module: plain, argv: []string{"/bin/true", "-v"}, env: []string{"LANG=C"}, exec: "/bin/true"},
		{name: "systemd", module: with("listeners: {http: 3, api: 4}"), argv: []string{"/bin/true", "-v"},
			env: []string{"LANG=C", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:api", "LISTEN_PID="}, exec: "/bin/true"},
		{name: "nginx", module: with("listeners: {http: 3, api: 4}", "listener_protocol: nginx"), argv: []string{"/bin/true", "-v"},
			env: []string{"LANG=C", "NGINX=3;4;"}, exec: "/bin/true"},
		{name: "exec", module: plain, change: func(r *Request) {
			r.Command, r.Environment = []string{"/usr/bin/script", "", "a b"}, []string{"LANG=de", "TERM=vt100"}
		}, argv: []string{"/usr/bin/script", "", "a b"}, env: []string{"LANG=C", "TERM=vt100"}, exec: "/usr/bin/script"},
		{name: "along PATH", module: with(`environment: {PATH: "relative:/nowhere:/usr/sbin:/usr/bin"}`), change: func(r *Request) { r.Command = []string{"true"} },
			argv: []string{"true"}, env: []string{"PATH=relative:/nowhere:/usr/sbin:/usr/bin"}, exec: "/usr/bin/true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var change []func(*Request)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			p := mustCompile(t, debian(), tt.module, change...).Program
			last := p.Steps[len(p.Steps)-1]
			if got := array(t, p, last.Args[2]); !slices.Equal(got, tt.argv) {
				t.Errorf("argv is %q", got)
			}
			if got := array(t, p, last.Args[3]); !slices.Equal(got, tt.env) {
				t.Errorf("the environment is %q", got)
			}
			if !strings.Contains(last.Text, fmt.Sprintf("AT_FDCWD, %q", tt.exec)) {
				t.Errorf("the exec is %s", last.Text)
			}
		})
	}
}

// TestListenPIDHasRoom: the child writes at most 20 digits and a zero byte behind the variable's name.
func TestListenPIDHasRoom(t *testing.T) {
	p := mustCompile(t, debian(), with("listeners: {http: 3, api: 4}")).Program
	for _, s := range p.Steps {
		if s.Op != posix.StepDecimal {
			continue
		}
		at := s.Args[1].Value
		if !bytes.HasSuffix(p.Memory[:at], []byte("LISTEN_PID=")) {
			t.Errorf("the digits are written behind %q", p.Memory[:at])
		}
		for i, b := range p.Memory[at : at+21] {
			if b != 0 {
				t.Errorf("byte %d of the place for the digits is something else's", i)
			}
		}
		return
	}
	t.Error("nothing writes LISTEN_PID")
}

// TestDescriptorsOfTheChild: the three streams, and the listeners from 3 on, in this order; all else is closed by the exec.
func TestDescriptorsOfTheChild(t *testing.T) {
	p := mustCompile(t, debian(), rich).Program
	var got []string
	closed := -1
	for i, s := range p.Steps {
		switch s.Number {
		case unix.SYS_CLOSE_RANGE:
			closed = i
			if s.Args[0].Value != 3 || s.Args[1].Value != 0xffffffff || s.Args[2].Value != unix.CLOSE_RANGE_CLOEXEC {
				t.Errorf("%s", s.Text)
			}
		case unix.SYS_DUP3:
			if closed < 0 {
				t.Errorf("%s before close_range, which would mark it", s.Text)
			}
			d := p.Prepare[s.Args[0].Value]
			got = append(got, fmt.Sprintf("%d %s%d", s.Args[1].Value, d.Path, d.From))
		case unix.SYS_OPENAT, unix.SYS_SOCKET, unix.SYS_FSOPEN:
			if !strings.Contains(s.Text, "CLOEXEC") {
				t.Errorf("%s is inherited", s.Text)
			}
		}
	}
	if want := []string{"0 0", "1 1", "2 2", "3 http0", "4 api0"}; !slices.Equal(got, want) {
		t.Errorf("descriptors %q, want %q", got, want)
	}
	if p.Listeners != 2 {
		t.Errorf("%d listeners", p.Listeners)
	}
}

// TestListenersOfNginx: nginx leaves an inherited socket as it is, and must not wait in accept(2). With systemd's protocol it is the module's choice.
func TestListenersOfNginx(t *testing.T) {
	for _, tt := range []struct {
		protocol string
		want     []string
	}{
		{"systemd", nil},
		{"nginx", []string{"fcntl(3, F_SETFL, O_NONBLOCK)", "fcntl(4, F_SETFL, O_NONBLOCK)"}},
	} {
		var got []string
		for _, s := range mustCompile(t, debian(), with("listeners: {http: 3, api: 4}", "listener_protocol: "+tt.protocol)).Program.Steps {
			if s.Number == unix.SYS_FCNTL && s.Op == posix.StepCall {
				got = append(got, s.Text)
				if s.Args[1].Value != unix.F_SETFL || s.Args[2].Value != unix.O_NONBLOCK || s.Origin.Line == 0 {
					t.Errorf("%s: %+v", tt.protocol, s)
				}
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.protocol, got, tt.want)
		}
	}
}
