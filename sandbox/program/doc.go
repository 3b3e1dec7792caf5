// Package program is the launch program: what the spawner prepares and what the child does, as data.
//
// A [Program] is made by package sandbox from one module of a policy, travels in wire format from the confined compile
// process to the spawner, and is linked and run by package spawner/launch. It has three parts:
//
//   - [Program.Prepare]: the descriptors that the spawner opens before each launch, with a deadline. The child never resolves a
//     path of the host.
//   - [Program.Steps]: the system calls of the child, in order, the last one being execveat.
//   - [Program.Memory]: constants and scratch space that the steps point to.
//
// Every prepared descriptor and every step knows the line of the policy that it came from. [Program.Explain] prints them.
package program
