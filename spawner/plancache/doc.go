// Package plancache keeps plans of the compile process, so that a policy that did not change on a host that did not change is not
// compiled again.
//
// A plan depends on three things, because the compile process knows nothing else: its program, the request, and the answers to the
// questions that it asked about the host. An entry is found by a [Key] over the first two: the whole request (the text of the policies, the
// command, the facts about the host and about this process, its user and user namespace among them), which file the program is, and the
// kernel. The third is recorded in the entry: every question is asked again, now, and a plan is used only when each answer is the same to
// the byte.
//
//	plan, how, err := cache.Compile(kernel, launcher, request)
//
// The cache never makes an error, only a miss. Whatever is wrong with an entry or with the directory, the policy is compiled as
// without a cache, and the reason is in how and in the log at the level debug.
//
// A plan can be remembered for some words, such as a command line: [Cache.Guess] returns it before anything about the request is known, so that what is
// harmless can be done with it meanwhile, and [Cache.Current] says by the same two measures whether it is the one.
//
// What is kept is what the compile process sent, and the same decoder reads it. The exec-once value of a launch is none of it: it
// is made at the launch.
//
// # Trust
//
// Who can write to the directory decides what runs, as somebody does who can write to a policy. So the directory and every entry
// must belong to the effective user and be closed to everybody else (0700, 0600), and no symbolic link may lead there; marks, which hold what is
// remembered, too. The SHA-256 in an entry finds damage; it is not a signature.
//
// # Limits
//
// Another command line is another request, and is compiled once. The program is known by its device, inode, size and times: whoever can
// put other bytes behind all of these is trusted anyway. A module that runs as the same kernel user as the supervisor and whose policy
// lets it write to the directory can put plans there.
package plancache
