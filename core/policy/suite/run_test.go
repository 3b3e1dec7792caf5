package suite

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

const source = `version: 1
modules:
  web:
    command: [/bin/a]
    user: nobody
    namespaces: [mount]
    capabilities: []
    network: {mode: host}
    filesystem: [{path: /bin, access: rx}]
    seccomp:
      allow:
        - [read, close, kill]
        - {call: socket, when: "family == AF_UNIX"}
tests:
`

// run parses tests, runs them and returns what is printed.
func run(t *testing.T, tests string) (string, []Result) {
	t.Helper()
	catalog := seccomp.X8664.Catalog()
	p, ds := policy.Parse("a.yaml", []byte(source+tests), policy.Options{Catalog: catalog, Dir: "/p"})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	env := Env{
		Arch: testArch,
		Decider: func(module string) (trace.Decider, error) {
			return seccomp.FromProgram(program())
		},
		Place: func(string) func(string) (trace.Where, bool) { return trace.Place(p.Modules[0].Seccomp) },
		Read: func(path string) ([]byte, error) {
			text, ok := map[string]string{
				"/p/good":  "execve(\"/bin/a\", [], 0x7f00) = 0\nread(3, \"\", 5) = 0\n",
				"/p/bad":   "read(3, \"\", 5) = 0\nsocket(AF_PACKET, SOCK_RAW, 0) = 3\n",
				"/p/odd":   "read(3, \"\", 5) = 0\nwhat is this\n",
				"/p/empty": "",
			}[path]
			if !ok {
				return nil, errors.New("no such file")
			}
			return []byte(text), nil
		},
		Wider: func(_, path string) ([]string, error) {
			if path == "/p/narrow.yaml" {
				return []string{"kill(pid=0, sig=0)", "close(fd=0)"}, nil
			}
			return nil, nil
		},
	}
	results := Run(p.Tests, env)
	var b strings.Builder
	if err := Render(&b, results); err != nil {
		t.Fatal(err)
	}
	return b.String(), results
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct{ test, want string }{
		"a call that is denied":  {`call: "socket(AF_PACKET, SOCK_RAW, 0)", expect: errno EPERM`, "ok   x\n1 tests, 0 failed\n"},
		"a call that is allowed": {`call: "socket(AF_UNIX, _, _)", expect: allowed`, "ok   x\n1 tests, 0 failed\n"},
		"another answer": {`call: "socket(AF_PACKET)", expect: errno ENOSYS`,
			"FAIL x: a.yaml:15:34: got errno EPERM, want errno ENOSYS\n     by a.yaml:13:18: allowed here when family == AF_UNIX\n1 tests, 1 failed\n"},
		"allowed and not expected": {`call: "read(3)", expect: errno EPERM`,
			"FAIL x: a.yaml:15:34: got allowed, want errno EPERM\n     by a.yaml:12:12: allowed here\n1 tests, 1 failed\n"},
		"it depends": {`call: "socket(_)", expect: errno EPERM`,
			"FAIL x: a.yaml:15:34: got may be denied (errno EPERM), depends on arguments family, type, protocol: socket(family=AF_UNSPEC, type=0, " +
				"protocol=0) -> errno EPERM, want errno EPERM\n" +
				"     by a.yaml:13:18: allowed here when family == AF_UNIX\n1 tests, 1 failed\n"},
		"no call": {`call: "sokcet(1)", expect: allowed`,
			"FAIL x: a.yaml:15:34: read the call \"sokcet(1)\": at 1: unknown system call \"sokcet\" of x86_64; did you mean \"socket\"?\n1 tests, 1 " +
				"failed\n"},
		"a trace": {`trace: good, expect: allowed`, "ok   x\n1 tests, 0 failed\n"},
		"a trace, denied": {`trace: bad, expect: allowed`,
			"FAIL x: a.yaml:15:35: got errno EPERM at /p/bad:2:1: socket(family=AF_PACKET, type=SOCK_RAW, protocol=0), want allowed\n     by " +
				"a.yaml:13:18: allowed here when family == AF_UNIX\n1 tests, 1 failed\n"},
		"denied as expected": {`trace: bad, expect: errno EPERM`, "ok   x\n1 tests, 0 failed\n"},
		"a trace, not read": {`trace: odd, expect: allowed`,
			"FAIL x: a.yaml:15:35: got /p/odd:2:6: an opening parenthesis is expected after what, want allowed\n1 tests, 1 failed\n"},
		"an empty trace": {`trace: empty, expect: allowed`, "FAIL x: a.yaml:15:35: got a trace without a call, want allowed\n1 tests, 1 failed\n"},
		"no trace":       {`trace: none, expect: allowed`, "FAIL x: a.yaml:15:35: read the trace /p/none: no such file\n1 tests, 1 failed\n"},
		"a subset":       {`subset_of: wide.yaml`, "ok   x\n1 tests, 0 failed\n"},
		"no subset": {`subset_of: narrow.yaml`,
			"FAIL x: a.yaml:15:39: got kill(pid=0, sig=0) and 1 more, want no call that /p/narrow.yaml does not allow\n     kill(pid=0, sig=0)\n     " +
				"close(fd=0)\n1 tests, 1 failed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, results := run(t, "  - {name: x, module: web, "+c.test+"}\n")
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if Failed(results) != strings.HasPrefix(got, "FAIL") {
				t.Error(results)
			}
		})
	}
}
