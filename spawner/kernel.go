package spawner

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// Kernel is what the spawner needs of the system.
type Kernel interface {
	launch.Kernel
	posix.Sockets
	posix.Polling
	posix.Limits
	posix.Credentials
	posix.Signals
}

// leastDescriptors is the RLIMIT_NOFILE below which the spawner does not start: it needs some for itself and a dozen for a launch.
const leastDescriptors = 64

// CheckLimits refuses to start with a limit that would make every launch fail.
func CheckLimits(k Kernel) error {
	var have posix.Rlimit
	if err := k.Prlimit(0, unix.RLIMIT_NOFILE, nil, &have); err != nil {
		return fmt.Errorf("read RLIMIT_NOFILE: %w", err)
	}
	if have.Soft >= leastDescriptors {
		return nil
	}
	want := posix.Rlimit{Soft: min(have.Hard, 1024), Hard: have.Hard}
	if have.Hard < leastDescriptors {
		return fmt.Errorf("the limit of open files (RLIMIT_NOFILE) is %d; the supervisor needs at least %d: raise it with ulimit -Hn, "+
			"LimitNOFILE= or limits.conf", have.Hard, leastDescriptors)
	}
	if err := k.Prlimit(0, unix.RLIMIT_NOFILE, &want, nil); err != nil {
		return fmt.Errorf("raise RLIMIT_NOFILE from %d to %d: %w", have.Soft, want.Soft, err)
	}
	return nil
}

// Privileged tells whether launches can be made by this process as it is: it has the capability, and may mount with it. Otherwise it first enters a user namespace: see [EnterUserNamespace].
func Privileged(f host.Facts) bool { return f.Capabilities.Has(unix.CAP_SYS_ADMIN) && !f.ForeignMounts }

// reap waits for a child that a pidfd stands for and that has ended or is about to.
func reap(k posix.Processes, pidfd posix.FD) (posix.WaitInfo, error) {
	var info posix.WaitInfo
	err := k.Waitid(posix.PPidfd, int(pidfd), &info, unix.WEXITED)
	return info, err
}
