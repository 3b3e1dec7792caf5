package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
)

func (a *app) policyDisasmCommand() *cobra.Command {
	var pid int
	var file, module string
	cmd := &cobra.Command{
		Use:   "disasm FILE… | disasm --pid PID [--policy FILE]",
		Short: "Print seccomp filters as instructions",
		Long: "Print seccomp filters, which are struct sock_filter after struct sock_filter as the kernel takes them, as instructions. - is the standard input.\n" +
			"With --pid, print those that a process has, the one that was loaded first at the top; that takes root. With --policy, say which lines of\n" +
			"the policy they are from, and whether they answer every call as a module of it says. Status 1: none of them does.",
		RunE: func(cmd *cobra.Command, args []string) error {
			w := work{command: "disasm", files: args, options: map[string]string{"module": module}}
			if file != "" {
				w.policies, w.options["policy"] = []string{file}, "yes"
			}
			switch {
			case cmd.Flags().Changed("pid") && len(args) > 0:
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy disasm takes files or --pid, not both"))
			case cmd.Flags().Changed("pid"):
				w.pid = posix.PID(pid)
				if pid <= 0 || pid > math.MaxInt32 {
					return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("%d is no number of a process", pid))
				}
			case len(args) == 0:
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy disasm needs a file with a filter, or --pid PID"))
			}
			return a.work(cmd, w)
		},
	}
	cmd.Flags().IntVar(&pid, "pid", 0, "print the filters of the process `PID`")
	cmd.Flags().StringVar(&file, "policy", "", "the policy `FILE` that they are from")
	cmd.Flags().StringVar(&module, "module", "", "the module, where the policy has several")
	return cmd
}

func (a *app) policyProveCommand() *cobra.Command {
	var equal bool
	var module, output string
	cmd := &cobra.Command{
		Use:   "prove FILE… | prove --equal FILE FILE",
		Short: "Prove that the filters that are loaded answer as the policies say, for every call there can be",
		Long: "Compile the filter of every module, twice, and prove that what is loaded answers as the policy says and as libseccomp's program does, for every\n" +
			"architecture, number and argument. With --equal, prove that two files answer alike, or print calls that show where they do not; each is a\n" +
			"policy, a seccomp profile of a container (JSON), or a filter as the kernel takes it. - is the standard input. Status 1: they differ.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w := work{command: "prove", options: map[string]string{"module": module, "output": output}}
			switch {
			case equal && len(args) != 2:
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy prove --equal takes two files"))
			case equal:
				w.options["equal"], w.files = "yes", args
			default:
				w.policies = args
			}
			return a.work(cmd, w)
		},
	}
	cmd.Flags().BoolVar(&equal, "equal", false, "compare two files")
	cmd.Flags().StringVar(&module, "module", "", "only this module")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output `FORMAT`: table or json")
	return cmd
}

func (a *app) policyCompileCommand() *cobra.Command {
	var module, emit string
	cmd := &cobra.Command{
		Use:   "compile FILE",
		Short: "Print the filter of a module, as the kernel takes it or as instructions",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.work(cmd, work{command: "compile", policies: args, options: map[string]string{"module": module, "emit": emit}})
		},
	}
	cmd.Flags().StringVar(&module, "module", "", "only this module")
	cmd.Flags().StringVar(&emit, "emit", "asm", "output `FORMAT`: bpf or asm")
	return cmd
}
