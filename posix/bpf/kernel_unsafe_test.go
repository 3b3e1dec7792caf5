package bpf

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// The kernel is asked in a re-executed test binary: filters cannot be taken off. Each program gets a thread of its own,
// which ends with its goroutine.

const kernelEnv = "BULKHEAD_BPF_KERNEL_TEST"

// probes are calls without arguments, so that they can be made with any: the kernel shows them to the filter all the same.
// The Go runtime makes none of them; getpid, which it makes to preempt a thread, could end the thread.
var probes = []uint32{
	syscall.SYS_GETPPID, syscall.SYS_GETUID, syscall.SYS_GETEUID, syscall.SYS_GETGID, syscall.SYS_GETEGID, syscall.SYS_MUNLOCKALL,
}

var auditArch = map[string]uint32{"amd64": 0xc000003e, "arm64": 0xc00000b7}

func TestKernelAgrees(t *testing.T) {
	if os.Getenv(kernelEnv) != "" {
		askKernel(t)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^TestKernelAgrees$", "-test.v")
	cmd.Env = append(os.Environ(), kernelEnv+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("re-executed test: %v", err)
	}
}

func askKernel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	var refused, denied, allowed, reachedMemory int
	for i := range 1500 {
		probe := probes[r.IntN(len(probes))]
		p := randomProgram(r, probe, func(k uint32) uint32 {
			if k%3 == 0 {
				return RetAllow
			}
			return RetErrno | k&0xfff
		})
		_, decodeErr := Decode(p.Bytes())
		calls := make([]Data, 24)
		for j := range calls {
			calls[j] = randomData(r, probe, auditArch[runtime.GOARCH])
		}
		loadErr, answers := onFilteredThread(p, calls, decodeErr == nil)
		if (decodeErr == nil) != (loadErr == 0) {
			t.Fatalf("seed %d, program %d: Decode says %v, the kernel says %v\n%s", seed, i, decodeErr, loadErr, p.Disassemble())
		}
		if loadErr != 0 {
			refused++
			if loadErr != syscall.EINVAL {
				t.Fatalf("seed %d, program %d: the kernel refuses it with %v", seed, i, loadErr)
			}
			continue
		}
		for _, in := range p {
			if in.Code == LD|MEM || in.Code == LDX|MEM {
				reachedMemory++
				break
			}
		}
		for j, a := range answers {
			if !a.made {
				continue
			}
			if a.denied {
				denied++
			} else {
				allowed++
			}
			want := p.Run(calls[j])
			if a.denied != (Action(want) == RetErrno && Value(want) != 0) || a.denied && uint32(a.errno) != uint32(Value(want)) {
				t.Fatalf("seed %d, program %d: the kernel answers %+v, Run answers %s\n%+v\n%s",
					seed, i, a, Describe(want), calls[j], p.Disassemble())
			}
		}
	}
	t.Logf("%d programs refused by both; %d calls denied, %d not; %d programs loaded scratch memory", refused, denied, allowed, reachedMemory)
	if refused < 100 || denied < 1000 || allowed < 1000 || reachedMemory < 10 {
		t.Error("the programs do not cover enough")
	}
}

// answer is what the kernel did with a call.
type answer struct {
	made   bool
	denied bool
	errno  syscall.Errno
}

// onFilteredThread loads a program on a new thread and makes the calls there, those left out whose answer would be the
// thread's end. A program that the kernel should refuse, and does not, gets no calls.
func onFilteredThread(p Program, calls []Data, ask bool) (loaded syscall.Errno, answers []answer) {
	code := p.Bytes()
	answers = make([]answer, len(calls))
	done := make(chan syscall.Errno)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		errno := load(code)
		if errno == 0 && ask {
			for i := range calls {
				d := &calls[i]
				if a := Action(p.Run(*d)); a != RetErrno && a != RetAllow {
					continue
				}
				answers[i] = probeAnswer(d)
			}
		}
		done <- errno
	}()
	return <-done, answers
}

// probeAnswer makes a call. Its own errors cannot be taken for the filter's: the probes have none.
func probeAnswer(d *Data) answer {
	result, _, errno := syscall.RawSyscall6(uintptr(d.Nr), uintptr(d.Args[0]), uintptr(d.Args[1]), uintptr(d.Args[2]),
		uintptr(d.Args[3]), uintptr(d.Args[4]), uintptr(d.Args[5]))
	if int(result) == -MaxErrno { // Go takes only the errors below for errors
		errno = MaxErrno
	}
	return answer{made: true, denied: errno != 0, errno: errno}
}

// load confines the calling thread. The pointers are to memory that outlives the calls, which is why they are sound:
// the kernel copies the program before prctl returns.
func load(code []byte) syscall.Errno {
	const prSetNoNewPrivs, prSetSeccomp, modeFilter = 38, 22, 2
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		panic(fmt.Sprintf("prctl(PR_SET_NO_NEW_PRIVS): %v", errno))
	}
	program := syscall.SockFprog{Len: uint16(len(code) / InstructionSize), Filter: (*syscall.SockFilter)(unsafe.Pointer(&code[0]))}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetSeccomp, modeFilter, uintptr(unsafe.Pointer(&program)), 0, 0, 0)
	return errno
}
