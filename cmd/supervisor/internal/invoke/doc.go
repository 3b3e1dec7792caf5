// Package invoke is one invocation of the supervisor: what the commands have in common that read policies and start something, and
// `supervisor exec`.
//
//	a, err := invoke.New(posix.Active(), level, os.Args)
//	os.Exit(a.Status(a.Exec(options, command)))
//
// [Invocation.Start] reads policies under the rule of who may own them, finds out what the host can enforce and gets ready to launch.
// [Invocation.Compile] makes a plan in the confined process. An ordinary user's process replaces itself in Start by one in a user
// namespace, which goes on with the policies as they were read.
//
// # Limits
//
// Package early runs exec before most of the program is initialised. So this package must not import, not even indirectly, what takes long to
// be: HTTP, Prometheus, templates. A test makes sure.
//
//posixvet:leak os.Stderr: what people are told; the two programs that use this package print there as well
//posixvet:leak os.Executable: package os asks for it before main begins, whether it is used or not
package invoke
