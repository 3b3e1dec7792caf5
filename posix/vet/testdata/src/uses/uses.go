// Package uses has every way to mention a function.
package uses

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	. "path/filepath"
	"syscall"
	"time"

	sys "golang.org/x/sys/unix"
)

func plain() {
	_ = sys.Getppid()          // want `uses.go:\d+|golang.org/x/sys/unix.Getppid makes system calls outside of posix.Core: use posix.Processes.Getppid, or list it with a reason: //posixvet:leak golang.org/x/sys/unix.Getppid: REASON`
	_, _ = os.ReadFile("/etc") // want `os.ReadFile makes system calls outside of posix.Core: use posix.Files \(Openat2, Read, Close\)`
	_ = syscall.Getpid()       // want `syscall.Getpid makes`
	_ = sys.BrandNew()         // want `unix.BrandNew makes .*posix.Core has no such method`
	_ = exec.Command("true")   // want `os/exec.Command makes`
}

func values() any {
	closing := sys.Close // want `unix.Close makes .*use posix.Files.Close`
	var f *os.File
	reading := f.Read                                          // want `os.File.Read makes`
	writing := (*os.File).Write                                // want `os.File.Write makes`
	return []any{closing, reading, writing, time.LoadLocation} // want `time.LoadLocation makes`
}

// file is an os.File by another name.
type file = os.File

type owner struct {
	*os.File
	net.Conn
}

func embedded(o owner, f *file) {
	_ = o.File.Sync()  // want `os.File.Sync makes`
	_ = o.Chdir()      // want `os.File.Chdir makes`
	_ = f.Sync()       // want `os.File.Sync makes`
	_ = o.Conn.Close() // whoever made the connection is found
}

func dotted() {
	_, _ = Glob("*") // want `path/filepath.Glob makes`
	_ = Join("a", "b")
}

type box[T any] struct{ of T }

func (b box[T]) use(f func(T) error) error { return f(b.of) }

func generic() error {
	return box[int]{}.use(sys.Close) // want `unix.Close makes`
}

func variables() {
	var w io.Writer = os.Stderr // want `os.Stderr makes .*use an io.Writer that main chose`
	fmt.Fprintln(w)
	fmt.Println()                // want `fmt.Println makes`
	_ = http.DefaultClient       // want `net/http.DefaultClient makes`
	_, _ = rand.Reader.Read(nil) // want `crypto/rand.Reader makes`
	println("x")                 // want `println writes to descriptor 2`
}

func harmless(e sys.Errno, set *sys.FdSet, in io.Reader) {
	_ = sys.O_RDONLY
	_ = sys.Mkdev(1, 2)
	_, _ = sys.ByteSliceFromString(sys.ErrnoName(e))
	set.Set(1)
	_ = net.ParseIP("::1")
	_, _, _ = os.Args, os.Getenv("HOME"), os.ErrNotExist
	_ = os.FileMode(0).IsDir()
	_ = syscall.ENOENT.Error()
	_ = http.StatusText(200)
	_, _ = io.ReadAll(in)
	_ = time.Now()
	os.Exit(1)
}
