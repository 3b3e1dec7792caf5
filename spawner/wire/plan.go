package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Plan is what the compile process makes of the policies. Listeners and Modules are empty when a diagnostic is an error.
type Plan struct {
	Diagnostics policy.Diagnostics
	// Rendered is the diagnostics as a person reads them, with the lines of the source; JSON is the same for a machine.
	Rendered  string
	JSON      string
	Listeners []policy.Listener
	Modules   []Module
}

// Module is one module of a plan.
type Module struct {
	Name            string
	Pos             policy.Pos // where it is defined
	Command         []string   // the program and its arguments
	User            sandbox.User
	Listeners       []string
	Replicas        int
	Restart         Restart
	UpdateOrder     string // "stop-first" or "start-first"
	Health          Health
	StopSignal      int
	StopGracePeriod time.Duration
	Resources       []policy.Resource
	BestEffort      []string
	Program         *program.Program // nil in an [Outline]
	Init            *program.Program // nil without a pid namespace
	Enforcement     []sandbox.Enforcement
	// Sections are the module's configuration, key by key: what to compare, and to name as the reason of a change.
	Sections []policy.Section
	// Digest is that of the launch programs: see [Digest]. A module whose sections are the same and whose digest is not has changed
	// because the host did.
	Digest [sha256.Size]byte
}

// Limits of a plan.
const (
	maxDiagnostics = 10_000
	maxModules     = 1000
	maxReplicas    = 1000 // as the policy language has it
	maxSignal      = 64
	maxWords       = 50_000 // of a command, and items of a section
	maxGroups      = 65_536 // NGROUPS_MAX, see getgroups(2)
)

func encodePos(e *Encoder, p policy.Pos) {
	e.String(p.File)
	e.U32(uint32(p.Line))
	e.U32(uint32(p.Col))
}

func decodePos(d *Decoder) policy.Pos {
	return policy.Pos{File: d.String(), Line: int(d.U32()), Col: int(d.U32())}
}

// Encode returns the plan as a message.
func (p Plan) Encode() []byte {
	e := &Encoder{}
	e.reserve(2*programSize*len(p.Modules) + len(p.Rendered) + len(p.JSON))
	Each(e, p.Diagnostics, func(e *Encoder, v policy.Diagnostic) {
		e.String(v.Code)
		e.U8(uint8(v.Severity))
		e.String(v.Message)
		e.String(v.Hint)
		e.String(v.Help)
		encodePos(e, v.Pos)
		e.U32(uint32(v.Width))
	})
	e.String(p.Rendered)
	e.String(p.JSON)
	Each(e, p.Listeners, encodeListener)
	Each(e, p.Modules, encodeModule)
	return e.Bytes()
}

// DecodePlan reads a plan, which stays when the message goes. Modules say the same again and again: that is there once. One alone repeats little
// but what it has just said, and somebody waits for it.
func DecodePlan(message []byte) (Plan, error) {
	d := NewDecoder(message)
	d.recent = new([256]string)
	p := Plan{Diagnostics: List(d, maxDiagnostics, func(d *Decoder) policy.Diagnostic {
		v := policy.Diagnostic{Code: d.String(), Severity: policy.Severity(d.U8()), Message: d.String(), Hint: d.String(), Help: d.String(),
			Pos: decodePos(d), Width: int(d.U32())}
		if v.Severity > policy.SeverityWarning {
			d.fail("severity %d", v.Severity)
		}
		return v
	})}
	p.Rendered, p.JSON = d.String(), d.String()
	p.Listeners = List(d, maxModules, decodeListener)
	if rest := d.buf[d.at:]; len(rest) >= 4 && binary.LittleEndian.Uint32(rest) > 1 {
		d.seen = map[string]string{}
	}
	p.Modules = List(d, maxModules, decodeModule)
	for _, m := range p.Modules {
		if m.Program == nil {
			d.fail("module %q has no launch program", m.Name)
		}
	}
	return p, d.Done()
}

func encodeListener(e *Encoder, l policy.Listener) {
	e.String(l.Name)
	encodePos(e, l.Pos)
	e.String(l.Network)
	e.place(l.Addr)
	e.String(l.Path)
	e.U32(uint32(l.Backlog.V))
	encodePos(e, l.Backlog.Pos)
	e.U32(l.Mode.V)
	encodePos(e, l.Mode.Pos)
	e.String(l.User.V)
	encodePos(e, l.User.Pos)
	e.String(l.Group.V)
	encodePos(e, l.Group.Pos)
}

func decodeListener(d *Decoder) policy.Listener {
	return policy.Listener{
		Name: d.String(), Pos: decodePos(d), Network: d.String(), Addr: d.place(), Path: d.String(),
		Backlog: policy.Value[int]{V: int(d.U32()), Pos: decodePos(d)},
		Mode:    policy.Value[uint32]{V: d.U32(), Pos: decodePos(d)},
		User:    policy.Value[string]{V: d.String(), Pos: decodePos(d)},
		Group:   policy.Value[string]{V: d.String(), Pos: decodePos(d)},
	}
}

func encodeUser(e *Encoder, u sandbox.User) {
	e.String(u.Name)
	e.U32(uint32(u.UID))
	e.U32(uint32(u.GID))
	Each(e, u.Groups, func(e *Encoder, g posix.GID) { e.U32(uint32(g)) })
}

func decodeUser(d *Decoder) sandbox.User {
	return sandbox.User{Name: d.String(), UID: posix.UID(d.U32()), GID: posix.GID(d.U32()),
		Groups: List(d, maxGroups, func(d *Decoder) posix.GID { return posix.GID(d.U32()) })}
}

func encodeModule(e *Encoder, m Module) {
	e.String(m.Name)
	encodePos(e, m.Pos)
	Each(e, m.Command, (*Encoder).String)
	encodeUser(e, m.User)
	Each(e, m.Listeners, (*Encoder).String)
	e.U32(uint32(m.Replicas))
	encodeRestart(e, m.Restart)
	e.String(m.UpdateOrder)
	encodeHealth(e, m.Health)
	e.U32(uint32(m.StopSignal))
	e.U64(uint64(m.StopGracePeriod))
	Each(e, m.Resources, func(e *Encoder, r policy.Resource) {
		e.String(r.Key)
		e.U64(uint64(r.Limit))
		e.U64(uint64(r.Period))
		e.String(r.Set)
		e.String(r.Device)
		for _, rate := range r.Rates.List() {
			e.U64(uint64(rate))
		}
		encodePos(e, r.Pos)
	})
	Each(e, m.BestEffort, (*Encoder).String)
	for _, p := range []*program.Program{m.Program, m.Init} {
		e.Bool(p != nil)
		if p != nil {
			EncodeProgram(e, p)
		}
	}
	Each(e, m.Enforcement, func(e *Encoder, v sandbox.Enforcement) {
		e.String(v.Protection)
		e.U8(uint8(v.Level))
		e.String(v.Detail)
	})
	Each(e, m.Sections, encodeSection)
	e.Data(m.Digest[:])
}

func decodeModule(d *Decoder) Module {
	m := Module{
		Name:            d.String(),
		Pos:             decodePos(d),
		Command:         List(d, maxWords, (*Decoder).String),
		User:            decodeUser(d),
		Listeners:       List(d, maxModules, (*Decoder).String),
		Replicas:        int(d.U32()),
		Restart:         decodeRestart(d),
		UpdateOrder:     d.String(),
		Health:          decodeHealth(d),
		StopSignal:      int(d.U32()),
		StopGracePeriod: d.duration(),
		Resources: List(d, 64, func(d *Decoder) policy.Resource {
			return policy.Resource{Key: d.String(), Limit: int64(d.U64()), Period: int64(d.U64()), Set: d.String(), Device: d.String(),
				Rates: policy.IORates{RBPS: int64(d.U64()), WBPS: int64(d.U64()), RIOPS: int64(d.U64()), WIOPS: int64(d.U64())}, Pos: decodePos(d)}
		}),
		BestEffort: List(d, 64, (*Decoder).String),
	}
	for _, p := range []**program.Program{&m.Program, &m.Init} {
		if d.Bool() {
			*p = DecodeProgram(d)
		}
	}
	checkInit(d, m.Program, m.Init)
	if m.Replicas > maxReplicas || m.StopSignal < 1 || m.StopSignal > maxSignal {
		d.fail("%d replicas, stopped by signal %d", m.Replicas, m.StopSignal)
	}
	m.Enforcement = List(d, 64, func(d *Decoder) sandbox.Enforcement {
		v := sandbox.Enforcement{Protection: d.String(), Level: sandbox.Level(d.U8()), Detail: d.String()}
		if v.Level > sandbox.Missing {
			d.fail("enforcement level %d", v.Level)
		}
		return v
	})
	m.Sections = List(d, 64, decodeSection)
	if sum := d.Data(); copy(m.Digest[:], sum) != len(m.Digest) || len(sum) != len(m.Digest) {
		d.fail("a digest of %d bytes", len(sum))
	}
	return m
}

// Mounts is the program that makes the module's namespaces and mounts: that of the init of its pid namespace, or its own.
func (m *Module) Mounts() *program.Program {
	if m.Init != nil {
		return m.Init
	}
	return m.Program
}

// Accepts tells whether the policy lets the protection be missing.
func (m *Module) Accepts(protection string) bool {
	for _, b := range m.BestEffort {
		if b == protection || b == "resources" && slices.Contains(policy.ResourceKeys(), protection) {
			return true
		}
	}
	return false
}

// EnforcedResources are the limits that this host can enforce: all of them but those that best_effort gave up.
func (m *Module) EnforcedResources() []policy.Resource {
	var out []policy.Resource
	for _, r := range m.Resources {
		for _, e := range m.Enforcement {
			if e.Protection == r.Key && e.Level != sandbox.Missing {
				out = append(out, r)
			}
		}
	}
	return out
}
