package kernel

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// Config says what machine to make. The zero value is a machine without limits worth mentioning, booted at the beginning of 2000.
type Config struct {
	// Seed decides everything that is left to chance: who goes on of several that could, random bytes. The same seed, the same trace.
	Seed uint64
	// Boot is the time of CLOCK_REALTIME at boot; the zero value is 2000-01-01 00:00:00 UTC. CLOCK_MONOTONIC begins at 0.
	Boot time.Time
	// Concurrent allows calls from many goroutines at the same time, and leaves the clock to [Kernel.Advance].
	Concurrent bool
	// GoTime makes the clock that of Go's package time, from 0 at boot, for programs that use both: real time, or the virtual time of the bubble of testing/synctest
	// in which the kernel was made. It implies Concurrent. [Kernel.Advance] then sets the clock ahead of Go's.
	GoTime bool
	// MaxFiles is how many files can be open on the machine (ENFILE); 0 is 1<<20.
	MaxFiles int
	// MaxPID is the highest process number, after which numbers are used again; 0 is 1<<22.
	MaxPID int
	// Trace, unless nil, is told of each call when it is over. It is called with the kernel locked: it must not make calls.
	Trace func(Call)
	// FailStep, unless nil, is asked before each system call of a launch program, and the call fails with the errno that it returns, unless that is 0; so does
	// a test see what is done about a child that comes to nothing. It is called with the kernel locked: it must not make calls.
	FailStep func(Step) posix.Errno
}

// Step is a system call that a launch program is about to make.
type Step struct {
	PID    posix.PID
	Index  int // in [posix.Program]'s Steps
	Number uint32
}

// Call is one call of a process, when it was over.
type Call struct {
	Time time.Duration // since boot
	PID  posix.PID
	Op   posix.Op
	// Number is the number of the system call when a launch program made it; Op is 0 then.
	Number uint32
	Errno  posix.Errno // 0: it succeeded
}

// Kernel is a machine. All its methods may be called from any goroutine.
type Kernel struct {
	config Config

	mu         sync.Mutex // guards everything below, and everything that is reachable from it
	rng        *rand.Rand
	now        time.Duration // CLOCK_MONOTONIC
	goTime     goTime
	files      int // open files of all processes
	sched      scheduler
	procs      table
	tree       tree
	io         io
	init       *Process
	lastNS     uint64          // inode number of the namespace that was made last
	groups     *group          // the root of the control groups
	recognized map[string]Main // by contents
	crash      *Crash          // the first panic of a program
	told       bool            // the test has panicked with it
	closed     bool
	users      map[posix.UID]*account
}

// New boots a machine. Nothing runs on it but process 1, which is the caller's: see [Kernel.Init].
func New(config Config) *Kernel {
	if config.Boot.IsZero() {
		config.Boot = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	config.Concurrent = config.Concurrent || config.GoTime
	if config.MaxFiles == 0 {
		config.MaxFiles = 1 << 20
	}
	if config.MaxPID == 0 {
		config.MaxPID = 1 << 22
	}
	k := &Kernel{config: config, rng: rand.New(rand.NewPCG(config.Seed, 0x62756c6b68656164)), users: map[posix.UID]*account{}}
	k.sched.running = 1 // who called New
	if config.GoTime {
		k.goTime.boot = time.Now()
	}
	k.io.boot(k)
	k.tree.boot(k)
	k.procs.boot(k)
	k.tree.enter(k.init)
	k.bootNamespaces()
	k.tree.bootProc()
	k.bootGroups()
	k.procs.register(k.init)
	return k
}

// Init returns process 1: user 0 with all capabilities, in the root directory.
func (k *Kernel) Init() *Process { return k.init }

// realtime is CLOCK_REALTIME.
func (k *Kernel) realtime() time.Time { return k.config.Boot.Add(k.now) }

// timestamp is the time that inodes are stamped with.
func (k *Kernel) timestamp() posix.Timespec {
	t := k.realtime()
	return posix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}
