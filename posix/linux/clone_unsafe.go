package linux

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The child of Clone3 runs assembly only: a loop over rawSteps. No Go code, so nothing there can allocate, grow a stack, hit a
// write barrier or be preempted. Everything that the child reads and writes lies in one anonymous mapping outside of
// the Go heap, laid out by newImage; the pointers in it are to the mapping itself, which lives until Clone3 returns,
// and by then the child no longer shares our memory; or, for one that goes on beside us, until the kernel says that. It has our stack pointer and
// never uses it. That is why the uses of unsafe here are sound.

// block is what launch works on. The offsets are known to the assembly.
type block struct {
	all, old  uint64 // signal sets: every signal; what was blocked before
	clone     uintptr
	cloneSize uintptr
	steps     uintptr
	end       uintptr
	failed    uintptr // address of the step that failed
	errno     uint64
	got       uint64
	dropped   uint64                // where results go that nobody asked for
	slots     [posix.MaxSlots]int64 // slot n is slots[n-1]
	// running is set to 0 by the kernel when a child that goes on beside us uses our memory no longer. Source: set_tid_address(2).
	running uint32
}

// rawStep is a step with its arguments resolved as far as they can be. The offsets are known to the assembly.
type rawStep struct {
	op      uint32
	mayFail uint32
	number  uint64
	result  uintptr
	from    [6]uintptr // where each argument is read from when the step runs: value below, a slot or the program's memory
	value   [6]uint64
}

// cloneArgs is struct clone_args, version 2. Source: clone3(2).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// launch blocks all signals, calls clone3, runs the steps in the child, and restores the signals in the parent. It
// returns the child's number or a negative errno.
//
//go:noescape
func launch(b *block) int64

// entersyscall and exitsyscall tell the runtime that this thread waits in the kernel, as syscall.Syscall does: a child whose file system does not answer
// would otherwise keep one of the runtime's processors, and the next garbage collection would wait for it, and everything for that.
// Source: runtime/proc.go, where both are open to other packages (go.dev/issue/67401).
//
//go:linkname entersyscall runtime.entersyscall
func entersyscall()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// launchAside is launch while the runtime goes on without this thread. The runtime remembers where the stack ends here, so nothing in between
// may split it; what it calls has no frame.
//
//go:nosplit
//go:norace
func launchAside(b *block) int64 {
	entersyscall()
	pid := launch(b)
	exitsyscall()
	return pid
}

// Clone3 implements [posix.Processes].
func (k *Kernel) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	if args.Program == nil || args.Beside && executes(args.Program) {
		return posix.Child{}, posix.Errno(unix.EINVAL)
	}
	im, err := newImage(args.Program, &k.images)
	if err != nil {
		return posix.Child{}, err
	}
	shared := false // with a child that goes on
	defer func() {
		if !shared {
			im.free()
		}
	}()

	pidfd := int32(-1)
	*im.clone = cloneArgs{} // the mapping may be that of another launch
	im.clone.flags = args.Flags | unix.CLONE_VM | unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND
	if args.Beside {
		im.clone.flags |= unix.CLONE_CHILD_CLEARTID
		im.clone.childTID = uint64(addressOf(&im.block.running))
		im.block.running = 1
	} else {
		im.clone.flags |= unix.CLONE_VFORK
	}
	im.clone.pidfd = uint64(addressOf(im.pidfd))
	im.clone.exitSignal = uint64(args.ExitSignal)
	if args.Flags&unix.CLONE_INTO_CGROUP != 0 {
		im.clone.cgroup = uint64(args.Cgroup)
	}

	// The thread must not change between the block and the restore of its signals; launch cannot be preempted, but
	// the parent-death signal of the child is about this thread as well.
	runtime.LockOSThread()
	pid := launchAside(im.block)
	runtime.UnlockOSThread()
	if pid < 0 {
		return posix.Child{}, posix.Errno(-pid)
	}
	pidfd = *im.pidfd
	child := posix.Child{PID: posix.PID(pid), Pidfd: posix.FD(pidfd)}
	if args.Beside {
		shared = true
		k.images.lend(im)
		return child, nil
	}
	copy(args.Program.Memory, im.memory)
	if im.block.failed != 0 {
		child.Failed = &posix.StepFailure{
			Step:  int((im.block.failed - im.block.steps) / unsafe.Sizeof(rawStep{})),
			Errno: posix.Errno(im.block.errno),
			Got:   im.block.got,
		}
	}
	return child, nil
}

// image is the memory that parent and child share: block, clone arguments, pidfd, steps, the program's memory.
type image struct {
	kept    *images // takes the mapping when it is over; nil when nobody may have it
	mapping []byte
	block   *block
	clone   *cloneArgs
	pidfd   *int32
	steps   []rawStep
	memory  []byte
}

// images keeps mappings of launches for the next ones: making one, with its pages, takes as long as a dozen of the steps. By the time that Clone3
// returns nobody else has it: the child has a memory of its own, or none. Those of children that go on beside us are taken back when these are over.
type images struct {
	mu    sync.Mutex // guards what follows
	spare [][]byte
	lent  []*image
}

const (
	mostKept   = 4         // mappings
	leastImage = 32 << 10  // bytes of one, so that most programs can take any
	mostImage  = 256 << 10 // bytes of one that is kept
)

// take returns a mapping of at least size bytes, whatever is in it.
func (k *images) take(size int) ([]byte, error) {
	k.collect()
	k.mu.Lock()
	at := slices.IndexFunc(k.spare, func(m []byte) bool { return len(m) >= size })
	if at >= 0 {
		m := k.spare[at]
		k.spare = slices.Delete(k.spare, at, at+1)
		k.mu.Unlock()
		return m, nil
	}
	k.mu.Unlock()
	return unix.Mmap(-1, 0, max(size, leastImage), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
}

// give takes a mapping back.
func (k *images) give(m []byte) {
	k.mu.Lock()
	keep := len(m) <= mostImage && len(k.spare) < mostKept
	if keep {
		k.spare = append(k.spare, m)
	}
	k.mu.Unlock()
	if !keep {
		unmap(m)
	}
}

// lend keeps the image of a child that goes on.
func (k *images) lend(im *image) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lent = append(k.lent, im)
}

// collect takes back what nobody uses any more.
func (k *images) collect() {
	var over []*image
	k.mu.Lock()
	k.lent = slices.DeleteFunc(k.lent, func(im *image) bool {
		done := atomic.LoadUint32(&im.block.running) == 0
		if done {
			over = append(over, im)
		}
		return done
	})
	k.mu.Unlock()
	for _, im := range over {
		im.free()
	}
}

// executes tells whether a program executes another one.
func executes(p *posix.Program) bool {
	return slices.ContainsFunc(p.Steps, func(s posix.Step) bool {
		return s.Op == posix.StepCall && (s.Number == unix.SYS_EXECVE || s.Number == unix.SYS_EXECVEAT)
	})
}

// newImage lays a program out. It returns EINVAL, with nothing allocated, for a program that refers outside of itself.
func newImage(p *posix.Program, kept *images) (*image, error) {
	const (
		cloneAt = unsafe.Sizeof(block{})
		pidfdAt = cloneAt + unsafe.Sizeof(cloneArgs{})
		stepsAt = pidfdAt + 8
	)
	memoryAt := stepsAt + uintptr(len(p.Steps))*unsafe.Sizeof(rawStep{})
	size := memoryAt + uintptr(len(p.Memory))
	var mapping []byte
	var err error
	if p.Shared { // what a child of the child keeps is not for the next launch
		kept = nil
		mapping, err = unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	} else {
		mapping, err = kept.take(int(size))
	}
	if err != nil {
		return nil, err.(syscall.Errno)
	}
	base := unsafe.Pointer(&mapping[0])
	im := &image{
		kept:    kept,
		mapping: mapping,
		block:   (*block)(base),
		clone:   (*cloneArgs)(unsafe.Add(base, cloneAt)),
		pidfd:   (*int32)(unsafe.Add(base, pidfdAt)),
		memory:  mapping[memoryAt:size:size],
	}
	if len(p.Steps) > 0 {
		im.steps = unsafe.Slice((*rawStep)(unsafe.Add(base, stepsAt)), len(p.Steps))
	}
	copy(im.memory, p.Memory)
	first := uint64(uintptr(base))
	*im.block = block{
		all:       ^uint64(0),
		clone:     addressOf(im.clone),
		cloneSize: unsafe.Sizeof(cloneArgs{}),
		steps:     uintptr(first) + stepsAt,
		end:       uintptr(first) + memoryAt,
	}
	if err := im.link(p, first+uint64(memoryAt)); err != nil {
		im.free()
		return nil, err
	}
	return im, nil
}

// link resolves relocations and arguments. at is the address of the program's memory.
func (im *image) link(p *posix.Program, at uint64) error {
	inside := func(offset, size uint64) bool {
		return offset <= uint64(len(im.memory)) && size <= uint64(len(im.memory))-offset
	}
	for _, r := range p.Relocations {
		if !inside(uint64(r.At), 8) || !inside(uint64(r.To), 0) {
			return posix.Errno(unix.EINVAL)
		}
		binary.NativeEndian.PutUint64(im.memory[r.At:], at+uint64(r.To))
	}
	for i, s := range p.Steps {
		if s.Op > posix.StepExpect || s.Result > posix.MaxSlots {
			return posix.Errno(unix.EINVAL)
		}
		raw := rawStep{op: uint32(s.Op), number: uint64(s.Number), result: addressOf(&im.block.dropped)}
		if s.MayFail {
			raw.mayFail = 1
		}
		if s.Result > 0 {
			raw.result = addressOf(&im.block.slots[s.Result-1])
		}
		for j, a := range s.Args {
			switch {
			case a.Kind == posix.Immediate:
				raw.value[j], raw.from[j] = a.Value, addressOf(&im.steps[i].value[j])
			case a.Kind == posix.Address && inside(a.Value, 0):
				raw.value[j], raw.from[j] = at+a.Value, addressOf(&im.steps[i].value[j])
			case a.Kind == posix.Load && inside(a.Value, 8):
				raw.from[j] = uintptr(at + a.Value)
			case a.Kind == posix.Slot && a.Value >= 1 && a.Value <= posix.MaxSlots:
				raw.from[j] = addressOf(&im.block.slots[a.Value-1])
			default:
				return posix.Errno(unix.EINVAL)
			}
		}
		written := [...]uint64{posix.StepDecimal: 21, posix.StepStore: 8, posix.StepExpect: 0}[s.Op]
		if written > 0 && !(s.Args[1].Kind == posix.Address && inside(s.Args[1].Value, written)) {
			return posix.Errno(unix.EINVAL)
		}
		im.steps[i] = raw
	}
	return nil
}

// addressOf is the address of something inside the mapping, which does not move.
func addressOf[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func (im *image) free() {
	if im.kept == nil {
		unmap(im.mapping)
		return
	}
	clear(im.memory) // the environment of a module and the value of its exec are not for whoever reads this memory later
	im.kept.give(im.mapping)
}

func unmap(m []byte) {
	if err := unix.Munmap(m); err != nil {
		panic(fmt.Sprintf("bug: unmap a launch image: %v; please report it", err))
	}
}
