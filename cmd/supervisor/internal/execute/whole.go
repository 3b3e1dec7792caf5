package execute

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/stage"
)

// handedOn takes the place of exec in a command line that the program of exec leaves to the whole one.
const handedOn = "role:exec"

// Whole replaces the program of exec by the whole one, which is in the same file, with the same command line. It returns only when that failed.
func Whole(argv []string) error {
	argv, at := append([]string(nil), argv...), place(argv)
	if at < 0 {
		return errors.New("this is the part of the supervisor that runs `supervisor exec`; it is linked into bin/supervisor, and nothing by itself")
	}
	argv[at] = handedOn
	err := linux.New().Execve("/proc/self/exe", argv, os.Environ())
	why := ""
	if errors.Is(err, posix.Errno(unix.ENOENT)) {
		why = ": /proc is not mounted here, and this file is found through it: mount -t proc proc /proc"
	}
	return fmt.Errorf("the command line asks for help or has a mistake, and what would say more is the rest of this program; execute it: %w%s", err, why)
}

// Taken returns a command line as it was before [Whole].
func Taken(argv []string) []string {
	rest, _, _ := stage.Arguments(argv)
	if len(rest) < 2 || rest[1] != handedOn {
		return argv
	}
	argv = append([]string(nil), argv...)
	argv[len(argv)-len(rest)+1] = Name
	return argv
}

// place returns where in a command line the command is, if it is exec, or -1.
func place(argv []string) int {
	if Role(argv) != Name {
		return -1
	}
	rest, _, _ := stage.Arguments(argv)
	return len(argv) - len(rest) + 1
}
