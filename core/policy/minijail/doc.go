// Package minijail reads the .policy files of minijail, and writes them as policies.
//
//	file, err := minijail.Parse("web.policy", text, minijail.Options{Include: read})
//	yaml, notes, err := file.Policy(minijail.PolicyOptions{})   // proved
//
// # What a file means
//
// As in minijail0(5), libminijail's syscall_filter.c and bpf.c, and tools/parser.py:
//
//	read: 1                                       allowed
//	socket: arg0 == AF_INET || arg0 == AF_UNIX    allowed where that holds
//	mmap: arg2 in ~PROT_EXEC                      where no other bits than these are set
//	ioctl: arg1 & 0x5400                          where one of these bits is set
//	ptrace: return EPERM                          answered with an error
//	kill: arg1 == 15; return EACCES               allowed where that holds, an error elsewhere
//	@include ./base.policy                        one level deep, a path with a slash in front
//	@default kill-process                         what other calls get
//	@denylist                                     other calls are allowed
//	# a comment; a backslash at the end goes on in the next line
//
// All of a register's 64 bits are compared, without a sign, whatever the argument's type is. So an imported condition says raw64(argument) where the
// difference can be seen, which the audit then flags. What no line is about ends the thread; so does another architecture.
//
// Two programs read these files, and they disagree about "condition; return ERRNO": libminijail allows the call where the condition holds and answers
// with the error elsewhere, compile_seccomp_policy.py answers with the error where the condition holds. A file with something that only the second
// one knows (@default, @denylist, braces, [arch=…], words such as allow or trap) is read as the second one does, every other as the first; a note
// says which.
//
// # Limits
//
// Frequency files do nothing but order, and are left out. Groups (name@namespace) are in files that minijail does not come with, and are left out
// with a note, as are the actions log, trace and user-notify. Lines for other architectures are left out.
package minijail
