package posix

// Signals sends signals by process number. Prefer [Processes.PidfdSendSignal], which cannot hit another process.
type Signals interface {
	// Kill sends sig to a process, or to a process group when pid is negative. Signal 0 only checks.
	// Errors: EINVAL, EPERM, ESRCH. Source: kill(2).
	//posix:calls kill
	//posix:retry never the signal may have been sent, and two are not one
	Kill(pid PID, sig Signal) error
}
