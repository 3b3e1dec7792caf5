package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/control"
	"github.com/bulkhead/bulkhead/posix"
)

// controlCommands are the commands that talk to a running supervisor.
func (a *app) controlCommands() []*cobra.Command {
	return []*cobra.Command{
		a.statusCommand(), a.reloadCommand(), a.stopCommand(), a.startCommand(), a.restartCommand(), a.logsCommand(), a.eventsCommand(),
	}
}

// controlOptions are the flags that all of them have.
type controlOptions struct {
	path   string
	output string
}

func (a *app) controlFlags(cmd *cobra.Command, o *controlOptions) {
	f := cmd.Flags()
	f.StringVar(&o.path, "control", "", "`PATH` of the control socket (default "+a.controlPath()+")")
	f.StringVarP(&o.output, "output", "o", "table", "output `FORMAT`: table or json")
}

// controlPath is where this user's supervisor listens when nobody says otherwise.
func (a *app) controlPath() string { return control.DefaultPath(uint32(a.Core.Geteuid()), os.Getenv) }

// connect checks the flags and returns the client. Nothing is connected yet.
func (a *app) connect(o controlOptions) (*control.Client, error) {
	if err := checkOutput(o.output); err != nil {
		return nil, err
	}
	if o.path != "" {
		return control.NewClient(o.path), nil
	}
	c := control.NewClient(a.controlPath())
	c.Hint = elsewhere(a.controlPath(), uint32(a.Core.Geteuid()), func(path string) bool {
		var st posix.Stat
		return a.Core.Fstatat(posix.AtFDCWD, path, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
	})
	return c, nil
}

// elsewhere says where a supervisor may listen when none does on the usual path of a user.
//
//posixvet:leak path/filepath.Glob: for a hint in an error, in a command of root's
func elsewhere(usual string, uid uint32, there func(path string) bool) string {
	paths := []string{fmt.Sprintf("/run/user/%d/bulkhead/control.sock", uid), fmt.Sprintf("/tmp/bulkhead-%d/control.sock", uid), control.DefaultPath(0, nil)}
	if uid == 0 {
		// Somebody became root to look at what was started as a user.
		paths = nil
		for _, pattern := range []string{"/run/user/[0-9]*/bulkhead/control.sock", "/tmp/bulkhead-[0-9]*/control.sock"} {
			found, _ := filepath.Glob(pattern) // the patterns are right
			paths = append(paths, found...)
		}
	}
	for _, path := range paths {
		if path != usual && there(path) {
			return "There is a socket at " + path + ": --control " + path
		}
	}
	if uid == 0 {
		return "A user's listens on $XDG_RUNTIME_DIR/bulkhead/control.sock or /tmp/bulkhead-UID/control.sock; --control names another socket"
	}
	return "Root's listens on " + control.DefaultPath(0, nil) + "; --control names another socket"
}

// clientError gives an error of the client its exit status: what was asked for is wrong, or it could not be asked.
func clientError(err error) error {
	var refused *control.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Invalid():
		return invoke.Exit(invoke.StatusInvalid, err)
	}
	return invoke.Exit(invoke.StatusSupervisor, err)
}

// writeJSON writes a value as indented JSON, or on one line.
func writeJSON(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return invoke.Exit(invoke.StatusSupervisor, fmt.Errorf("write the answer: %w", err))
	}
	return nil
}

// again is how long a command that follows waits before it connects again.
const again = 200 * time.Millisecond

// follow shows what a stream brings until ctx is done or the supervisor has ended. A stream also ends when the manager does, or when
// it is read too slowly: then it is opened again, with resumed set.
func follow[T any](ctx context.Context, open func(ctx context.Context, resumed bool) (*control.Reader[T], error), show func(T) error) error {
	for resumed := false; ; resumed = true {
		r, err := open(ctx, resumed)
		switch {
		case ctx.Err() != nil:
			return nil
		case resumed && errors.Is(err, control.ErrNobody):
			return errEnded
		case resumed && errors.Is(err, control.ErrBroken):
		case err != nil:
			return clientError(err)
		default:
			if err := drain(r, show); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
}

// errEnded is that the supervisor ended while it was followed. That is no failure of the command.
var errEnded = errors.New("the supervisor has ended")

// ended says on w that the supervisor has, and returns nil for that.
func ended(w io.Writer, err error) error {
	if errors.Is(err, errEnded) {
		fmt.Fprintln(w, "supervisor:", err)
		return nil
	}
	return err
}

// drain shows what a reader has, and closes it. The error is that of showing: how the stream ended does not count.
func drain[T any](r *control.Reader[T], show func(T) error) error {
	defer func() { _ = r.Close() }()
	for {
		v, err := r.Next()
		if err != nil {
			return nil
		}
		if err := show(v); err != nil {
			return invoke.Exit(invoke.StatusSupervisor, fmt.Errorf("write what was read: %w", err))
		}
	}
}

// readOnce shows what is remembered, and returns the error of reading too.
func readOnce[T any](r *control.Reader[T], show func(T) error) error {
	defer func() { _ = r.Close() }()
	for {
		v, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return clientError(err)
		}
		if err := show(v); err != nil {
			return invoke.Exit(invoke.StatusSupervisor, fmt.Errorf("write what was read: %w", err))
		}
	}
}
