package bpf_test

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// A filter that answers EPERM to kill, asked what it does, without a kernel.
func ExampleProgram_Run() {
	const read, kill = 0, 62 // on x86-64
	program := bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: kill, JT: 0, JF: 1},
		{Code: bpf.RET | bpf.K, K: bpf.RetErrno | uint32(unix.EPERM)},
		{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
	}
	if err := program.Check(); err != nil {
		panic(err)
	}
	for _, nr := range []uint32{kill, read} {
		answer := program.Run(bpf.Data{Nr: nr})
		fmt.Println(bpf.Describe(answer), bpf.Action(answer) == bpf.RetErrno)
	}

	// What the kernel takes, and what it refuses.
	again, err := bpf.Decode(program.Bytes())
	fmt.Println(len(again), err)
	_, err = bpf.Decode(program[:2].Bytes())
	fmt.Println(err)
	// Output:
	// errno 1 true
	// allow false
	// 4 <nil>
	// check a filter: instruction 1 (jeq #0x3e, +0, +1): a jump leaves the program
}
