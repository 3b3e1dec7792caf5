// Package workbench runs the commands of `supervisor policy` that read input which nobody has to trust.
//
// It has two ends. [Run] is the command's: it hands the names and the texts of its input to a confined process, the role [Role] of
// the same program, opens what that one asks for, and returns what it said. [Serve] is the confined process: it has no file, no
// network and no capability, computes with the packages below core/policy, and ends. A bug in a parser that is fed with somebody's
// policy, profile, trace or filter gets nothing but the chance to print.
//
// # Limits
//
// The confined process may ask for the text of any regular file that whoever runs the command may read, because includes and traces
// are named by the policy. What it read it can print, to the same person.
package workbench
