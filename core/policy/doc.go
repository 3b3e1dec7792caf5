// Package policy is the policy workbench: what people do with policies besides running them. It holds what all of it shares; the
// work is below:
//
//   - call reads and prints a system call as people write it: socket(AF_UNIX, SOCK_STREAM, 0)
//   - trace reads what strace prints, and says what a filter would have answered
//   - suite runs the tests that a policy has in its tests block
//   - format lays a policy out, comments kept; effective writes what a module really has
//   - explain says what a policy means for a system call, and what a group has in it
//   - reach finds which calls a policy lets through; audit finds what that leaves open
//   - diff says what one policy permits and another does not
//   - capability and example know the layers besides seccomp: which calls a capability serves, and which show what a layer gives
//   - filter reads raw filters; disasm writes them with what each instruction is about
//   - oci, minijail, systemd and exchange read and write the policies of others
//   - schema and reference describe the language; snippet shows the line that a message is about
//   - starter writes the policy that somebody starts from
//
// All of it is functions of bytes and values: nothing here opens a file or makes another system call, so that the command can run it in a
// confined process.
//
// # Limits
//
// The packages believe the tables of sandbox/seccomp: a call or a constant that a newer kernel has and the tables do not is
// unknown to them, and they say so.
package policy
