package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
)

// deriver is the program that does it. A part of the supervisor it would cost every start of it 30 page faults, 0.1 ms and 1.4 MB.
const deriver = "posixderive"

func (a *app) policyDeriveCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "derive PACKAGE",
		Short:              "Print the seccomp allow-list that follows from a Go program",
		DisableFlagParsing: true, // they are the other program's
		RunE: func(_ *cobra.Command, args []string) error {
			return invoke.Exit(invoke.StatusSupervisor, a.derive(args))
		},
	}
}

// derive replaces this process by the program that does it. It returns only when that failed.
func (a *app) derive(args []string) error {
	own, err := readLink(a.Core, "/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find %s, which stands beside this program: %w", deriver, err)
	}
	places := append([]string{filepath.Dir(own)}, filepath.SplitList(os.Getenv("PATH"))...)
	var tried []error
	for _, dir := range places {
		if !filepath.IsAbs(dir) { // whatever lies in the working directory is not run
			continue
		}
		path := filepath.Join(dir, deriver)
		fd, err := a.Core.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err == nil {
			err = a.Core.Execve(fmt.Sprintf("/proc/self/fd/%d", fd), append([]string{deriver}, args...), os.Environ())
			_ = a.Core.Close(fd)
		}
		tried = append(tried, fmt.Errorf("run %s: %w", path, err))
	}
	if len(tried) > 0 {
		return errors.Join(tried...)
	}
	return fmt.Errorf("policy derive is done by the program %s, which is neither in %s nor along PATH: `make build` makes it beside the supervisor, "+
		"`go install github.com/bulkhead/bulkhead/cmd/%s@latest` along the path of Go's programs", deriver, filepath.Dir(own), deriver)
}

// readLink returns what a symbolic link says. A deleted program's has a word behind it, and then nothing is beside it either.
func readLink(k posix.Files, path string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := k.Readlinkat(posix.AtFDCWD, path, buf)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(buf[:n]), " (deleted)"), nil
}
