package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/workbench"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/compile"
)

// work is a command of the workbench with its input.
type work struct {
	command  string
	options  map[string]string
	policies []string  // files, and directories with policies anywhere below them
	files    []string  // any other input; "-" is the standard input
	pid      posix.PID // a process whose filters are input, too; 0 is none
	into     string    // the directory for the files that the command makes; empty when it makes none
	output   string    // a file for what is printed, when the command did its work; empty is the standard output
	rewrites bool      // the command may change its input

	before, after func([]workbench.File) error // asked before the files are written, and told when they are
}

// work runs a command in the confined process, prints what it says and writes the files that it makes.
func (a *app) work(cmd *cobra.Command, w work) error {
	policies, err := a.below(w.policies)
	if err != nil {
		return invoke.Exit(invoke.StatusInvalid, err)
	}
	sources, err := a.Start(policies, false, false)
	if err != nil {
		return err
	}
	result, err := a.compute(cmd, w, sources)
	if err == nil && result.Status != invoke.StatusDone {
		err = invoke.Exit(result.Status, nil)
	}
	return err
}

// compute is work on policies that have been read. What it returns has been printed and written.
func (a *app) compute(cmd *cobra.Command, w work, sources []compile.Source) (none workbench.Result, _ error) {
	r := workbench.Request{Command: w.command, Options: w.options, Now: time.Now().Unix()}
	for _, s := range sources {
		r.Inputs = append(r.Inputs, workbench.Input(s))
	}
	for _, path := range w.files {
		in, err := a.input(path)
		if err != nil {
			return none, invoke.Exit(invoke.StatusInvalid, err)
		}
		r.Inputs = append(r.Inputs, in)
	}
	if w.pid != 0 {
		filters, err := workbench.Filters(a.Core, w.pid)
		if err != nil {
			return none, invoke.Exit(invoke.StatusFailed, err)
		}
		r.Inputs = append(r.Inputs, filters...)
	}
	var err error
	if r.Variables, err = a.Names(); err != nil {
		return none, err
	}
	result, err := workbench.Run(a.Core, a.Launcher, a.Facts, r)
	if err != nil {
		return none, invoke.Exit(invoke.StatusSupervisor, err)
	}
	_, err = cmd.ErrOrStderr().Write(result.Err)
	switch {
	case err != nil:
	case w.output == "":
		_, err = cmd.OutOrStdout().Write(result.Out)
	case result.Status != invoke.StatusInvalid:
		err = a.write(w.output, result.Out, 0o666, nil)
	}
	if err == nil && w.before != nil {
		if err := w.before(result.Files); err != nil {
			return none, invoke.Exit(invoke.StatusInvalid, err)
		}
	}
	for _, f := range result.Files {
		if err == nil {
			err = a.writeFile(cmd.ErrOrStderr(), w.into, f)
		}
	}
	if err == nil && w.after != nil {
		err = w.after(result.Files)
	}
	for i, text := range result.Rewritten {
		if err == nil && w.rewrites && i >= 0 && i < len(r.Inputs) {
			err = a.rewrite(cmd.OutOrStdout(), r.Inputs[i].Name, text)
		}
	}
	if err != nil {
		return none, invoke.Exit(invoke.StatusSupervisor, err)
	}
	return result, nil
}

// input reads a file that is no policy.
func (a *app) input(path string) (workbench.Input, error) {
	text, err := workbench.ReadFile(a.Core, path)
	if err != nil {
		return workbench.Input{}, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	return workbench.Input(compile.Source{Name: path, Dir: dir, Text: text}), err
}

// writeFile writes a file that a command made. What the confined process calls it is a name and no path.
func (a *app) writeFile(progress io.Writer, dir string, f workbench.File) error {
	if f.Name != filepath.Base(f.Name) || f.Name == "." || f.Name == ".." || f.Name == "/" {
		return fmt.Errorf("write %q: it is not a name of a file; this is a bug of ours, please report it", f.Name)
	}
	if err := a.Core.Mkdirat(posix.AtFDCWD, dir, 0o777); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	path := filepath.Join(dir, f.Name)
	if err := a.write(path, f.Text, 0o666, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintln(progress, "wrote", path)
	return err
}

// rewrite replaces the text of an input, with its mode and its owner.
func (a *app) rewrite(progress io.Writer, path string, text []byte) error {
	var st posix.Stat
	if err := a.Core.Fstatat(posix.AtFDCWD, path, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("rewrite %s: it is not a regular file; name the file itself", path)
	}
	if err := a.write(path, text, st.Mode&0o777, &st); err != nil {
		return err
	}
	_, err := fmt.Fprintln(progress, path)
	return err
}

// write replaces a file: whoever reads it sees the old text or the new one. With like, mode is exact and the owner is that one's.
func (a *app) write(path string, text []byte, mode uint32, like *posix.Stat) error {
	next := path + ".new"
	fd, err := a.Core.Openat2(posix.AtFDCWD, next, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC, Mode: uint64(mode)})
	if err != nil {
		return err
	}
	if like != nil {
		err = errors.Join(a.Core.Fchownat(posix.Chown{Dir: fd, UID: like.UID, GID: like.GID, Flags: unix.AT_EMPTY_PATH}),
			a.Core.Fchmodat(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), mode))
	}
	for len(text) > 0 && err == nil {
		var n int
		n, err = a.Core.Write(fd, text)
		text = text[n:]
	}
	if err = errors.Join(err, a.Core.Close(fd)); err == nil {
		err = a.Core.Renameat2(posix.Rename{OldDir: posix.AtFDCWD, OldPath: next, NewDir: posix.AtFDCWD, NewPath: path})
	}
	if err != nil {
		return errors.Join(err, a.Core.Unlinkat(posix.AtFDCWD, next, 0))
	}
	return nil
}
