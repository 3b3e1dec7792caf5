// Package compile has both ends of the confined process that parses and compiles policies.
//
// [Run], in the spawner, launches the process, sends it the text of the policies and what the host can enforce, answers its
// questions (what is at this path, who is this user) and takes the bounded plan that it returns. [Serve] is the process. It
// can reach nothing but its end of a socket pair; a crash or a hang in it is an error of Run and changes nothing else.
//
// A request may have many modules. What means the same is made once, however many want it: a filter, with its proof, and the answer to a
// question. Modules ask one after the other, so that the same request always leads to the same plan, and are built side by side.
//
// The process is started from the file that the spawner runs, by descriptor: an upgrade that replaces or removes the file changes nothing until
// the spawner itself is started again.
//
// # Limits
//
// A plan is one message of at most [wire.MaxMessage] bytes, which some 300 modules fill.
//
// The process decides what the plan says, so a parser that is taken over by the text of a policy can return any plan. A policy is
// trusted as a unit file is; what the confinement buys is that junk cannot take the spawner down, and that
// `policy check` of somebody else's file has nothing to steal.
//
//posixvet:leak os/user.*: knows the format of the user database, which is whoever administers the host's
package compile
