package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/spawner/compile"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Work with policies", RunE: onlyOthers}
	cmd.AddCommand(a.policyCheckCommand(), a.policyExplainCommand(), a.policyDeriveCommand(), a.policyDisasmCommand(), a.policyFmtCommand(),
		a.policyProveCommand(), a.policyCompileCommand(), a.policyImportCommand(), a.policySchemaCommand(), a.policySimulateCommand(), a.policyTestCommand(),
		a.policyExportCommand(), a.policyShowCommand(), a.policyAuditCommand(), a.policyDiffCommand(), a.policyNewCommand())
	return cmd
}

// onlyOthers is what a command does that has nothing but commands: it lists them. One that it does not have is an error.
func onlyOthers(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	meant := ""
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		meant = fmt.Sprintf("; did you mean %q?", near[0])
	}
	return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("%s has no command %q%s", strings.TrimPrefix(cmd.CommandPath(), "supervisor "), args[0], meant))
}

func (a *app) policyCheckCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Report everything that is wrong with policies",
		Long: "Report everything that is wrong with policies, without looking at the host. Anybody's file may be checked: it is read in a\n" +
			"confined process. A directory means its *.yaml. The exit status is 0 when there is nothing to report, 1 with warnings, 2 with errors.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("format %q: use text or json", format))
			}
			return a.check(args, format, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "output `FORMAT`: text or json")
	return cmd
}

func (a *app) check(files []string, format string, w io.Writer) error {
	sources, err := a.Start(files, false, false)
	if err != nil {
		return err
	}
	plan, err := a.Compile(compile.Request{Sources: sources, CheckOnly: true}, io.Discard)
	var exit *invoke.ExitError
	if err != nil && !errors.As(err, &exit) || exit != nil && exit.Err != nil {
		return err
	}
	text := plan.Rendered
	if format == "json" {
		text = plan.JSON
	}
	if _, err := io.WriteString(w, text); err != nil {
		return invoke.Exit(invoke.StatusSupervisor, err)
	}
	switch {
	case plan.Diagnostics.HasErrors():
		return invoke.Exit(invoke.StatusInvalid, nil)
	case len(plan.Diagnostics) > 0:
		return invoke.Exit(invoke.StatusFailed, nil)
	}
	return nil
}

func (a *app) policyExplainCommand() *cobra.Command {
	var launch bool
	var module, output string
	cmd := &cobra.Command{
		Use:   "explain FILE CALL… | explain @GROUP… | explain --launch FILE",
		Short: "Print what a policy means for system calls, or with --launch the system calls that start its modules",
		Long: "Print what the policy means for system calls: what the filter answers, the rule that makes it so and the group or profile through which it\n" +
			"came, and which other layers decide when the filter lets the call through. Of a group, print the calls that it has. With --launch, print the\n" +
			"calls that start the modules.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case launch && len(args) > 1:
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy explain --launch takes one file and no system call"))
			case !slices.ContainsFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "@") }):
				return a.work(cmd, work{command: "explain", options: map[string]string{"calls": strings.Join(args, " "), "output": output}})
			case launch:
				return a.explain(args[0], module, cmd.OutOrStdout())
			case len(args) == 1:
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy explain needs the name of a system call, such as openat, or --launch"))
			}
			return a.work(cmd, work{command: "explain", policies: args[:1], options: map[string]string{
				"calls": strings.Join(args[1:], " "), "module": module, "output": output}})
		},
	}
	cmd.Flags().BoolVar(&launch, "launch", false, "print the launch programs")
	cmd.Flags().StringVar(&module, "module", "", "only this module")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output `FORMAT`: table or json")
	return cmd
}

func (a *app) explain(file, module string, w io.Writer) error {
	sources, err := a.Start([]string{file}, false, false)
	if err != nil {
		return err
	}
	plan, err := a.Compile(compile.Request{Sources: sources, Module: module}, os.Stderr)
	if err != nil {
		return err
	}
	for i, m := range plan.Modules {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if m.Init != nil {
			fmt.Fprintln(w, "# the init of the pid namespace, started first")
			if err := m.Init.Explain(w); err != nil {
				return err
			}
			fmt.Fprintln(w, "\n# the module")
		}
		if err := m.Program.Explain(w); err != nil {
			return err
		}
	}
	return nil
}
