package wire

import "github.com/bulkhead/bulkhead/sandbox/policy"

// GenerationID numbers the configurations of a supervisor. The first is 1; 0 is none.
type GenerationID uint64

// Outline is what the manager gets to know of a [Plan]: all of it but the launch programs, which never leave the spawner.
type Outline struct {
	// Generation is 0 when the policies have errors; then Listeners and Modules are empty, and nothing was prepared.
	Generation GenerationID
	// Files are the names of the policies.
	Files []string
	// Rendered is the diagnostics as a person reads them; JSON is the same for a machine.
	Rendered string
	JSON     string
	// Listeners are sorted by name.
	Listeners []policy.Listener
	// Modules are in the order of the files. Program and Init are nil.
	Modules []Module
}

// Outline returns the plan without its launch programs.
func (p Plan) Outline(g GenerationID, files []string) Outline {
	o := Outline{Generation: g, Files: files, Rendered: p.Rendered, JSON: p.JSON, Listeners: p.Listeners}
	for _, m := range p.Modules {
		m.Program, m.Init = nil, nil
		o.Modules = append(o.Modules, m)
	}
	return o
}

// Encode returns the outline as a message.
func (o Outline) Encode() []byte {
	e := &Encoder{}
	encodeOutline(e, o)
	return e.Bytes()
}

// DecodeOutline reads an outline.
func DecodeOutline(message []byte) (Outline, error) {
	d := NewDecoder(message)
	o := decodeOutline(d)
	return o, d.Done()
}

func encodeOutline(e *Encoder, o Outline) {
	e.U64(uint64(o.Generation))
	Each(e, o.Files, (*Encoder).String)
	e.String(o.Rendered)
	e.String(o.JSON)
	Each(e, o.Listeners, encodeListener)
	Each(e, o.Modules, encodeModule)
}

func decodeOutline(d *Decoder) Outline {
	o := Outline{
		Generation: GenerationID(d.U64()),
		Files:      List(d, maxModules, (*Decoder).String),
		Rendered:   d.String(),
		JSON:       d.String(),
		Listeners:  List(d, maxModules, decodeListener),
		Modules:    List(d, maxModules, decodeModule),
	}
	for _, m := range o.Modules {
		if m.Program != nil || m.Init != nil {
			d.fail("the outline of module %q has a launch program", m.Name)
		}
	}
	return o
}
