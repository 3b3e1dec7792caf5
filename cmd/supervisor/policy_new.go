package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/workbench"
	"github.com/bulkhead/bulkhead/posix"
)

func (a *app) policyNewCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "new [-o FILE] COMMAND [ARG…]",
		Short: "Print a policy to start from for a command",
		Long: "Print a policy to start from, with comments: what the program is, its interpreter, its loader and its libraries, and what is known of a few\n" +
			"daemons. The program is looked at and not run. A command without a slash is looked for along PATH. The policy has no finding of high.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.program(args)
			if err != nil {
				return invoke.Exit(invoke.StatusInvalid, err)
			}
			text, err := json.Marshal(c)
			if err != nil {
				return err
			}
			return a.work(cmd, work{command: "new", output: output, options: map[string]string{"command": string(text)}})
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the command is the command's
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE` instead of the standard output")
	return cmd
}

// program finds a command: a path, or a name along PATH.
func (a *app) program(command []string) (workbench.Command, error) {
	c := workbench.Command{Args: command[1:]}
	candidates := []string{command[0]}
	if !strings.Contains(command[0], "/") {
		candidates = nil
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			if filepath.IsAbs(dir) { // whatever lies in the working directory is not meant
				candidates = append(candidates, filepath.Join(dir, command[0]))
			}
		}
	}
	for _, path := range candidates {
		var st posix.Stat
		if err := a.Core.Fstatat(posix.AtFDCWD, path, &st, 0); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0 {
			continue
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return c, err
		}
		c.Path = path
		return c, nil
	}
	if len(candidates) == 1 && candidates[0] == command[0] {
		return c, fmt.Errorf("%s: it is not an executable file", command[0])
	}
	return c, fmt.Errorf("%s: no such command along PATH; name it by its path", command[0])
}
