package wire

import "fmt"

// Version is that of the messages between the spawner and the manager. Both are the same binary, except during an upgrade.
const Version = 1

// MaxFrame is the size of the largest frame, in bytes. What may be larger travels in a sealed file in memory.
const MaxFrame = 64 << 10

// MaxDescriptors is how many descriptors a frame can carry.
const MaxDescriptors = 4

// Kind is what a frame is.
type Kind uint8

// Requests are sent by the manager; the spawner answers each with one Reply that has its ID.
const (
	// Prepare reads the policies again, compiles them and reserves the addresses of new listeners; nothing is touched. The reply carries
	// an [Outline] in a file in memory. A generation that was prepared before and not committed is discarded.
	KindPrepare Kind = 1 + iota
	// Listen makes the new listeners of a prepared generation listen, and changes kept ones in place.
	KindListen
	// Start launches an instance. The reply's payload is an [Instance], with its descriptors.
	KindStart
	// Signal sends a signal to an instance's process: its stop signal, SIGTERM or SIGHUP.
	KindSignal
	// Kill ends all processes of an instance with SIGKILL.
	KindKill
	// Forget says that the end of an instance was taken notice of and its output was read.
	KindForget
	// Commit makes a prepared generation the one in force. Listeners that it does not have are closed.
	KindCommit
	// Discard gives a prepared generation up: its listeners are closed, changes in place are undone. Its instances must have ended.
	KindDiscard
	// Remember keeps a few bytes for the manager, which it gets back in the [Snapshot] should it be started again.
	KindRemember
	// Stats asks for counters. The reply carries [Stats] in a file in memory.
	KindStats
	// Finish says that everything was stopped and the supervisor can end with the given exit status.
	KindFinish

	// Ping asks for a Pong with the same ID. Both sides send it.
	KindPing
	KindPong

	// Hello is the first frame, from the spawner, with the [Snapshot] in a file in memory, the listening control socket, and the listening
	// metrics socket when there is one. An Attach follows for each instance.
	KindHello
	// Attach gives the manager the descriptors of an instance: standard output and error, then those that Sockets names.
	KindAttach
	// Reply answers a request.
	KindReply
	// Exited says that an instance has ended, with all that it started.
	KindExited
	// Asked passes on what the spawner was asked by a signal.
	KindAsked
	// Notice is something that happened in the spawner.
	KindNotice
	kinds
)

var kindNames = [kinds]string{"none", "prepare", "listen", "start", "signal", "kill", "forget", "commit", "discard", "remember", "stats", "finish",
	"ping", "pong", "hello", "attach", "reply", "exited", "asked", "notice"}

// String returns the name, such as "prepare".
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Request tells whether the manager sends it.
func (k Kind) Request() bool { return k >= KindPrepare && k <= KindFinish }

// Frame is one message. It is small, and its body is of the kind's layout.
type Frame struct {
	Kind Kind
	// ID is chosen by who asks, and repeated in the answer; 0 when there is none.
	ID   uint64
	Body []byte
}

const frameHeader = 9

// Encode returns the frame as a datagram. A body that is too long is a bug of ours.
func (f Frame) Encode() []byte {
	if len(f.Body) > MaxFrame-frameHeader {
		panic(fmt.Sprintf("bug: a frame of kind %s with %d bytes; please report it", f.Kind, len(f.Body)))
	}
	e := &Encoder{buf: make([]byte, 0, frameHeader+len(f.Body))}
	e.U8(uint8(f.Kind))
	e.U64(f.ID)
	e.buf = append(e.buf, f.Body...)
	return e.Bytes()
}

// DecodeFrame reads a datagram. The body is part of it.
func DecodeFrame(datagram []byte) (Frame, error) {
	d := NewDecoder(datagram)
	f := Frame{Kind: Kind(d.U8()), ID: d.U64()}
	if d.err == nil && (f.Kind == 0 || f.Kind >= kinds) {
		d.fail("a frame of %s", f.Kind)
	}
	if len(datagram) > MaxFrame {
		d.fail("a frame of %d bytes", len(datagram))
	}
	if d.err != nil {
		return Frame{}, d.err
	}
	f.Body = datagram[frameHeader:]
	return f, nil
}
