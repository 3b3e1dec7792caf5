package derive

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a report as Analyze makes it.
func sample() *Report {
	ops := []Operation{
		{Name: "accept4", Interface: "Sockets", Method: "Accept4", Calls: []string{"accept4"},
			Declared: true, Reachable: true, Observed: 3, Where: "main.go:12"},
		{Name: "getsockopt_int", Interface: "Sockets", Method: "GetsockoptInt", Calls: []string{"getsockopt"}, Declared: true},
		{Name: "getsockopt_tcp_info", Interface: "Sockets", Method: "GetsockoptTCPInfo", Calls: []string{"getsockopt"}, Declared: true},
		{Name: "getsockopt_ucred", Interface: "Sockets", Method: "GetsockoptUcred", Calls: []string{"getsockopt"}, Declared: true},
		{Name: "openat2", Interface: "Files", Method: "Openat2", Calls: []string{"openat2"}, Declared: true, Reachable: true, Where: "main.go:20"},
		{Name: "pipe2", Interface: "Files", Method: "Pipe2", Calls: []string{"pipe2"}, Declared: true},
	}
	return &Report{
		Package: "example.com/Web_server", Arch: "amd64", Observed: true, Operations: ops, Calls: rows(ops),
		Takers:    []Taker{{Type: "posix.Sockets", Functions: []string{"accept", "serve"}, Where: "main.go:10", Operations: 15, Reachable: 1}},
		Runtime:   []Alongside{{"futex", "threads", "sleeping"}, {"mmap", "memory", "heap"}},
		Libraries: []Alongside{{"pipe2", "os.init", ""}},
		Notes:     []string{"C code is called"},
	}
}

func TestWriteTable(t *testing.T) {
	const want = `example.com/Web_server, linux/amd64

CALL        DECLARED  REACHABLE  OBSERVED  OPERATION                                                    WHERE
accept4     yes       yes        3         Sockets.Accept4                                              main.go:12
getsockopt  yes       -          -         Sockets.GetsockoptInt, Sockets.GetsockoptTCPInfo and 1 more
openat2     yes       yes        -         Files.Openat2                                                main.go:20
pipe2       yes       -          -         Files.Pipe2

The Go runtime makes, whatever the program does
  futex mmap

Libraries make, without posix.Core
  pipe2  os.init

Of posix.Core 4 calls declared, 2 reachable, 1 observed. An allow-list of what is reachable has 5 calls.

Could be dropped: declared, and nothing reaches it. Take narrower interfaces
  getsockopt
  posix.Sockets  1 of its 15 operations called  taken by accept and 1 more, main.go:10

Could be dropped, if the recording has all that the program is for: reachable, and not observed
  openat2

not seen: C code is called
`
	var b strings.Builder
	if err := sample().WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestWriteYAML(t *testing.T) {
	const head = `# What is %s in example.com/Web_server, linux/amd64. A module takes it with ` + "`extends: web-server`" + `.
# Not seen: C code is called
profiles:
  web-server:
    seccomp:
      architectures: [native]
      default: errno ENOSYS
      denied: errno EPERM
      allow:
`
	const tail = `        # the Go runtime
        - [futex, mmap]
`
	const libraries = `        # libraries, without posix.Core
        - [pipe2]
`
	for basis, want := range map[Basis]string{
		Declared:  "        # posix.Core\n        - [accept4, getsockopt, openat2, pipe2]\n" + tail,
		Reachable: "        # posix.Core\n        - [accept4, openat2]\n" + tail + libraries,
		Observed:  "        # posix.Core\n        - [accept4]\n" + tail + libraries,
	} {
		t.Run(string(basis), func(t *testing.T) {
			var b strings.Builder
			if err := sample().WriteYAML(&b, basis); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Replace(head, "%s", string(basis), 1)+want, b.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	r := sample()
	r.Observed = false
	for _, basis := range []Basis{Observed, "guess"} {
		if err := r.WriteYAML(&strings.Builder{}, basis); err == nil {
			t.Errorf("a profile from %q without a recording", basis)
		}
	}
}
