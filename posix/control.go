package posix

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"syscall"
)

// ErrControl is the error of control data that is not in the kernel's layout.
var ErrControl = errors.New("malformed control message")

// MaxRights is how many descriptors one message can pass; sending more is EINVAL. Source: unix(7), SCM_MAX_FD.
const MaxRights = 253

// The layout of struct cmsghdr: a size_t and two ints; what follows it, and the next header, begin at a multiple of a
// size_t. Source: cmsg(3).
const (
	cmsgWord    = bits.UintSize / 8
	cmsgHeader  = cmsgWord + 8
	fdSize      = 4
	credentials = 12 // struct ucred: three 32-bit numbers
)

// CredentialsSpace is the room that one sender's credentials (SO_PASSCRED) take in [Msg].Control, in bytes.
const CredentialsSpace = cmsgHeader + (credentials+cmsgWord-1)/cmsgWord*cmsgWord

// RightsSpace returns the room that n descriptors in one message take in [Msg].Control, in bytes; 0 for none. A receiver whose
// Control has exactly this room may still be given one descriptor more than n, which fits into what aligns the message.
func RightsSpace(n int) int {
	if n <= 0 {
		return 0
	}
	return cmsgHeader + aligned(n*fdSize)
}

func aligned(n int) int { return (n + cmsgWord - 1) &^ (cmsgWord - 1) }

// Rights returns the control data that passes copies of fds to the receiver of a message (SCM_RIGHTS); nil without any. The caller keeps
// its descriptors. There can be [MaxRights] of them. Source: unix(7).
func Rights(fds ...FD) []byte {
	if len(fds) == 0 {
		return nil
	}
	control := make([]byte, RightsSpace(len(fds)))
	putSize(control, cmsgHeader+len(fds)*fdSize)
	binary.NativeEndian.PutUint32(control[cmsgWord:], syscall.SOL_SOCKET)
	binary.NativeEndian.PutUint32(control[cmsgWord+4:], syscall.SCM_RIGHTS)
	for i, fd := range fds {
		binary.NativeEndian.PutUint32(control[cmsgHeader+i*fdSize:], uint32(fd))
	}
	return control
}

// ParseRights returns the descriptors that arrived with a message: control is what was filled in, m.Control[:m.ControlLen]. The caller
// owns them, also those that are returned together with [ErrControl]; control data of other kinds is skipped. MSG_CTRUNC in m.Flags
// says that some were lost on the way.
func ParseRights(control []byte) ([]FD, error) {
	var fds []FD
	for len(control) > 0 {
		m, rest, err := nextControl(control)
		if err != nil {
			return fds, err
		}
		control = rest
		if m.typ != syscall.SCM_RIGHTS {
			continue
		}
		bad := len(m.data)%fdSize != 0
		for data := m.data; len(data) >= fdSize; data = data[fdSize:] {
			fd := FD(binary.NativeEndian.Uint32(data))
			if fd < 0 {
				bad = true
				continue
			}
			fds = append(fds, fd)
		}
		if bad {
			return fds, ErrControl
		}
	}
	return fds, nil
}

// ParseCredentials returns who sent a message, as the kernel says (SCM_CREDENTIALS, to a socket with SO_PASSCRED): control is
// m.Control[:m.ControlLen]. The PID is 0 when the sender is outside of the receiver's pid namespace. False: they are not there, there is
// more than one answer, or control is malformed.
func ParseCredentials(control []byte) (Ucred, bool) {
	var who Ucred
	found := false
	for len(control) > 0 {
		m, rest, err := nextControl(control)
		if err != nil {
			return Ucred{}, false
		}
		control = rest
		if m.typ != syscall.SCM_CREDENTIALS {
			continue
		}
		if found || len(m.data) != credentials {
			return Ucred{}, false
		}
		found = true
		who = Ucred{
			PID: PID(binary.NativeEndian.Uint32(m.data)),
			UID: UID(binary.NativeEndian.Uint32(m.data[4:])),
			GID: GID(binary.NativeEndian.Uint32(m.data[8:])),
		}
	}
	return who, found
}

// controlMessage is one control message. typ is 0 for those that are not of SOL_SOCKET.
type controlMessage struct {
	typ  uint32
	data []byte
}

// nextControl takes the first message off control, which is not empty. The kernel leaves out the bytes that would align the end of the last
// message when there is no room for them.
func nextControl(control []byte) (m controlMessage, rest []byte, err error) {
	if len(control) < cmsgHeader {
		return m, nil, ErrControl
	}
	size, ok := getSize(control)
	if !ok || size < cmsgHeader || size > len(control) {
		return m, nil, ErrControl
	}
	if binary.NativeEndian.Uint32(control[cmsgWord:]) == syscall.SOL_SOCKET {
		m.typ = binary.NativeEndian.Uint32(control[cmsgWord+4:])
	}
	m.data = control[cmsgHeader:size]
	return m, control[min(aligned(size), len(control)):], nil
}

func putSize(b []byte, n int) {
	if cmsgWord == 8 {
		binary.NativeEndian.PutUint64(b, uint64(n))
		return
	}
	binary.NativeEndian.PutUint32(b, uint32(n))
}

// getSize returns the size_t that b begins with, unless it is more than any message has.
func getSize(b []byte) (int, bool) {
	n := uint64(binary.NativeEndian.Uint32(b))
	if cmsgWord == 8 {
		n = binary.NativeEndian.Uint64(b)
	}
	return int(n), n <= 1<<30
}
