package wire

import (
	"crypto/sha256"
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Digest is a hash over what launch programs do. What they are compiled from is not in it: neither the name of the policy nor the lines in
// it, nor the exec-once value. So a comment that is added to a policy changes no digest, and a path that has become another kind
// of file, or a user with another number, does. A program may be nil.
func Digest(programs ...*program.Program) [sha256.Size]byte {
	e := &Encoder{anonymous: true}
	e.reserve(programSize * len(programs))
	for _, p := range programs {
		e.Bool(p != nil)
		if p != nil {
			EncodeProgram(e, without(p))
		}
	}
	return sha256.Sum256(e.Bytes())
}

// without returns a copy of a program without file and exec-once value, which shares the rest with it.
func without(p *program.Program) *program.Program {
	q := *p
	q.File, q.Cookies = "", nil
	q.Memory = slices.Clone(p.Memory)
	for _, at := range p.Cookies {
		clear(q.Memory[at : at+4])
	}
	return &q
}
