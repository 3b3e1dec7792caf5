// Package compile has both ends of the confined process that parses and compiles policies.
//
// [Run], in the spawner, launches the process, sends it the text of the policies and what the host can enforce, answers its
// questions (what is at this path, who is this user) and takes the bounded plan that it returns. [Serve] is the process. It
// can reach nothing but its end of a socket pair; a crash or a hang in it is an error of Run and changes nothing else.
//
// # Limits
//
// The process decides what the plan says, so a parser that is taken over by the text of a policy can return any plan. A policy is
// trusted as a unit file is; what the confinement buys is that junk cannot take the spawner down, and that
// `policy check` of somebody else's file has nothing to steal.
package compile
