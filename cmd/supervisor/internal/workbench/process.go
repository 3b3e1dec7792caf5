package workbench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Processes is what Filters needs.
type Processes interface {
	posix.Files
	posix.Processes
	posix.Hardening
	posix.Polling
}

// mostFilters is more than any process has: each adds four instructions to its own to a sum that is limited. Source: kernel/seccomp.c,
// MAX_INSNS_PER_PATH.
const mostFilters = 1 << 15

// Filters returns the filters of the main thread of a process, the one that was loaded first at the front. The process goes on as it was.
func Filters(k Processes, pid posix.PID) (_ []Input, err error) {
	// While the process behind this descriptor is alive, nobody else gets its number.
	pidfd, err := k.PidfdOpen(pid, 0)
	if err != nil {
		return nil, filterError(k, pid, err)
	}
	defer func() { err = errors.Join(err, k.Close(pidfd)) }()
	comm, err := ReadFile(k, fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return nil, filterError(k, pid, posix.Errno(unix.ESRCH))
	}
	name := fmt.Sprintf("process %d (%s)", pid, strings.ToValidUTF8(strings.TrimSuffix(string(comm), "\n"), "\ufffd"))
	var filters []Input
	buf := make([]posix.SockFilter, bpf.MaxInstructions)
	for i := range mostFilters {
		n, err := k.SeccompGetFilter(pid, i, buf)
		if i > 0 && errors.Is(err, unix.ENOENT) {
			break
		}
		if err != nil {
			return nil, filterError(k, pid, err)
		}
		text := make([]byte, 0, bpf.InstructionSize*n)
		for _, in := range buf[:n] {
			text = append(binary.NativeEndian.AppendUint16(text, in.Code), in.Jt, in.Jf)
			text = binary.NativeEndian.AppendUint32(text, in.K)
		}
		filters = append(filters, Input{Dir: "/", Text: text})
	}
	for i := range filters {
		filters[i].Name = fmt.Sprintf("%s: filter %d of %d", name, i+1, len(filters))
	}
	ended := []posix.PollFD{{FD: pidfd, Events: unix.POLLIN}}
	if n, err := k.Ppoll(ended, &posix.Timespec{}); err != nil || n > 0 {
		return nil, errors.Join(filterError(k, pid, posix.Errno(unix.ESRCH)), err)
	}
	return filters, nil
}

// filterError says why filters cannot be read, in words of the one who asks.
func filterError(k posix.Files, pid posix.PID, err error) error {
	says := func(format string, args ...any) error {
		return fmt.Errorf("read the filters of process %d: %s: %w", pid, fmt.Sprintf(format, args...), err)
	}
	status := func(key string) string {
		text, err := ReadFile(k, fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return ""
		}
		_, rest, _ := strings.Cut(string(text), "\n"+key+":")
		value, _, _ := strings.Cut(rest, "\n")
		return strings.TrimSpace(value)
	}
	switch {
	case errors.Is(err, unix.ESRCH):
		return says("there is no such process, or it has just ended")
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL) && status("Tgid") != "" && status("Tgid") != fmt.Sprint(pid):
		return says("it is a thread; name its process")
	case errors.Is(err, unix.EACCES):
		return says("the kernel shows filters to root only (CAP_SYS_ADMIN in the initial user namespace), and not to one that has a filter itself")
	case errors.Is(err, unix.EPERM) && status("TracerPid") != "" && status("TracerPid") != "0":
		return says("process %s traces it already, and a process has one tracer", status("TracerPid"))
	case errors.Is(err, unix.EPERM):
		return says("it may not be traced: it is somebody else's, this one, the kernel's, or a security module is against it")
	case errors.Is(err, unix.EINVAL) && status("Seccomp") == "0":
		return says("it has no seccomp filter")
	case errors.Is(err, unix.EINVAL) && status("Seccomp") == "1":
		return says("it is in seccomp's strict mode, which has no filter")
	case errors.Is(err, unix.EINVAL):
		return says("this kernel does not show filters: it was built without CONFIG_CHECKPOINT_RESTORE")
	case errors.Is(err, unix.ETIMEDOUT):
		return says("it does not stop: it waits for a disk or a file server")
	}
	return says("the kernel refuses")
}
