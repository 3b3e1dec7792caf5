package wire

import (
	"bytes"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

func encodeOrigin(e *Encoder, o program.Origin) {
	if e.anonymous {
		return
	}
	e.U32(uint32(o.Line))
	if o.File == "" {
		e.U32(uint32(o.Col))
		return
	}
	e.U32(uint32(o.Col) | withFile)
	e.String(o.File)
}

// withFile is set in the column of an origin whose file follows: nearly none has one.
const withFile = 1 << 31

func decodeOrigin(d *Decoder) program.Origin {
	line, col := d.U32(), d.U32()
	o := program.Origin{Line: int(line), Col: int(col &^ withFile)}
	if col&withFile == 0 {
		return o
	}
	if o.File = d.String(); o.File == "" {
		d.fail("an origin in a file without a name")
	}
	return o
}

// programSize is about as many bytes as a launch program takes.
const programSize = 32 << 10

// EncodeProgram appends a launch program.
func EncodeProgram(e *Encoder, p *program.Program) {
	e.String(p.Module)
	e.String(p.File)
	Each(e, p.Prepare, encodePrepare)
	Each(e, p.Steps, encodeStep)
	e.Data(p.Memory)
	Each(e, p.Relocations, func(e *Encoder, r posix.Relocation) { e.U32(r.At); e.U32(r.To) })
	Each(e, p.Cookies, func(e *Encoder, at uint32) { e.U32(at) })
	e.U32(uint32(p.Listeners))
}

// DecodeProgram takes a launch program and checks that it refers to nothing outside of itself.
func DecodeProgram(d *Decoder) *program.Program {
	p := &program.Program{
		Module:      d.String(),
		File:        d.String(),
		Prepare:     List(d, program.MaxPrepare, decodePrepare),
		Steps:       List(d, program.MaxSteps, decodeStep),
		Memory:      bytes.Clone(d.Data()), // the message is larger, and would stay with it
		Relocations: List(d, program.MaxRelocations, func(d *Decoder) posix.Relocation { return posix.Relocation{At: d.U32(), To: d.U32()} }),
		Cookies:     List(d, program.MaxRelocations, (*Decoder).U32),
		Listeners:   int(d.U32()),
	}
	if d.err == nil {
		checkProgram(d, p)
	}
	return p
}

// checkProgram refuses references that do not exist; the kernel adapter checks addresses once more when it links.
func checkProgram(d *Decoder, p *program.Program) {
	if len(p.Memory) > program.MaxMemory {
		d.fail("a program with %d bytes of memory; at most %d", len(p.Memory), program.MaxMemory)
	}
	if len(p.Steps) == 0 {
		d.fail("a program without steps")
	}
	inside := func(at uint64, n int) bool { return n <= len(p.Memory) && at <= uint64(len(p.Memory)-n) }
	for i, want := range p.Prepare {
		if want.Kind == program.Tree && want.From >= i || want.Kind == program.Stdio && want.From > 2 {
			d.fail("descriptor %d is made from descriptor %d", i, want.From)
		}
		for _, r := range want.Rules {
			if r.From >= i {
				d.fail("descriptor %d has a rule about descriptor %d", i, r.From)
			}
		}
	}
	for i, s := range p.Steps {
		for _, a := range s.Args {
			bad := a.Kind == program.Descriptor && a.Value >= uint64(len(p.Prepare)) ||
				a.Kind == posix.Address && !inside(a.Value, 0) || a.Kind == posix.Load && !inside(a.Value, 8) ||
				a.Kind == posix.Slot && (a.Value < 1 || a.Value > posix.MaxSlots)
			if bad || a.Kind > posix.Load && a.Kind != program.Descriptor && a.Kind != program.Cookie {
				d.fail("step %d has an argument of kind %d with value %d", i, a.Kind, a.Value)
			}
		}
	}
	for _, r := range p.Relocations {
		if !inside(uint64(r.At), 8) || !inside(uint64(r.To), 0) {
			d.fail("a relocation of %d to %d", r.At, r.To)
		}
	}
	for _, at := range p.Cookies {
		if !inside(uint64(at), 4) {
			d.fail("an exec-once value at %d", at)
		}
	}
	if len(p.Cookies) != 0 && len(p.Cookies) != 2 || p.Listeners > 1024 {
		d.fail("%d places of an exec-once value, %d listeners", len(p.Cookies), p.Listeners)
	}
}

// checkInit refuses descriptors of an init where there is none to take them from.
func checkInit(d *Decoder, p, init *program.Program) {
	check := func(p, init *program.Program) {
		have := 0
		if init != nil {
			have = len(init.Prepare)
		}
		for i, want := range p.Prepare {
			if want.Kind == program.InitProcess && init == nil || want.Kind == program.OfInit && want.From >= have {
				d.fail("descriptor %d is of an init that there is not", i)
			}
		}
	}
	if p != nil {
		check(p, init)
	}
	if init != nil {
		check(init, nil)
	}
}

func encodePrepare(e *Encoder, p program.Prepare) {
	e.U8(uint8(p.Kind))
	e.Bool(p.Directory)
	e.U32(uint32(p.From))
	e.String(p.Path)
	Each(e, p.Options, func(e *Encoder, o program.Option) { e.String(o.Key); e.String(o.Value) })
	e.U64(p.Attr)
	e.U64(p.Handled)
	e.U64(p.Net)
	Each(e, p.Ports, func(e *Encoder, r program.Port) {
		e.U32(uint32(r.Number))
		e.U64(r.Access)
		encodeOrigin(e, r.Origin)
	})
	e.U64(p.Scoped)
	Each(e, p.Rules, func(e *Encoder, r program.Rule) {
		e.U32(uint32(r.From))
		e.U64(r.Access)
		encodeOrigin(e, r.Origin)
	})
	encodeOrigin(e, p.Origin)
}

func decodePrepare(d *Decoder) program.Prepare {
	p := program.Prepare{
		Kind:      program.PrepareKind(d.U8()),
		Directory: d.Bool(),
		From:      int(d.U32()),
		Path:      d.String(),
		Options:   List(d, 16, func(d *Decoder) program.Option { return program.Option{Key: d.String(), Value: d.String()} }),
		Attr:      d.U64(),
		Handled:   d.U64(),
		Net:       d.U64(),
		Ports: List(d, 2*1024, func(d *Decoder) program.Port {
			return program.Port{Number: uint16(d.U32()), Access: d.U64(), Origin: decodeOrigin(d)}
		}),
		Scoped: d.U64(),
		Rules: List(d, program.MaxPrepare, func(d *Decoder) program.Rule {
			return program.Rule{From: int(d.U32()), Access: d.U64(), Origin: decodeOrigin(d)}
		}),
		Origin: decodeOrigin(d),
	}
	if p.Kind > program.NetworkMade {
		d.fail("a descriptor of kind %d", p.Kind)
	}
	return p
}

func encodeStep(e *Encoder, s program.Step) {
	e.U8(uint8(s.Op))
	e.Bool(s.MayFail)
	e.U8(s.Result)
	e.U32(s.Number)
	for _, a := range s.Args {
		e.U8(uint8(a.Kind))
		e.U64(a.Value)
	}
	e.String(s.Text)
	encodeOrigin(e, s.Origin)
}

func decodeStep(d *Decoder) program.Step {
	s := program.Step{Step: posix.Step{Op: posix.StepOp(d.U8()), MayFail: d.Bool(), Result: d.U8(), Number: d.U32()}}
	for i := range s.Args {
		s.Args[i] = posix.Arg{Kind: posix.ArgKind(d.U8()), Value: d.U64()}
	}
	s.Text, s.Origin = d.String(), decodeOrigin(d)
	if s.Op > posix.StepExpect || s.Result > posix.MaxSlots {
		d.fail("a step of kind %d with result %d", s.Op, s.Result)
	}
	return s
}
