package suite

import (
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// program is a filter for x86-64 that allows read, close and kill, and socket for AF_UNIX; the rest is answered with errno EPERM.
func program() bpf.Program {
	const load, equal, answer = bpf.LD | bpf.W | bpf.ABS, bpf.JMP | bpf.JEQ | bpf.K, bpf.RET | bpf.K
	return bpf.Program{
		{Code: load, K: bpf.OffsetArch},
		{Code: equal, K: testArch.Audit(), JF: 8},
		{Code: load, K: bpf.OffsetNr},
		{Code: equal, K: 0, JT: 5},  // read
		{Code: equal, K: 3, JT: 4},  // close
		{Code: equal, K: 62, JT: 3}, // kill
		{Code: equal, K: 41, JF: 3}, // socket
		{Code: load, K: bpf.OffsetArgLow(0)},
		{Code: equal, K: 1, JF: 1},
		{Code: answer, K: bpf.RetAllow},
		{Code: answer, K: bpf.RetErrno | 1},
	}
}
