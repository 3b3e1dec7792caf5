package wire

import "time"

// Instance is one running copy of a module, or what is left of one that has ended and was not forgotten.
type Instance struct {
	ID         InstanceID
	Generation GenerationID
	Module     string
	Replica    uint32
	PID        uint32
	Started    time.Time
	Launch     time.Duration // how long the launch took
	Parts      []Part        // of that
	// Notify and Control tell whether a datagram socket for sd_notify(3) and a listening stream socket for questions about itself are
	// among its descriptors, in this order behind standard output and error.
	Notify, Control bool
	// Exit is nil while it runs.
	Exit *Exit
}

// Part is one part of a launch: "streams" (its pipes and sockets), or one of package launch.
type Part struct {
	Name string
	Took time.Duration
}

// Exit is how an instance ended. Code and Status are si_code and si_status of waitid(2).
type Exit struct {
	Code, Status int32
	OOMKills     uint64
	ForksRefused uint64
	Text         string // "exited with status 1"
	At           time.Time
}

// Listener is an open listening socket.
type Listener struct {
	Name       string
	Network    string
	Address    string       // where it really listens
	Generation GenerationID // in which it was opened
	Healed     uint32       // times
	Backlog    uint32
}

// Options are the settings of the supervisor that the manager needs.
type Options struct {
	Version   string // of the program
	LogFormat string // "text" or "json"
	LogDates  bool   // in text: nobody is looking on
	LogLevel  string // "debug", "info", "warn" or "error"
	Control   string // path of the control socket
	Metrics   string // address of the metrics; empty without
	// Owner is the user who may use the control socket besides root.
	Owner uint32
}

// Snapshot is what a manager finds when it is started.
type Snapshot struct {
	Options       Options
	PID           uint32 // of the spawner
	Since         time.Time
	ManagerStarts uint32 // how many managers there were, this one included
	Current       Outline
	Prepared      *Outline // a generation that a manager was bringing in when it ended
	Stopping      bool     // the supervisor was asked to stop
	Instances     []Instance
	Listeners     []Listener
	Memos         []Memo
}

// maxInstances bounds the instances of a snapshot: every module with all replicas would be a million, which no machine runs.
const maxInstances = 100_000

// maxParts bounds the parts of a launch.
const maxParts = 16

func encodeInstance(e *Encoder, i Instance) {
	e.U64(uint64(i.ID))
	e.U64(uint64(i.Generation))
	e.String(i.Module)
	e.U32(i.Replica)
	e.U32(i.PID)
	encodeTime(e, i.Started)
	e.U64(uint64(i.Launch))
	Each(e, i.Parts, func(e *Encoder, p Part) { e.String(p.Name); e.U64(uint64(p.Took)) })
	e.Bool(i.Notify)
	e.Bool(i.Control)
	e.Bool(i.Exit != nil)
	if i.Exit != nil {
		encodeExit(e, *i.Exit)
	}
}

func decodeInstance(d *Decoder) Instance {
	i := Instance{ID: InstanceID(d.U64()), Generation: GenerationID(d.U64()), Module: d.short(maxName), Replica: d.U32(), PID: d.U32(),
		Started: decodeTime(d), Launch: time.Duration(d.U64()),
		Parts:  List(d, maxParts, func(d *Decoder) Part { return Part{Name: d.short(32), Took: time.Duration(d.U64())} }),
		Notify: d.Bool(), Control: d.Bool()}
	if d.Bool() {
		x := decodeExit(d)
		i.Exit = &x
	}
	return i
}

func encodeExit(e *Encoder, x Exit) {
	e.U32(uint32(x.Code))
	e.U32(uint32(x.Status))
	e.U64(x.OOMKills)
	e.U64(x.ForksRefused)
	e.String(x.Text)
	encodeTime(e, x.At)
}

func decodeExit(d *Decoder) Exit {
	return Exit{Code: int32(d.U32()), Status: int32(d.U32()), OOMKills: d.U64(), ForksRefused: d.U64(), Text: d.short(1024), At: decodeTime(d)}
}

// Encode returns the payload of an Attach, or of the reply to a Start.
func (i Instance) Encode() []byte {
	e := &Encoder{}
	encodeInstance(e, i)
	return e.Bytes()
}

// DecodeInstance reads such a payload.
func DecodeInstance(body []byte) (Instance, error) {
	d := NewDecoder(body)
	i := decodeInstance(d)
	return i, d.Done()
}

// Descriptors is how many descriptors come with it.
func (i Instance) Descriptors() int {
	n := 2
	for _, has := range []bool{i.Notify, i.Control} {
		if has {
			n++
		}
	}
	return n
}

// Encode returns the snapshot as a message.
func (s Snapshot) Encode() []byte {
	e := &Encoder{}
	e.U32(Version)
	o := s.Options
	for _, v := range []string{o.Version, o.LogFormat, o.LogLevel, o.Control, o.Metrics} {
		e.String(v)
	}
	e.U32(o.Owner)
	e.Bool(o.LogDates)
	e.U32(s.PID)
	encodeTime(e, s.Since)
	e.U32(s.ManagerStarts)
	encodeOutline(e, s.Current)
	e.Bool(s.Prepared != nil)
	if s.Prepared != nil {
		encodeOutline(e, *s.Prepared)
	}
	e.Bool(s.Stopping)
	Each(e, s.Instances, encodeInstance)
	Each(e, s.Listeners, func(e *Encoder, l Listener) {
		e.String(l.Name)
		e.String(l.Network)
		e.String(l.Address)
		e.U64(uint64(l.Generation))
		e.U32(l.Healed)
		e.U32(l.Backlog)
	})
	Each(e, s.Memos, encodeMemo)
	return e.Bytes()
}

// DecodeSnapshot reads a snapshot.
func DecodeSnapshot(message []byte) (Snapshot, error) {
	d := NewDecoder(message)
	if v := d.U32(); d.err == nil && v != Version {
		d.fail("version %d of the messages; this program speaks %d", v, Version)
	}
	s := Snapshot{
		Options: Options{Version: d.String(), LogFormat: d.String(), LogLevel: d.String(), Control: d.String(), Metrics: d.String(), Owner: d.U32(), LogDates: d.Bool()},
		PID:     d.U32(), Since: decodeTime(d), ManagerStarts: d.U32(), Current: decodeOutline(d),
	}
	if d.Bool() {
		o := decodeOutline(d)
		s.Prepared = &o
	}
	s.Stopping = d.Bool()
	s.Instances = List(d, maxInstances, decodeInstance)
	s.Listeners = List(d, maxModules, func(d *Decoder) Listener {
		return Listener{Name: d.String(), Network: d.String(), Address: d.String(), Generation: GenerationID(d.U64()), Healed: d.U32(), Backlog: d.U32()}
	})
	s.Memos = List(d, MaxMemos, decodeMemo)
	return s, d.Done()
}
