package conformance_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/tests/conformance"
	"github.com/bulkhead/bulkhead/tests/conformance/differential"
)

var (
	programs = flag.Int("programs", 500, "how many programs TestDifferential makes up and runs")
	seed     = flag.Uint64("seed", 1, "the seed of the first program; the next program has the next")
	only     = flag.String("only", "", "the operations to generate, as openat2,read; empty: all")
)

// otherSide is mocks/kernel with the programs that children execute.
func otherSide() posix.Core {
	k := kernel.New(kernel.Config{})
	images := differential.Helpers()
	for name, main := range map[string]func(p *kernel.Process, argv, env []string) int{
		"wait":  func(p *kernel.Process, _, _ []string) int { return conformance.Helper(p, []string{"", "wait"}) },
		"exit3": func(*kernel.Process, []string, []string) int { return 3 },
	} {
		k.Recognize(images[name], main)
	}
	child, err := k.Init().Child()
	if err != nil {
		panic(err)
	}
	// A program of Go takes it and goes on.
	if err := child.Sigaction(unix.SIGPIPE, kernel.Action{Handler: func(posix.SignalInfo) {}, Restart: true}); err != nil {
		panic(err)
	}
	k.Advance(time.Hour) // as Linux has been up for a while: a time near 0 is past
	return child
}

func TestDifferential(t *testing.T) {
	stats, diff, err := differential.Run(t.Context(), differential.Config{Seed: *seed, Programs: *programs, Only: strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })})
	t.Logf("%d programs\n%s", stats.Programs, stats.Table())
	if err != nil {
		t.Fatal(err)
	}
	if diff != nil {
		t.Fatal(diff)
	}
	if *programs >= 20000 && *only == "" {
		for _, bad := range stats.Rare(200, 30, excuses()) {
			t.Error(bad)
		}
	}
}

// excuses says why methods succeed in fewer than 30 % of the calls.
func excuses() map[posix.Op]string {
	why := map[posix.Op]string{posix.OpExecve: "one that succeeds never returns", posix.OpSeccompGetFilter: "programs ask about themselves, and nobody traces himself"}
	if os.Geteuid() != 0 {
		const privileged = "it takes a capability that an ordinary user does not have"
		for _, op := range []posix.Op{
			posix.OpSetns, posix.OpMoveMount, posix.OpMountSetattr, posix.OpFsopen, posix.OpFsconfig, posix.OpFsmount, posix.OpUmount2, posix.OpSetgroups,
		} {
			why[op] = privileged
		}
	}
	return why
}

// bugPrograms says for each planted bug which operations find it, and within how many programs.
var bugPrograms = map[string]struct {
	only     string
	programs int
}{
	"EAGAIN is read as the end of the file":       {"pipe2,read,write", 200},
	"dup3 onto itself does nothing":               {"openat2,dup3", 2000},
	"O_APPEND is ignored by write":                {"openat2,fcntl,write,lseek", 2000},
	"RENAME_NOREPLACE is ignored":                 {"openat2,mkdirat,renameat2", 2000},
	"pread moves the offset":                      {"openat2,pread,write,read", 500},
	"a directory can be unlinked as a file":       {"openat2,mkdirat,unlinkat", 500},
	"F_DUPFD_CLOEXEC forgets CLOEXEC":             {"openat2,fcntl", 500},
	"the umask is ignored by mkdirat":             {"umask,mkdirat", 500},
	"listen works on a socket that is connected":  {"socket,bind,listen,connect", 2000},
	"passed descriptors arrive without CLOEXEC":   {"socketpair,openat2,sendmsg,recvmsg", 2000},
	"epoll_ctl adds twice":                        {"pipe2,epoll_create1,epoll_ctl", 1000},
	"an eventfd's counter is not reset by a read": {"eventfd2,read", 500},
	"waitid reaps with WNOWAIT":                   {"clone3,waitid", 500},
	"a seal does not keep a memfd from growing":   {"memfd_create,fcntl,ftruncate", 3000},
	"readlinkat answers 0 for what is no link":    {"openat2,symlinkat,readlinkat", 500},
}

// TestPlantedBugs plants mistakes in the in-memory kernel, one at a time: programs must find each, and nothing when there is none.
func TestPlantedBugs(t *testing.T) {
	for _, bug := range differential.Bugs() {
		t.Run(bug, func(t *testing.T) {
			how, ok := bugPrograms[bug]
			if !ok {
				t.Fatal("bugPrograms does not say how it is found")
			}
			c := differential.Config{Seed: 1, Programs: how.programs, Only: strings.Split(how.only, ","), Bug: bug}
			_, diff, err := differential.Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff == nil {
				t.Fatalf("%d programs of %s do not find it", how.programs, how.only)
			}
			c.Bug, c.Seed, c.Programs = "", diff.Seed, 1
			if _, other, err := differential.Run(t.Context(), c); err != nil || other != nil {
				t.Errorf("the program differs without the bug too: %v, %v", err, other)
			}
		})
	}
}
