package posix

// CloneArgs holds the arguments of [Processes.Clone3]. Source: clone3(2).
type CloneArgs struct {
	// Flags are CLONE_… flags. CLONE_VM and CLONE_VFORK are always added, CLONE_PIDFD too.
	Flags uint64
	// Cgroup is the version 2 control group the child starts in, with CLONE_INTO_CGROUP.
	Cgroup FD
	// Program is what the child does. It is read while the call runs and not kept.
	Program *Program
	// ExitSignal is sent to the parent when the child ends. The usual value is SIGCHLD.
	ExitSignal Signal
	// Beside lets the child go on beside the caller, which is not suspended: CLONE_VFORK is not added. The program may not execute another one.
	// Whether a step failed is told by the exit status alone, and Program.Memory is not written to.
	Beside bool
}

// Child is a process that [Processes.Clone3] started.
type Child struct {
	PID PID
	// Pidfd is owned by the caller; it becomes readable when the child has ended.
	Pidfd FD
	// Failed is set when a step of the program failed. The child has ended and is to be reaped as usual.
	Failed *StepFailure
}

// StepFailure says which step of a [Program] stopped a child.
type StepFailure struct {
	Step  int    // index into Program.Steps
	Errno Errno  // the kernel's answer; 0 for an Expect step whose value differed
	Got   uint64 // the value that an Expect step read
}

// IDType says what the id of [Processes.Waitid] is.
type IDType int

// Source: waitid(2).
const (
	PAll   IDType = 0 // any child; the id is ignored
	PPid   IDType = 1 // a process number
	PPgid  IDType = 2 // a process group
	PPidfd IDType = 3 // a pidfd
)

// How a child ended: [WaitInfo.Code]. Source: waitid(2), CLD_….
const (
	CldExited = 1
	CldKilled = 2
	CldDumped = 3 // killed, with a core dump
)

// WaitInfo is what [Processes.Waitid] learned. PID is 0 when there was nothing (WNOHANG).
type WaitInfo struct {
	PID    PID
	UID    UID
	Code   int // CldExited, CldKilled, CldDumped
	Status int // exit status, or signal number
}

// Processes starts, finds and waits for processes.
type Processes interface {
	// Clone3 creates a child that shares the caller's memory, as vfork(2) has it, and runs args.Program in it. The calling
	// thread is suspended until the child has executed another program or has ended. All signals are blocked in
	// the child until its program unblocks them, and handlers are reset. The parent-death signal of the child,
	// when its program asks for one, refers to the calling thread: lock it for life.
	//
	// A nil error means that a child was created; Child.Failed says whether it got to its last step. The caller reaps it. The exit status of a
	// child that did not is the errno of the step that failed, or 127.
	// Errors: EAGAIN (a pid limit), ENOMEM, EPERM, EINVAL, ENOSPC (too many namespaces), EBUSY (the control group), EMFILE.
	// Source: clone3(2).
	//posix:calls clone3 rt_sigprocmask mmap munmap
	//posix:retry never the kernel restarts it by itself while there is no child; what comes back is final
	//posix:updates args
	Clone3(args *CloneArgs) (Child, error)

	// Waitid waits for a child and fills info. options: WEXITED, WNOHANG, WNOWAIT, __WALL. It blocks unless WNOHANG is given.
	// Errors: ECHILD, EINTR, EINVAL. Source: waitid(2).
	//posix:calls waitid
	//posix:retry retry no child was reaped
	//posix:fills info
	Waitid(idtype IDType, id int, info *WaitInfo, options int) error

	// PidfdOpen returns a descriptor for a process; the caller owns it. Errors: ESRCH, EINVAL, EMFILE. Source: pidfd_open(2).
	//posix:calls pidfd_open
	//posix:retry retry nothing was made
	PidfdOpen(pid PID, flags int) (FD, error)

	// PidfdSendSignal sends a signal to the process that pidfd stands for. Errors: ESRCH (it has been reaped), EPERM.
	// Source: pidfd_send_signal(2).
	//posix:calls pidfd_send_signal
	//posix:retry never the signal may have been sent, and two are not one
	PidfdSendSignal(pidfd FD, sig Signal) error

	// Execve replaces the program of the process; all other threads end. It does not return unless it failed. The soft limit of
	// open files that the runtime raised is set back. Errors: E2BIG, EACCES, ENOENT, ENOEXEC, ETXTBSY. Source: execve(2).
	//posix:calls execve prlimit64
	//posix:retry never the other threads may have ended; only its caller knows what is left
	//posix:reads argv env
	Execve(path string, argv, env []string) error

	// Getpid returns the caller's process number. It cannot fail. Source: getpid(2).
	//posix:calls getpid
	//posix:retry never it cannot fail
	Getpid() PID

	// Getppid returns the parent's process number, 0 when it is outside of the pid namespace. Source: getppid(2).
	//posix:calls getppid
	//posix:retry never it cannot fail
	Getppid() PID

	// Getpgid returns the process group of a process; pid 0 is the caller. Errors: ESRCH. Source: getpgid(2).
	//posix:calls getpgid
	//posix:retry never the kernel does not answer EINTR
	Getpgid(pid PID) (PID, error)

	// Setpgid puts a process, the caller (0) or a child that has not executed a program yet, into the process group pgid of its session;
	// 0 makes a new one with the process's own number. Errors: EACCES (the child has executed a program), EINVAL, EPERM (a session leader, or
	// another session), ESRCH. Source: setpgid(2).
	//posix:calls setpgid
	//posix:retry never the kernel does not answer EINTR
	Setpgid(pid, pgid PID) error

	// Getsid returns the session of a process; pid 0 is the caller. Errors: ESRCH. Source: getsid(2).
	//posix:calls getsid
	//posix:retry never the kernel does not answer EINTR
	Getsid(pid PID) (PID, error)

	// Setsid makes the process the leader of a new session, without a terminal, and of a new process group.
	// Errors: EPERM (it leads a process group already). Source: setsid(2).
	//posix:calls setsid
	//posix:retry never the kernel does not answer EINTR; made twice, the second fails
	Setsid() (PID, error)
}
