package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/workbench"
	"github.com/bulkhead/bulkhead/core/policy/systemd"
	"github.com/bulkhead/bulkhead/posix"
)

func (a *app) policyExportSystemdCommand() *cobra.Command {
	var module, dir string
	var force, strict bool
	cmd := &cobra.Command{
		Use:   "systemd FILE [-o DIR]",
		Short: "Make units of systemd of a policy's modules",
		Long: "Make a .service of every module, or of one, and a .socket of every listener. With -o they are written there, and what `systemd-analyze " +
			"security`\n" +
			"thinks of each service is printed, before (a unit with the command alone) and after; otherwise they are printed. A file that is there already\n" +
			"is replaced when this command made it. What systemd has no directive for is told on the standard error, with its place in the policy.\n\n" +
			"SystemCallFilter= knows no arguments. A call that the policy allows with some arguments is allowed with all of them, but for what a directive\n" +
			"(RestrictAddressFamilies=, RestrictNamespaces=, MemoryDenyWriteExecute= and others) denies that the policy denies, too; where the unit is\n" +
			"wider than the policy, a line says so. With --strict such a call is left out unless the directives say exactly what the policy does.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w := work{command: "export systemd", policies: args, into: dir, options: map[string]string{"module": module}}
			if strict {
				w.options["strict"] = "yes"
			}
			if dir != "" {
				w.options["files"] = "yes"
				w.before = func(files []workbench.File) error {
					if force {
						return nil
					}
					return a.ours(dir, files)
				}
				w.after = func(files []workbench.File) error {
					return a.exposures(cmd.OutOrStdout(), cmd.ErrOrStderr(), dir, files)
				}
			}
			return a.work(cmd, w)
		},
	}
	cmd.Flags().StringVar(&module, "module", "", "only this module")
	cmd.Flags().StringVarP(&dir, "output", "o", "", "write the units to this `DIR`, which is made when it is not there")
	cmd.Flags().BoolVar(&strict, "strict", false,
		"leave calls out whose conditions no directive says: no unit is wider than the policy but for execve, and it may not start")
	cmd.Flags().BoolVar(&force, "force", false, "replace files that somebody else wrote, too")
	return cmd
}

// ours refuses to replace files that this command did not make. Nothing has been written yet.
func (a *app) ours(dir string, files []workbench.File) error {
	var errs []error
	for _, f := range files {
		path := filepath.Join(dir, filepath.Base(f.Name))
		var st posix.Stat
		err := a.Core.Fstatat(posix.AtFDCWD, path, &st, unix.AT_SYMLINK_NOFOLLOW)
		switch {
		case errors.Is(err, unix.ENOENT):
			continue
		case err != nil:
			errs = append(errs, err)
			continue
		case st.Mode&unix.S_IFMT != unix.S_IFREG:
			errs = append(errs, fmt.Errorf("write %s: what is there is not a regular file; remove it, or choose another directory", path))
			continue
		}
		text, err := workbench.ReadFile(a.Core, path)
		if err != nil {
			errs = append(errs, err)
		} else if !bytes.HasPrefix(text, []byte(systemd.Header)) && !bytes.Equal(text, f.Text) {
			errs = append(errs, fmt.Errorf("write %s: it is there, and this command did not make it; nothing was written; --force replaces it", path))
		}
	}
	return errors.Join(errs...)
}

// exposures prints what systemd-analyze thinks of services, and of units with their commands alone.
func (a *app) exposures(out, progress io.Writer, dir string, files []workbench.File) error {
	program := a.search("systemd-analyze")
	if program == "" {
		_, err := fmt.Fprintln(progress, "exposure: not known, systemd-analyze is not installed")
		return err
	}
	for _, f := range files {
		command := directive(f.Text, "ExecStart")
		if command == nil {
			continue
		}
		bare := append(append([]byte("[Service]\n"), command...), '\n')
		before, err := a.exposureOf(program, f.Name, bare)
		if err != nil {
			return err
		}
		after, err := a.exposure(program, filepath.Join(dir, f.Name))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s: exposure %s before (the command alone), %s after\n", f.Name, before, after); err != nil {
			return err
		}
	}
	return nil
}

// directive returns the first line of a unit that sets a directive, nil when there is none.
func directive(unit []byte, name string) []byte {
	for line := range bytes.Lines(unit) {
		if bytes.HasPrefix(line, []byte(name+"=")) {
			return bytes.TrimRight(line, "\n")
		}
	}
	return nil
}
