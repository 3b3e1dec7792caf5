package linux

import "syscall"

// Execve implements [posix.Processes]. It is the standard library's Exec, which waits until no thread is being created.
func (k *Kernel) Execve(path string, argv, env []string) error { return syscall.Exec(path, argv, env) }
