package seccomp

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// machine carries a program out for all calls at once: what it holds are functions of the call.
type machine struct {
	d       *diagram
	p       bpf.Program
	live    []uint32
	vectors []vector
	places  map[vector]held
	results map[operation]held
	tests   map[operation]ref
	memo    map[state]ref
	stuck   int             // the instruction at which the work was exhausted, plus 1
	raw     map[held]uint32 // the words that are held as they were loaded
	visited []int32         // the visit in which an instruction was last come to
	visit   int32
	once    onceTests
}

// stop notes at which instruction the work was exhausted.
func (m *machine) stop(pc int) {
	if m.stuck == 0 {
		m.stuck = pc + 1
	}
}

// held is a number that the machine holds: a place in vectors. The first is the constant 0.
type held int32

// state is where a program is and what its registers and its scratch memory hold. What is not used any more is held as 0, so
// that paths which differ in nothing else are one.
type state struct {
	pc      int
	a, x    held
	scratch [16]held
}

type operation struct {
	code uint16
	a, b held
}

// The bits of machine.live: the registers, and from liveScratch the words of scratch memory.
const (
	liveA = 1 << iota
	liveX
	liveScratch
)

// execute returns the answers of a program as a function of the call. It takes every program that [bpf.Program.Check] does; when the
// functions become too large, the error names the instruction.
func (d *diagram) execute(p bpf.Program) (ref, error) { return d.executeOnce(p, onceTests{}) }

// executeOnce is execute for a program in which some tests compare with what is not known.
func (d *diagram) executeOnce(p bpf.Program, once onceTests) (ref, error) {
	m := &machine{
		once: once,
		d:    d, p: p, live: liveness(p),
		vectors: make([]vector, 1, 64), places: map[vector]held{{}: 0},
		results: map[operation]held{}, tests: map[operation]ref{}, memo: map[state]ref{},
		raw: map[held]uint32{}, visited: make([]int32, len(p)),
	}
	is := m.from(state{})
	if d.exhausted() {
		return never, fmt.Errorf("what the filter answers cannot be decided within the work allowed: instruction %d (%s) computes too much of the call",
			m.stuck-1, p[max(m.stuck-1, 0)])
	}
	if m.once.misused {
		return never, errors.New("the exec-once value is not compared with the argument that carries it")
	}
	return is, nil
}

// liveness returns what is used at each instruction or after it. Jumps only go forward, so one pass is enough.
func liveness(p bpf.Program) []uint32 {
	live := make([]uint32, len(p)+1)
	for i := len(p) - 1; i >= 0; i-- {
		in, next := p[i], live[i+1]
		switch in.Code & 7 {
		case bpf.LD:
			next &^= liveA
			if in.Code == bpf.LD|bpf.MEM {
				next |= liveScratch << in.K
			}
		case bpf.LDX:
			next &^= liveX
			if in.Code == bpf.LDX|bpf.MEM {
				next |= liveScratch << in.K
			}
		case bpf.ST:
			next = next&^(liveScratch<<in.K) | liveA
		case bpf.STX:
			next = next&^(liveScratch<<in.K) | liveX
		case bpf.ALU:
			next |= liveA | operandLive(in)
		case bpf.JMP:
			if in.Code == bpf.JMP|bpf.JA {
				next = live[i+1+int(in.K)]
			} else {
				next = live[i+1+int(in.JT)] | live[i+1+int(in.JF)] | liveA | operandLive(in)
			}
		case bpf.RET:
			next = 0
			if in.Code == bpf.RET|bpf.A {
				next = liveA
			}
		case bpf.MISC:
			if in.Code == bpf.MISC|bpf.TAX {
				next = next&^liveX | liveA
			} else {
				next = next&^liveA | liveX
			}
		}
		live[i] = next
	}
	return live
}

func operandLive(in bpf.Instruction) uint32 {
	if in.Code&bpf.X != 0 {
		return liveX
	}
	return 0
}

// forget sets what is not used from here to 0.
func (m *machine) forget(s *state) {
	live := m.live[s.pc]
	if live&liveA == 0 {
		s.a = 0
	}
	if live&liveX == 0 {
		s.x = 0
	}
	for i := range s.scratch {
		if live&(liveScratch<<i) == 0 {
			s.scratch[i] = 0
		}
	}
}

// hold returns the place of a number.
func (m *machine) hold(v vector) held {
	if at, known := m.places[v]; known {
		return at
	}
	at := held(len(m.vectors))
	m.vectors = append(m.vectors, v)
	m.places[v] = at
	return at
}

func (m *machine) constant(k uint32) held {
	return m.result(operation{code: bpf.LD | bpf.IMM, a: held(k)}, func() vector { return constant(k) })
}

// result returns what an operation gives, which is computed once.
func (m *machine) result(op operation, compute func() vector) held {
	at, known := m.results[op]
	if !known {
		at = m.hold(compute())
		m.results[op] = at
	}
	return at
}

// from returns what the program answers from a state on.
func (m *machine) from(s state) (answer ref) {
	m.forget(&s)
	if is, known := m.memo[s]; known {
		return is
	}
	begin := s
	defer func() { m.memo[begin] = answer }()
	for ; ; s.pc++ {
		if m.d.work--; m.d.exhausted() {
			m.stop(s.pc)
			return never
		}
		in := m.p[s.pc]
		switch {
		case in.Code == bpf.RET|bpf.K:
			return m.d.leaf(in.K)
		case in.Code == bpf.RET|bpf.A:
			return m.returned(s)
		case in.Code == bpf.JMP|bpf.JA:
			s.pc += int(in.K)
		case in.Code&7 == bpf.JMP:
			if half, is := m.once.at(s.pc); is {
				return m.testOnce(s, in, half)
			}
			if word, raw := m.raw[s.a]; raw && isRangeTest(in) {
				return m.ranges(s, word)
			}
			return m.branch(s, in)
		case in.Code == bpf.ALU|bpf.DIV|bpf.X:
			return m.divideByX(s)
		default:
			m.step(&s, in)
		}
	}
}

func (m *machine) branch(s state, in bpf.Instruction) ref {
	return m.fork(s, in, m.test(in.Code&0xf0, s.a, m.operand(s, in)))
}

// fork goes on where a test holds, and where it does not.
func (m *machine) fork(s state, in bpf.Instruction, holds ref) ref {
	yes, no := s, s
	yes.pc += 1 + int(in.JT)
	no.pc += 1 + int(in.JF)
	if m.d.exhausted() {
		m.stop(s.pc)
	}
	switch {
	case in.JT == in.JF || holds == never:
		return m.from(no)
	case holds == always:
		return m.from(yes)
	}
	otherwise := m.from(no)
	is := m.d.ite(holds, m.from(yes), otherwise)
	if m.d.exhausted() {
		m.stop(s.pc)
	}
	return is
}

func (m *machine) operand(s state, in bpf.Instruction) held {
	if in.Code&bpf.X != 0 {
		return s.x
	}
	return m.constant(in.K)
}

// test returns where a comparison holds.
func (m *machine) test(code uint16, a, b held) ref {
	op := operation{code, a, b}
	is, known := m.tests[op]
	if known {
		return is
	}
	left, right := m.vectors[a][:], m.vectors[b][:]
	switch code {
	case bpf.JEQ:
		is = m.d.equal(left, right)
	case bpf.JGT:
		is = m.d.above(left, right, false)
	case bpf.JGE:
		is = m.d.above(left, right, true)
	default:
		is = m.d.common(left, right)
	}
	m.tests[op] = is
	return is
}

// step carries out an instruction that neither jumps nor ends the program.
func (m *machine) step(s *state, in bpf.Instruction) {
	switch in.Code {
	case bpf.LD | bpf.W | bpf.ABS:
		s.a = m.result(operation{code: in.Code, a: held(in.K)}, func() vector { return m.d.load(wordAt(in.K)) })
		m.raw[s.a] = wordAt(in.K)
	case bpf.LD | bpf.IMM:
		s.a = m.constant(in.K)
	case bpf.LDX | bpf.IMM:
		s.x = m.constant(in.K)
	case bpf.LD | bpf.W | bpf.LEN:
		s.a = m.constant(4 * words)
	case bpf.LDX | bpf.W | bpf.LEN:
		s.x = m.constant(4 * words)
	case bpf.LD | bpf.MEM:
		s.a = s.scratch[in.K]
	case bpf.LDX | bpf.MEM:
		s.x = s.scratch[in.K]
	case bpf.ST:
		s.scratch[in.K] = s.a
	case bpf.STX:
		s.scratch[in.K] = s.x
	case bpf.MISC | bpf.TAX:
		s.x = s.a
	case bpf.MISC | bpf.TXA:
		s.a = s.x
	default:
		a, b := s.a, m.operand(*s, in)
		s.a = m.result(operation{in.Code, a, b}, func() vector { return m.compute(in.Code&0xf0, m.vectors[a], m.vectors[b]) })
	}
}

// compute carries out an operation of ALU.
func (m *machine) compute(op uint16, a, b vector) vector {
	switch op {
	case bpf.ADD:
		return m.d.add(a, b, never)
	case bpf.SUB:
		return m.d.subtract(a, b)
	case bpf.MUL:
		return m.d.multiply(a, b)
	case bpf.DIV:
		return m.d.divide(a, b)
	case bpf.OR:
		return m.d.bitwise(m.d.or, a, b)
	case bpf.AND:
		return m.d.bitwise(m.d.and, a, b)
	case bpf.XOR:
		return m.d.bitwise(m.d.xor, a, b)
	case bpf.LSH, bpf.RSH:
		return m.d.shift(a, b, op == bpf.LSH)
	default: // NEG
		return m.d.subtract(vector{}, a)
	}
}

// divideByX ends the program with 0 where X is 0, as the kernel does, and goes on elsewhere.
func (m *machine) divideByX(s state) ref {
	zero := m.test(bpf.JEQ, s.x, 0)
	if zero == always {
		return m.d.leaf(bpf.RetKillThread)
	}
	a, b := m.vectors[s.a], m.vectors[s.x]
	s.a = m.result(operation{bpf.ALU | bpf.DIV | bpf.X, s.a, s.x}, func() vector { return m.d.divide(a, b) })
	s.pc++
	return m.d.ite(zero, m.d.leaf(bpf.RetKillThread), m.from(s))
}

// returned returns the accumulator as the answer: a leaf for each value that it may have.
func (m *machine) returned(s state) ref {
	v := m.vectors[s.a]
	var rest func(bit int, value uint32, where ref) ref
	rest = func(bit int, value uint32, where ref) ref {
		if where == never || m.d.exhausted() {
			return never
		}
		if bit < 0 {
			return m.d.leaf(value)
		}
		clear := m.d.and(where, m.d.not(v[bit]))
		set := m.d.and(where, v[bit])
		low := rest(bit-1, value, clear)
		if set == never {
			return low
		}
		high := rest(bit-1, value|1<<bit, set)
		if clear == never {
			return high
		}
		return m.d.ite(v[bit], high, low)
	}
	is := rest(31, 0, always)
	if m.d.exhausted() {
		m.stop(s.pc)
	}
	return is
}
