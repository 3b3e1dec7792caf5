package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writePackage makes a directory with one file, posix.go, and returns the directory.
func writePackage(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "posix.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// methods puts lines into an interface that Core embeds; the first of them is line 5.
func methods(lines string) string {
	return "package posix\n\ntype FD int32\ntype Files interface {\n" + lines + "\n}\n\ntype Core interface {\n\tFiles\n}\n"
}

const fine = "//posix:calls x\n//posix:retry retry it only reads\n"

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string // all of them, each with its line
	}{
		{"no directives", methods("Read(fd FD) error"), []string{
			"posix.go:5: method Read has no //posix:calls directive",
			"posix.go:5: method Read has no //posix:retry directive",
		}},
		{"no retry", methods("//posix:calls read\nRead(fd FD) error"), []string{"posix.go:6: method Read has no //posix:retry directive"}},
		{"no calls", methods("//posix:retry retry it only reads\nRead(fd FD) error"), []string{"posix.go:6: method Read has no //posix:calls directive"}},
		{"calls of nothing", methods("//posix:calls\n//posix:retry retry it only reads\nRead(fd FD) error"), []string{"posix.go:5: method Read: //posix:calls names no system call"}},
		{"bad call", methods("//posix:calls Read\n//posix:retry retry it only reads\nRead(fd FD) error"), []string{`posix.go:5: method Read: "Read" is not the name of a system call`}},
		{"call twice", methods("//posix:calls read read\n//posix:retry retry it only reads\nRead(fd FD) error"), []string{"posix.go:5: method Read: system call read is named twice"}},
		{"bad retry", methods("//posix:calls read\n//posix:retry always\nRead(fd FD) error"), []string{`posix.go:6: method Read: //posix:retry wants one of retry, never, caller, got "always"`}},
		{"no reason", methods("//posix:calls read\n//posix:retry retry\nRead(fd FD) error"), []string{"posix.go:6: method Read: //posix:retry retry does not say why"}},
		{"no word", methods("//posix:calls read\n//posix:retry\nRead(fd FD) error"), []string{`posix.go:6: method Read: //posix:retry wants one of retry, never, caller, got ""`}},
		{"twice", methods(fine + "//posix:retry never\nRead(fd FD) error"), []string{"posix.go:7: method Read: directive //posix:retry is given twice"}},
		{"unknown", methods(fine + "//posix:blocks yes\nRead(fd FD) error"), []string{"posix.go:7: method Read: unknown directive //posix:blocks"}},
		{"empty", methods(fine + "//posix:\nRead(fd FD) error"), []string{"posix.go:7: method Read: empty directive"}},
		{"memory", methods(fine + "Read(p []byte, fd FD) error"), []string{
			"posix.go:7: method Read: what happens to the memory of p? Say it with one of //posix:reads, fills, updates, maps",
		}},
		{"memory of nothing", methods(fine + "//posix:reads\nRead(fd FD) error"), []string{"posix.go:7: method Read: //posix:reads names no parameter"}},
		{"memory of another", methods(fine + "//posix:maps q\nRead(fd FD) error"), []string{"posix.go:7: method Read: //posix:maps q: there is no such parameter"}},
		{"memory of a number", methods(fine + "//posix:fills fd\nRead(fd FD) error"), []string{
			"posix.go:7: method Read: //posix:fills fd: it is neither a pointer nor a slice",
		}},
		{"memory twice", methods(fine + "//posix:reads p\n//posix:updates p\nRead(p []byte) error"), []string{
			"posix.go:8: method Read: //posix:updates p: it is named twice",
		}},
		{"variadic", methods(fine + "Read(fds ...FD) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a variadic parameter"}},
		{"function", methods(fine + "Read(f func()) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a function"}},
		{"channel", methods(fine + "Read(c chan int) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a channel"}},
		{"map", methods(fine + "Read(m map[int]int) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a map"}},
		{"any", methods(fine + "Read(v interface{}) error"), []string{"posix.go:7: method Read: signature not understood: parameter is an interface"}},
		{"own interface", methods(fine + "Read(v Core) error"), []string{"posix.go:7: method Read: signature not understood: parameter is an interface"}},
		{"array", methods(fine + "Read(v [4]byte) error"), []string{"posix.go:7: method Read: signature not understood: parameter is an array"}},
		{"foreign", methods(fine + "Read(ctx context.Context) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a type of another package"}},
		{"boolean", methods(fine + "Read(silent bool) error"), []string{"posix.go:7: method Read: signature not understood: parameter is type bool"}},
		{"undefined", methods(fine + "Read(v Nothing) error"), []string{"posix.go:7: method Read: signature not understood: parameter is type Nothing"}},
		{"pointer to pointer", methods(fine + "Read(v **FD) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a pointer to a pointer or slice"}},
		{"slice of slices", methods(fine + "Read(v [][]byte) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a slice of pointers or slices"}},
		{"generic", methods(fine + "Read(v List[FD]) error"), []string{"posix.go:7: method Read: signature not understood: parameter is a type written as *ast.IndexExpr"}},
		{"nameless", methods(fine + "Read(FD) error"), []string{"posix.go:7: method Read: signature not understood: a parameter without a name"}},
		{"blank", methods(fine + "Read(_ FD) error"), []string{"posix.go:7: method Read: parameter cannot be named _, which generated code uses"}},
		{"reserved", methods(fine + "Read(err FD) error"), []string{"posix.go:7: method Read: parameter cannot be named err, which generated code uses"}},
		{"no result", methods(fine + "Read(fd FD)"), []string{"posix.go:7: method Read: signature not understood: no result"}},
		{"error first", methods(fine + "Read(fd FD) (error, int)"), []string{"posix.go:7: method Read: signature not understood: error is not the only one and last"}},
		{"foreign result", methods(fine + "Read(fd FD) (fs.File, error)"), []string{"posix.go:7: method Read: signature not understood: result is a type of another package"}},
		{"many results", methods(fine + "Read(fd FD) (a, b, c, e, f int, err error)"), []string{"posix.go:7: method Read: signature not understood: more than four results"}},
		{"not exported", methods(fine + "read(fd FD) error"), []string{"posix.go:7: method read is not exported"}},
		{"same name", methods(fine + "ReadIt(fd FD) error\n" + fine + "Read_it(fd FD) error"), []string{"posix.go:10: method Read_it: Files.ReadIt has the same operation name read_it"}},
		{"embedded below", methods("Core"), []string{"posix.go:5: interface Files embeds another: narrow interfaces have methods only"}},
		{"no core", "package posix\n", []string{": no type Core"}},
		{"core is no interface", "package posix\ntype Core struct{}\n", []string{"posix.go:2: Core is not an interface"}},
		{"method in core", "package posix\ntype Core interface {\n" + fine + "Read() error\n}\n", []string{"posix.go:5: method Read stands in Core itself: put it into a narrow interface"}},
		{"unknown embedded", "package posix\ntype Core interface {\nFiles\n}\n", []string{"posix.go:3: Core embeds Files, which is not declared"}},
		{"foreign embedded", "package posix\ntype Core interface {\nio.Reader\n}\n", []string{"posix.go:3: Core embeds something other than an interface of this package"}},
		{"struct embedded", "package posix\ntype F struct{}\ntype Core interface {\nF\n}\n", []string{"posix.go:2: F is embedded in Core and is not an interface"}},
		{"embedded twice", "package posix\ntype F interface{}\ntype Core interface {\nF\nF\n}\n", []string{"posix.go:5: Core embeds F twice"}},
		{"forgotten", "package posix\ntype F interface {\n" + fine + "Read() error\n}\ntype Core interface{}\n", []string{"posix.go:2: interface F has directives, but Core does not embed it"}},
		{"syntax", "package posix\ntype {\n", []string{"parse source", "posix.go:2:6"}},
		{"several at once", methods("A(fd FD) error\n//posix:calls x\n//posix:retry x\nB(f func()) error"), []string{
			"posix.go:5: method A has no //posix:calls", "posix.go:5: method A has no //posix:retry",
			`posix.go:7: method B: //posix:retry wants`, "posix.go:8: method B: signature not understood",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(writePackage(t, tt.text))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in:\n%v", want, err)
				}
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) != len(tt.want) && tt.name != "syntax" {
				t.Errorf("%d errors, want %d:\n%v", len(lines), len(tt.want), err)
			}
		})
	}
}

func TestParseUnderstands(t *testing.T) {
	dir := writePackage(t, `package posix

import "syscall"

type FD int32
type Handle = FD
type Signal = syscall.Signal
type How struct {
	Flags uint64
	Dir   FD
	other int
	Time  [2]int64
}

type Files interface {
	// Open opens.
	//posix:calls open openat
	//posix:retry caller again,  it would wait again
	//posix:reads p
	//posix:fills st
	Open(dir, base FD, path string, how How, p []byte, st *How, sig Signal) (a, b Handle, err error)

	//posix:calls getpid
	//posix:retry never it cannot fail
	Getpid() int
}

type Helper interface{ Help() }

type Core interface {
	Files
}
`)
	for name, text := range map[string]string{
		"ignored_test.go":          "package posix\n\ntype Core struct{}\n",
		"zz_generated_whatever.go": "this is not Go",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := parse(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Methods) != 2 {
		t.Fatalf("%d methods", len(p.Methods))
	}
	open, getpid := p.Methods[0], p.Methods[1]
	for _, tt := range []struct{ what, got, want string }{
		{"calls", strings.Join(open.Calls, " "), "open openat"},
		{"retry", open.Retry, "caller"},
		{"reason", open.RetryReason, "again, it would wait again"},
		{"interface", open.Interface, "Files"},
		{"parameters", open.ParamList("posix"), "(dir posix.FD, base posix.FD, path string, how posix.How, p []byte, st *posix.How, sig posix.Signal)"},
		{"own parameters", open.ParamList(""), "(dir FD, base FD, path string, how How, p []byte, st *How, sig Signal)"},
		{"uses", string(open.Params[4].Use + " " + open.Params[5].Use), "reads fills"},
		{"results", open.ResultList("posix"), "(posix.Handle, posix.Handle, error)"},
		{"arguments", open.Args(), "dir, base, path, how, p, st, sig"},
		{"locals", open.Locals(), "r0, r1, err"},
		{"single result", getpid.ResultList("posix"), "int"},
		{"no parameters", getpid.ParamList("posix"), "()"},
		{"single local", getpid.Locals(), "r0"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, tt.got, tt.want)
		}
	}
	for name, want := range map[string]Kind{"FD": Int, "Handle": Int, "Signal": Int, "How": Struct, "int": Int, "uint8": Uint, "string": String, "Nothing": Opaque} {
		if got := p.Kind(Ref{"", name}); got != want {
			t.Errorf("kind of %s is %d, want %d", name, got, want)
		}
	}
	if fields := p.Types["How"].Fields; len(fields) != 3 || fields[0].Name != "Flags" || fields[2].Name != "Time" || p.Kind(fields[2].Type) != Opaque {
		t.Errorf("fields %+v", fields)
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"Openat2": "openat2", "PidfdSendSignal": "pidfd_send_signal", "GetsockoptTCPInfo": "getsockopt_tcp_info",
		"LandlockABI": "landlock_abi", "EpollCreate1": "epoll_create1", "FS": "fs", "UserNS": "user_ns", "OldPath": "old_path", "x": "x", "": "",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
