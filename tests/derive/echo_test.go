package derive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/derive"
)

const echoPackage = "./tests/testdata/echo"

// derived runs `supervisor policy derive`, which finds posixderive beside the supervisor or along PATH.
func derived(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, place.supervisor, append([]string{"policy", "derive"}, args...)...)
	var out, says strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = place.root, &out, &says
	cmd.Env = append(os.Environ(), "PATH="+place.dir+":"+os.Getenv("PATH"))
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), says.String(), status
}

// report derives what follows from a program.
func report(t *testing.T, args ...string) (r derive.Report) {
	t.Helper()
	text, says, status := derived(t, append([]string{"-o", "json", "--tags", "netgo,osusergo"}, args...)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, says)
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// daemon is a running echo.
type daemon struct {
	cmd     *exec.Cmd
	address string
	says    *strings.Builder
	ended   chan struct{}
}

// start starts a command that prints the address it listens on. When it ends without, address is empty.
func start(t *testing.T, environ []string, name string, args ...string) *daemon {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	d := &daemon{cmd: exec.CommandContext(ctx, name, args...), says: &strings.Builder{}, ended: make(chan struct{})}
	d.cmd.Env = append(os.Environ(), environ...)
	d.cmd.Stderr = d.says
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Process.Signal(unix.SIGTERM)
		<-d.ended
		cancel()
	})
	lines := bufio.NewReader(out)
	line, _ := lines.ReadString('\n') // nothing when it has ended
	d.address = strings.TrimSpace(line)
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		_ = d.cmd.Wait() // its status is looked at by who wants it
		close(d.ended)
	}()
	return d
}

// status ends the daemon, when it has not ended by itself, and returns its exit status.
func (d *daemon) status() int {
	_ = d.cmd.Process.Signal(unix.SIGTERM)
	<-d.ended
	return d.cmd.ProcessState.ExitCode()
}

// echoes sends text on a connection of its own and tells whether the same comes back.
func echoes(address string, text []byte) error {
	conn, err := net.DialTimeout("tcp", address, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(text)
		sent <- err
	}()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil {
		return errors.Join(err, conn.Close(), <-sent)
	}
	if !bytes.Equal(got, text) {
		return errors.New("other bytes came back")
	}
	return <-sent
}

// talk uses all that the daemon is for: several connections at once, and one that sends more than the buffers of a socket hold.
func talk(t *testing.T, d *daemon) {
	t.Helper()
	var all sync.WaitGroup
	for i := range 8 {
		text := []byte("hello\n")
		if i == 0 {
			text = bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		}
		all.Go(func() {
			if err := echoes(d.address, text); err != nil {
				t.Errorf("connection %d: %v\n%s", i, err, d.says)
			}
		})
	}
	all.Wait()
}

// TestEchoUnderDerivedFilter runs the daemon under exactly what is derived from its source, and under less.
func TestEchoUnderDerivedFilter(t *testing.T) {
	echo := static(t, "echo")
	r := report(t, echoPackage)
	list, err := r.Allow(derive.Reachable)
	if err != nil {
		t.Fatal(err)
	}
	confinedEcho := func(t *testing.T, calls []string) *daemon {
		file := policy(t, "", []string{echo, `"127.0.0.1:0"`}, exactly(calls))
		return start(t, nil, place.supervisor, "exec", "--policy", file)
	}
	t.Run("exactly", func(t *testing.T) {
		d := confinedEcho(t, list.All())
		if d.address == "" {
			<-d.ended
			t.Fatalf("it does not listen: %v\n%s", d.cmd.ProcessState, d.says)
		}
		talk(t, d)
		if status := d.status(); status != 128+int(unix.SIGTERM) {
			t.Errorf("status %d\n%s", status, d.says)
		}
	})
	for _, c := range []struct {
		call    string
		listens bool
	}{{"listen", false}, {"getsockname", false}, {"epoll_ctl", true}, {"accept4", true}, {"socket", false}} {
		t.Run("without "+c.call, func(t *testing.T) {
			d := confinedEcho(t, without(t, list.All(), c.call))
			if (d.address != "") != c.listens {
				t.Errorf("address %q\n%s", d.address, d.says)
			}
			if d.address != "" && echoes(d.address, []byte("hello\n")) == nil {
				t.Error("it answers")
			}
			if <-d.ended; d.cmd.ProcessState.ExitCode() != killed {
				t.Errorf("%v, want status %d\n%s", d.cmd.ProcessState, killed, d.says)
			}
		})
	}
}

// TestProfile uses what -o yaml prints in a policy, as it is.
func TestProfile(t *testing.T) {
	echo := static(t, "echo")
	profile, says, status := derived(t, "-o", "yaml", "--tags=netgo,osusergo", echoPackage)
	if status != 0 {
		t.Fatal(says)
	}
	d := start(t, nil, place.supervisor, "exec", "--policy", policy(t, profile, []string{echo, `"127.0.0.1:0"`}, "extends: echo"))
	if d.address == "" {
		<-d.ended
		t.Fatalf("%v\n%s\n%s", d.cmd.ProcessState, d.says, profile)
	}
	talk(t, d)
}

// TestThreeColumns compares what the daemon declares, can reach, and was seen to do.
func TestThreeColumns(t *testing.T) {
	recorder, err := built("echo-record", "CGO_ENABLED=0", "-tags", "netgo osusergo record", echoPackage)
	if err != nil {
		t.Fatal(err)
	}
	recording := filepath.Join(t.TempDir(), "recording")
	d := start(t, []string{"ECHO_RECORDING=" + recording}, recorder, "127.0.0.1:0")
	talk(t, d)
	_ = d.status() // killed, so the recording has no last line

	r := report(t, echoPackage, "--recording", recording)
	var declared, reachable, observed []string
	for _, op := range r.Operations {
		if op.Declared {
			declared = append(declared, op.Name)
		}
		if op.Reachable {
			reachable = append(reachable, op.Name)
		}
		if op.Observed > 0 {
			observed = append(observed, op.Name)
		}
		if op.Reachable && !op.Declared || op.Observed > 0 && !op.Reachable {
			t.Errorf("%+v: declared ⊇ reachable ⊇ observed does not hold", op)
		}
	}
	want := []string{"accept4", "bind", "close", "epoll_create1", "epoll_ctl", "epoll_wait", "getsockname", "listen", "read",
		"setsockopt_int", "socket", "write"}
	if !slices.Equal(reachable, want) {
		t.Errorf("reachable:\n%v\nwant\n%v", reachable, want)
	}
	if !slices.Equal(observed, want) { // talk makes it do everything
		t.Errorf("observed:\n%v\nwant\n%v", observed, want)
	}
	if len(declared) <= len(reachable) || slices.Contains(declared, "clone3") || !slices.Contains(declared, "shutdown") {
		t.Errorf("declared: %v; want all of Files, Sockets and Polling, and nothing else", declared)
	}

	table, says, status := derived(t, echoPackage, "--recording", recording)
	if status != 0 {
		t.Fatal(says)
	}
	lines := strings.Split(table, "\n")
	for _, line := range []string{
		"CALL DECLARED REACHABLE OBSERVED OPERATION WHERE",
		"shutdown yes - - Sockets.Shutdown",
		"accept4 yes yes 8 Sockets.Accept4 " + echoPackage[2:] + "/server.go:",
	} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(strings.Join(strings.Fields(l), " "), line) }) {
			t.Errorf("no line %q in\n%s", line, table)
		}
	}
	profile, says, status := derived(t, "-o", "yaml", "--from", "observed", "--recording", recording, echoPackage)
	if status != 0 || !strings.Contains(profile, "accept4") {
		t.Errorf("status %d: %s%s", status, profile, says)
	}
}

// TestDeriveErrors makes each mistake that somebody can make.
func TestDeriveErrors(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign")
	const header = `{"recording":"posix","version":1,"platform":"linux/`
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for name, text := range map[string]string{
		foreign:   header + runtime.GOARCH + `"}` + "\n" + `{"n":1,"op":"openat2"}` + "\n",
		elsewhere: header + `s390x"}` + "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"no package", nil, 2, "name one package"},
		{"two", []string{echoPackage, "./posix"}, 2, "name one package"},
		{"no such package", []string{"./nowhere"}, 1, "./nowhere does not load"},
		{"a package that does not use posix", []string{"./core/future"}, 1, "does not use package posix"},
		{"several", []string{"./tests/..."}, 2, "name one package"},
		{"no such flag", []string{"--wrong", echoPackage}, 2, "--help"},
		{"no such output", []string{"-o", "xml", echoPackage}, 2, `"xml": use table, yaml or json`},
		{"no such basis", []string{"-o", "yaml", "--from", "guess", echoPackage}, 2, "declared, reachable or observed"},
		{"observed without a recording", []string{"--from", "observed", "-o", "yaml", echoPackage}, 2, "needs --recording"},
		{"no such recording", []string{"--recording", "/nowhere", echoPackage}, 2, "/nowhere"},
		{"not a recording", []string{"--recording", "go.mod", echoPackage}, 2, "go.mod:1: not a recording"},
		{"of another program", []string{"--recording", foreign, echoPackage}, 2, "is a recording of another program: it has openat2"},
		{"of another machine", []string{"--recording", elsewhere, echoPackage}, 2, "it was made on s390x"},
		{"an architecture without a baseline", []string{"--arch", "riscv64", echoPackage}, 1, "amd64 arm64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, says, status := derived(t, c.args...)
			if status != c.status || !strings.Contains(says, c.says) || out != "" {
				t.Errorf("status %d, want %d with %q:\n%s%s", status, c.status, c.says, says, out)
			}
		})
	}
}
