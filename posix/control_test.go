package posix_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// message is a control message as a 64-bit kernel lays it out.
func message(size uint64, level, typ uint32, data ...uint32) []byte {
	b := binary.NativeEndian.AppendUint64(nil, size)
	b = binary.NativeEndian.AppendUint32(b, level)
	b = binary.NativeEndian.AppendUint32(b, typ)
	for _, v := range data {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return b
}

func rights(fds ...uint32) []byte {
	return message(uint64(16+4*len(fds)), unix.SOL_SOCKET, unix.SCM_RIGHTS, fds...)
}

func creds(pid, uid, gid uint32) []byte {
	return message(28, unix.SOL_SOCKET, unix.SCM_CREDENTIALS, pid, uid, gid)
}

var (
	pad   = []byte{0, 0, 0, 0}
	alien = append(message(20, unix.SOL_SOCKET, unix.SO_TIMESTAMP, 7), pad...)
)

// controlCases are control data with what is in them; the fuzz tests start from them.
var controlCases = []struct {
	name    string
	control []byte
	fds     []posix.FD
	bad     bool // not in the layout of descriptors
	cred    posix.Ucred
	hasCred bool
}{
	{name: "nothing"},
	{name: "one descriptor", control: slices.Concat(rights(5), pad), fds: []posix.FD{5}},
	{name: "one descriptor, the end not aligned", control: rights(5), fds: []posix.FD{5}},
	{name: "two descriptors", control: rights(5, 6), fds: []posix.FD{5, 6}},
	{name: "no descriptors", control: rights()},
	{name: "two messages", control: slices.Concat(rights(5), pad, rights(6, 7)), fds: []posix.FD{5, 6, 7}},
	{name: "credentials", control: slices.Concat(creds(1, 2, 3), pad), cred: posix.Ucred{PID: 1, UID: 2, GID: 3}, hasCred: true},
	{name: "credentials first", control: slices.Concat(creds(1, 2, 3), pad, rights(5)), fds: []posix.FD{5}, cred: posix.Ucred{PID: 1, UID: 2, GID: 3}, hasCred: true},
	{name: "credentials last", control: slices.Concat(rights(5), pad, creds(0, 65534, 3)), fds: []posix.FD{5}, cred: posix.Ucred{UID: 65534, GID: 3}, hasCred: true},
	{name: "the greatest numbers", control: creds(1<<31-1, 1<<32-1, 1<<32-1), cred: posix.Ucred{PID: 1<<31 - 1, UID: 1<<32 - 1, GID: 1<<32 - 1}, hasCred: true},
	{name: "something else", control: slices.Concat(alien, rights(5)), fds: []posix.FD{5}},
	{name: "another level", control: slices.Concat(message(20, unix.SOL_IP, unix.SCM_RIGHTS, 5), pad, message(28, unix.SOL_IP, unix.SCM_CREDENTIALS, 1, 2, 3))},
	{name: "credentials twice", control: slices.Concat(creds(1, 2, 3), pad, creds(4, 5, 6))},
	{name: "credentials cut short", control: message(24, unix.SOL_SOCKET, unix.SCM_CREDENTIALS, 1, 2)},
	{name: "no credentials", control: message(16, unix.SOL_SOCKET, unix.SCM_CREDENTIALS)},
	{name: "credentials too long", control: message(32, unix.SOL_SOCKET, unix.SCM_CREDENTIALS, 1, 2, 3, 4)},
	{name: "a part of a descriptor", control: append(message(22, unix.SOL_SOCKET, unix.SCM_RIGHTS, 5), 0, 0), fds: []posix.FD{5}, bad: true},
	{name: "a negative descriptor", control: rights(5, 1<<31, 6), fds: []posix.FD{5, 6}, bad: true},
	{name: "less than a header", control: make([]byte, 15), bad: true},
	{name: "less than a header after a message", control: append(rights(5, 6), 1), fds: []posix.FD{5, 6}, bad: true},
	{name: "size 0", control: message(0, unix.SOL_SOCKET, unix.SCM_RIGHTS, 5), bad: true},
	{name: "size below the header's", control: message(15, unix.SOL_SOCKET, unix.SCM_RIGHTS, 5), bad: true},
	{name: "size beyond the end", control: message(21, unix.SOL_SOCKET, unix.SCM_RIGHTS, 5), bad: true},
	{name: "a huge size", control: message(1<<63+20, unix.SOL_SOCKET, unix.SCM_RIGHTS, 5), bad: true},
	{name: "size -1", control: message(1<<64-1, unix.SOL_SOCKET, unix.SCM_RIGHTS, 5), bad: true},
	{name: "good, then bad", control: slices.Concat(rights(5), pad, creds(1, 2, 3), pad, message(0, 0, 0)), fds: []posix.FD{5}, bad: true},
}

func TestParseControl(t *testing.T) {
	for _, tt := range controlCases {
		fds, err := posix.ParseRights(tt.control)
		if !slices.Equal(fds, tt.fds) || tt.bad != errors.Is(err, posix.ErrControl) || !tt.bad && err != nil {
			t.Errorf("%s: descriptors %v, %v, want %v", tt.name, fds, err, tt.fds)
		}
		cred, ok := posix.ParseCredentials(tt.control)
		if cred != tt.cred || ok != tt.hasCred {
			t.Errorf("%s: credentials %+v, %v, want %+v, %v", tt.name, cred, ok, tt.cred, tt.hasCred)
		}
	}
}

// What is made must be what the C library's macros make, and must be read back.
func TestRights(t *testing.T) {
	if got := posix.Rights(); got != nil {
		t.Errorf("nothing to pass made %v", got)
	}
	all := make([]posix.FD, posix.MaxRights)
	for i := range all {
		all[i] = posix.FD(i + 3)
	}
	for _, n := range []int{1, 2, 3, posix.MaxRights - 1, posix.MaxRights} {
		var raw []int
		for _, fd := range all[:n] {
			raw = append(raw, int(fd))
		}
		got := posix.Rights(all[:n]...)
		if want := unix.UnixRights(raw...); !bytes.Equal(got, want) {
			t.Errorf("%d descriptors: % x, want % x", n, got, want)
		}
		if len(got) != posix.RightsSpace(n) {
			t.Errorf("%d descriptors take %d bytes, RightsSpace says %d", n, len(got), posix.RightsSpace(n))
		}
		if back, err := posix.ParseRights(got); !slices.Equal(back, all[:n]) || err != nil {
			t.Errorf("%d descriptors came back as %v, %v", n, back, err)
		}
	}
	if posix.RightsSpace(0) != 0 || posix.RightsSpace(-1) != 0 {
		t.Errorf("room for no descriptors: %d, %d", posix.RightsSpace(0), posix.RightsSpace(-1))
	}
	if want := unix.CmsgSpace(unix.SizeofUcred); posix.CredentialsSpace != want {
		t.Errorf("credentials take %d bytes, want %d", posix.CredentialsSpace, want)
	}
}

// What is accepted must be what golang.org/x/sys finds in it, and what that refuses must be refused.
func FuzzParseControl(f *testing.F) {
	for _, tt := range controlCases {
		f.Add(tt.control)
	}
	f.Fuzz(func(t *testing.T, control []byte) {
		fds, err := posix.ParseRights(control)
		cred, found := posix.ParseCredentials(control)
		messages, theirs := unix.ParseSocketControlMessage(control)
		if theirs != nil {
			if err == nil || found {
				t.Fatalf("accepted (%v, %v), refused by x/sys with %v", fds, found, theirs)
			}
			return
		}
		var want []posix.FD
		var who []posix.Ucred
		for i := range messages {
			n := len(messages[i].Data) // x/sys panics on a part of a descriptor and on credentials cut short
			if n%4 != 0 {
				continue
			}
			if raw, e := unix.ParseUnixRights(&messages[i]); e == nil {
				for _, fd := range raw {
					want = append(want, posix.FD(fd))
				}
			}
			if n != unix.SizeofUcred {
				continue
			}
			if raw, e := unix.ParseUnixCredentials(&messages[i]); e == nil {
				who = append(who, posix.Ucred{PID: posix.PID(raw.Pid), UID: posix.UID(raw.Uid), GID: posix.GID(raw.Gid)})
			}
		}
		if err == nil && !slices.Equal(fds, want) {
			t.Fatalf("descriptors %v, x/sys says %v", fds, want)
		}
		if found && (len(who) != 1 || who[0] != cred) {
			t.Fatalf("credentials %+v, x/sys says %+v", cred, who)
		}
		if slices.ContainsFunc(fds, func(fd posix.FD) bool { return fd < 0 }) {
			t.Fatalf("a negative descriptor in %v", fds)
		}
	})
}

// What was made from any descriptors is read back from wherever it stands.
func FuzzRights(f *testing.F) {
	f.Add(uint16(1), int32(3), []byte(nil))
	f.Add(uint16(253), int32(0), slices.Concat(creds(1, 2, 3), pad))
	f.Fuzz(func(t *testing.T, n uint16, first int32, before []byte) {
		if n > posix.MaxRights || first < 0 || int64(first)+int64(n) > 1<<31-1 {
			return
		}
		if earlier, err := posix.ParseRights(before); err != nil || len(earlier) > 0 || len(before)%8 != 0 {
			before = nil
		}
		var fds []posix.FD
		for i := range int32(n) {
			fds = append(fds, posix.FD(first+i))
		}
		back, err := posix.ParseRights(append(slices.Clone(before), posix.Rights(fds...)...))
		if err != nil || !slices.Equal(back, fds) {
			t.Fatalf("%v came back as %v, %v", fds, back, err)
		}
	})
}
