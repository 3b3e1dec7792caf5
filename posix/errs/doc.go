// Package errs decorates a posix.Core so that every error says what failed on what.
//
// It is the outermost layer of a stack. A bare errno that comes from below
// becomes a [posix.Error] with the operation, the descriptor and the path,
// name or address taken from the arguments:
//
//	core := errs.New(linux.New())
//	_, err := core.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{})
//	// openat2 /etc/x: no such file or directory
//
// errors.Is and errors.As see through it, with errnos and with the sentinels
// of io/fs. A call that succeeds allocates nothing.
//
// # Limits
//
// An error from below that is not an errno is passed on unchanged. A relative path is shown as it was given, without
// the directory that it is relative to.
package errs
