package wire

import "time"

// Bounds of what a manager may ask for.
const (
	maxName    = 256
	MaxKey     = 300     // bytes of the key of a memo
	MaxMemo    = 1 << 10 // bytes of a memo
	MaxMemos   = 4096
	maxReplies = 32 << 10 // bytes of a message in a reply
)

// InstanceID numbers the instances of a supervisor; it is never used again.
type InstanceID uint64

// StartRequest is the body of a Start.
type StartRequest struct {
	Generation GenerationID
	Module     string
	Replica    uint32
}

// SignalRequest is the body of a Signal.
type SignalRequest struct {
	Instance InstanceID
	Signal   uint8
}

// Memo is the body of a Remember: bytes that only the manager understands. An empty Data removes the key.
type Memo struct {
	Key  string
	Data []byte
}

// Encode returns the body of a frame.
func (r StartRequest) Encode() []byte {
	e := &Encoder{}
	e.U64(uint64(r.Generation))
	e.String(r.Module)
	e.U32(r.Replica)
	return e.Bytes()
}

// DecodeStart reads the body of a Start.
func DecodeStart(body []byte) (StartRequest, error) {
	d := NewDecoder(body)
	r := StartRequest{Generation: GenerationID(d.U64()), Module: d.short(maxName), Replica: d.U32()}
	if r.Replica >= maxReplicas {
		d.fail("replica %d", r.Replica)
	}
	return r, d.Done()
}

// Encode returns the body of a frame.
func (r SignalRequest) Encode() []byte {
	e := &Encoder{}
	e.U64(uint64(r.Instance))
	e.U8(r.Signal)
	return e.Bytes()
}

// DecodeSignal reads the body of a Signal.
func DecodeSignal(body []byte) (SignalRequest, error) {
	d := NewDecoder(body)
	r := SignalRequest{Instance: InstanceID(d.U64()), Signal: d.U8()}
	if r.Signal == 0 || r.Signal > maxSignal {
		d.fail("signal %d", r.Signal)
	}
	return r, d.Done()
}

// EncodeID returns the body of a frame that is about one generation or instance: Listen, Commit, Discard, Kill, Forget.
func EncodeID[T ~uint64](id T) []byte {
	e := &Encoder{}
	e.U64(uint64(id))
	return e.Bytes()
}

// DecodeID reads such a body.
func DecodeID[T ~uint64](body []byte) (T, error) {
	d := NewDecoder(body)
	id := T(d.U64())
	return id, d.Done()
}

// EncodeStatus returns the body of a Finish.
func EncodeStatus(status uint8) []byte { return []byte{status} }

// DecodeStatus reads the body of a Finish.
func DecodeStatus(body []byte) (uint8, error) {
	d := NewDecoder(body)
	status := d.U8()
	return status, d.Done()
}

func encodeMemo(e *Encoder, m Memo) {
	e.String(m.Key)
	e.Data(m.Data)
}

func decodeMemo(d *Decoder) Memo {
	m := Memo{Key: d.short(MaxKey)}
	if data := d.Data(); len(data) > MaxMemo {
		d.fail("a memo of %d bytes", len(data))
	} else if len(data) > 0 {
		m.Data = append([]byte(nil), data...) // it outlives the frame
	}
	return m
}

// Encode returns the body of a frame.
func (m Memo) Encode() []byte {
	e := &Encoder{}
	encodeMemo(e, m)
	return e.Bytes()
}

// DecodeMemo reads the body of a Remember.
func DecodeMemo(body []byte) (Memo, error) {
	d := NewDecoder(body)
	m := decodeMemo(d)
	return m, d.Done()
}

// short is String with a bound.
func (d *Decoder) short(most int) string {
	s := d.String()
	if len(s) > most {
		d.fail("a name of %d bytes; at most %d", len(s), most)
	}
	return s
}

func encodeTime(e *Encoder, t time.Time) {
	if t.IsZero() {
		e.U64(0)
		return
	}
	e.U64(uint64(t.UnixNano()))
}

func decodeTime(d *Decoder) time.Time {
	n := int64(d.U64())
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
