package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// networks makes network namespaces. Each is given away once.
type networks struct {
	kernel Kernel
	spare  bool // keep one ready

	making sync.WaitGroup
	mu     sync.Mutex // guards ready
	ready  posix.FD   // -1 is none
}

func newNetworks(k Kernel, spare bool) *networks {
	return &networks{kernel: k, spare: spare, ready: -1}
}

// take returns a network namespace that nobody is in. The caller owns the descriptor.
func (n *networks) take() (posix.FD, error) {
	n.mu.Lock()
	fd := n.ready
	n.ready = -1
	n.mu.Unlock()
	if fd >= 0 {
		return fd, nil
	}
	return newNetwork(n.kernel)
}

// Refill makes a network namespace for the next launch, on another thread, when Options ask for that and the last launch took the
// one that was ready. Making one takes longer than most of a launch, and slows down what else runs: call it when there is time, and
// Settle where that has to be over.
func (l *Launcher) Refill() { l.networks.refill() }

// Settle waits until what Refill started is done.
func (l *Launcher) Settle() { l.networks.making.Wait() }

func (n *networks) refill() {
	// Locked here and not by the other thread: a launch that comes right after waits for this one and does not make a second.
	if !n.spare || !n.mu.TryLock() {
		return
	}
	n.making.Go(func() {
		defer n.mu.Unlock()
		if n.ready >= 0 {
			return
		}
		if fd, err := newNetwork(n.kernel); err == nil { // otherwise the next launch tries, and says why not
			n.ready = fd
		}
	})
}

// close gives the spare one back. Nothing may be launched any more.
func (n *networks) close() error {
	n.making.Wait()
	fd := n.ready
	if n.ready = -1; fd < 0 {
		return nil
	}
	return n.kernel.Close(fd)
}

// bornIn opens the network namespace of the process that runs it and stores the descriptor at the beginning of the memory.
func bornIn() *posix.Program {
	const path = "/proc/self/ns/net\x00"
	cwd := posix.AtFDCWD
	return &posix.Program{
		Steps: []posix.Step{
			{Op: posix.StepCall, Number: unix.SYS_OPENAT, Result: 1, Args: [6]posix.Arg{
				{Value: uint64(cwd)}, {Kind: posix.Address, Value: 8}, {Value: unix.O_RDONLY | unix.O_CLOEXEC}}},
			{Op: posix.StepStore, Args: [6]posix.Arg{{Kind: posix.Slot, Value: 1}, {Kind: posix.Address}}},
		},
		Memory: append(make([]byte, 8, 8+len(path)), path...),
	}
}

// newNetwork makes a network namespace. A child is born in it, leaves a descriptor of it in the table that it shares with this process,
// and ends.
func newNetwork(k Kernel) (posix.FD, error) {
	p := bornIn()
	child, err := k.Clone3(&posix.CloneArgs{Flags: unix.CLONE_NEWNET | unix.CLONE_FILES, Program: p})
	if err != nil {
		return -1, fmt.Errorf("create a process in it: %w%s", err, cloneHint(err))
	}
	err = reap(k, child.Pidfd)
	if child.Failed != nil {
		return -1, errors.Join(fmt.Errorf("open it: %w", child.Failed.Errno), err)
	}
	fd := posix.FD(binary.NativeEndian.Uint64(p.Memory))
	if err != nil {
		return -1, errors.Join(err, k.Close(fd))
	}
	return fd, nil
}
