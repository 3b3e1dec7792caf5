package wire

// ReplyCode says how a request went.
type ReplyCode uint8

const (
	// Done: it was carried out.
	Done ReplyCode = iota
	// Failed: it was tried and something of the system said no. Text says what and why.
	Failed
	// Refused: it does not fit what there is (no such module, generation or instance), and nothing was tried.
	Refused
)

// Reply is the body of a frame that answers a request.
type Reply struct {
	Code ReplyCode
	Text string
	// Payload is what the request asked for: an [Instance] for Start.
	Payload []byte
}

// Encode returns the body of a frame. A text that is too long is cut.
func (r Reply) Encode() []byte {
	e := &Encoder{}
	e.U8(uint8(r.Code))
	e.String(r.Text[:min(len(r.Text), maxReplies)])
	e.Data(r.Payload)
	return e.Bytes()
}

// DecodeReply reads the body of a Reply.
func DecodeReply(body []byte) (Reply, error) {
	d := NewDecoder(body)
	r := Reply{Code: ReplyCode(d.U8()), Text: d.short(maxReplies), Payload: d.Data()}
	if r.Code > Refused {
		d.fail("reply code %d", r.Code)
	}
	return r, d.Done()
}

// ExitedEvent is the body of an Exited.
type ExitedEvent struct {
	Instance InstanceID
	Exit     Exit
}

// Encode returns the body of a frame.
func (x ExitedEvent) Encode() []byte {
	e := &Encoder{}
	e.U64(uint64(x.Instance))
	encodeExit(e, x.Exit)
	return e.Bytes()
}

// DecodeExited reads the body of an Exited.
func DecodeExited(body []byte) (ExitedEvent, error) {
	d := NewDecoder(body)
	x := ExitedEvent{Instance: InstanceID(d.U64()), Exit: decodeExit(d)}
	return x, d.Done()
}

// Wish is what a signal to the spawner asks for.
type Wish uint8

const (
	WishReload Wish = 1 + iota // SIGHUP
	WishStop                   // SIGINT, SIGTERM
)

// EncodeWish returns the body of an Asked.
func EncodeWish(w Wish) []byte { return []byte{byte(w)} }

// DecodeWish reads the body of an Asked.
func DecodeWish(body []byte) (Wish, error) {
	d := NewDecoder(body)
	w := Wish(d.U8())
	if d.err == nil && w != WishReload && w != WishStop {
		d.fail("wish %d", w)
	}
	return w, d.Done()
}

// Severity of a notice.
const (
	Info uint8 = iota
	Warning
	Error
)

// Notice is the body of a frame of that kind: an event of the spawner.
type Notice struct {
	Kind     string // "listener.healed", "listener.lost", "manager.restarted" …
	Severity uint8
	Listener string
	Address  string // where the listener really listens; only in "listener.opened"
	Module   string
	Instance InstanceID
	Text     string
}

// Encode returns the body of a frame.
func (n Notice) Encode() []byte {
	e := &Encoder{}
	e.String(n.Kind)
	e.U8(n.Severity)
	e.String(n.Listener)
	e.String(n.Address)
	e.String(n.Module)
	e.U64(uint64(n.Instance))
	e.String(n.Text[:min(len(n.Text), maxReplies)])
	return e.Bytes()
}

// DecodeNotice reads the body of a Notice.
func DecodeNotice(body []byte) (Notice, error) {
	d := NewDecoder(body)
	n := Notice{Kind: d.short(64), Severity: d.U8(), Listener: d.short(maxName), Address: d.short(maxName), Module: d.short(maxName), Instance: InstanceID(d.U64()), Text: d.short(maxReplies)}
	if n.Severity > Error {
		d.fail("severity %d", n.Severity)
	}
	return n, d.Done()
}
