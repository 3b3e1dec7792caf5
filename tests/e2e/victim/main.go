package victim

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// attempt is one thing to try. It returns what it found.
type attempt func(args []string) (string, error)

// Main makes the attempts and returns the exit status.
func Main(args []string, out io.Writer) int {
	if status, called := newIDMap(args); called {
		return status
	}
	table := attempts()
	for _, arg := range args {
		name, rest, given := strings.Cut(arg, ":")
		try, ok := table[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "victim: no attempt %q; there are: %s\n", name, strings.Join(names(table), ", "))
			return 2
		}
		var parameters []string
		if given {
			parameters = strings.Split(rest, ",")
		}
		detail, err := apart(try, parameters)
		if _, err := fmt.Fprintf(out, "%s\t%s\t%s\n", arg, answer(err), detail); err != nil {
			return 1
		}
	}
	return 0
}

// apart makes an attempt on a thread of its own.
func apart(try attempt, args []string) (detail string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, so that the thread ends
		detail, err = try(args)
	}()
	<-done
	return detail, err
}

// answer is the kernel's answer in one word.
func answer(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
		return fmt.Sprintf("errno-%d", int(errno))
	}
	return "error: " + strings.Join(strings.Fields(err.Error()), " ")
}

func names(table map[string]attempt) []string {
	out := make([]string, 0, len(table))
	for name := range table {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// attempts is everything that can be tried.
func attempts() map[string]attempt {
	return map[string]attempt{
		// Files.
		"read": read, "readat": readAt, "write": write, "create": create, "truncate": truncate, "mknod": mknod, "mapexec": mapExec,
		"list": list, "fill": fill, "entropy": entropy,
		// System calls that no ordinary program makes.
		"keyctl": keyctl, "personality": personality, "unknown": unknown, "iouring": ioUring, "int80": compat, "x32": x32,
		// Starting other programs.
		"execve": execve, "execveat": execveat, "fexecve": fexecve, "memfd": memfd, "guess": guess, "say": say, "contained": contained,
		// Other processes.
		"signal": signal, "ptrace": ptrace, "readmem": readMemory, "processes": processes, "forks": forks,
		// Privileges.
		"setuid": setuid, "setgid": setgid, "capset": capset, "securebits": securebits, "chroot": chroot, "mount": mount, "mountapart": mountApart, "sethostname": setHostname,
		"clone": clone, "unshare": unshare, "status": status, "namespaces": namespaces, "outlive": outlive, "capabilities": capabilities,
		// The network.
		"connect": connect, "abstract": abstract, "packet": packet, "raw": raw, "listen": listenAt, "local": local, "datagram": datagram, "request": request,
		"inherited": inherited, "shutdown": endListening, "redirect": redirect,
		// Using things up.
		"memory": memory, "descriptors": descriptors, "opens": opens, "disk": useDisk,
		// What it is like in there.
		"hostname": hostname, "environment": environment, "tty": tty, "winch": winch, "line": line, "inject": inject,
		// Ending, and not ending.
		"exit": exit, "raise": raise, "ignore": ignore, "sleep": sleep, "serve": serve, "ready": ready, "flood": flood,
		"needs": needs, "ticks": ticks,
	}
}
