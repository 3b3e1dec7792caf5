// Package retry decorates a posix.Core so that calls which a signal interrupted are made again.
//
//	core := errs.New(metrics.New(retry.New(linux.New())))
//
// It goes by the directive of each method of posix.Core, which [posix.Op.Retry] and [posix.Op.RetryReason] tell:
//
//	retry    EINTR means that nothing has happened: the call is repeated
//	never    it has had its effect, or doing it twice is dangerous: EINTR is returned
//	caller   only the caller knows, for example because of a timeout: EINTR is returned
//
// So code above this layer handles EINTR after Connect, EpollWait, Ppoll and the like, and nowhere else.
//
// A call that failed but has returned a descriptor or a number above 0 all the same is not repeated: it has had a part of its effect.
//
// Openat2 is repeated after EAGAIN, too, when that says that somebody renamed a directory while RESOLVE_BENEATH or RESOLVE_IN_ROOT
// was at work, at most [RaceLimit] times; and never with O_EXCL, because the second call could fail on a file that the first one made.
// All other errors, EAGAIN included, are passed on as they are.
//
// # Bounds
//
// After [Limit] repetitions EINTR is returned as it came. A context would have to be asked on every call and could not end one that blocks,
// so there is none: a call that must end is made on a descriptor with O_NONBLOCK, and waited for with EpollWait or Ppoll, which come back.
//
// # Cost
//
// A call that succeeds costs one comparison and allocates nothing; nor does a repetition.
//
// # Limits
//
// A signal cannot be used to get out of a blocking call below this layer. Go installs its handlers with SA_RESTART, so most calls are
// restarted by the kernel anyway and never answer EINTR (signal(7) lists those that do).
//
// A socket's own timeout (SO_RCVTIMEO, SO_SNDTIMEO) starts again with each repetition.
package retry
