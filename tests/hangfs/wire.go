package hangfs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Op is what a request asks for. Source: include/uapi/linux/fuse.h.
type Op uint32

// The requests that a mount of files for reading sees.
const (
	Lookup      Op = 1
	forget      Op = 2
	Getattr     Op = 3
	Open        Op = 14
	Read        Op = 15
	Statfs      Op = 17
	release     Op = 18
	initialize  Op = 26
	Opendir     Op = 27
	Readdir     Op = 28
	releasedir  Op = 29
	interrupt   Op = 36
	batchForget Op = 42
)

// Sizes of the headers.
const (
	inHeader  = 40
	outHeader = 16
)

// request is one that the kernel made.
type request struct {
	op     Op
	unique uint64
	node   uint64
	body   []byte
}

func parse(b []byte) (request, bool) {
	if len(b) < inHeader {
		return request{}, false
	}
	e := binary.NativeEndian
	return request{op: Op(e.Uint32(b[4:])), unique: e.Uint64(b[8:]), node: e.Uint64(b[16:]), body: append([]byte(nil), b[inHeader:]...)}, true
}

// reply lays an answer out; errno is 0 with a body.
func reply(unique uint64, errno unix.Errno, body []byte) []byte {
	e := binary.NativeEndian
	out := make([]byte, outHeader, outHeader+len(body))
	e.PutUint32(out, uint32(outHeader+len(body)))
	e.PutUint32(out[4:], uint32(-int32(errno)))
	e.PutUint64(out[8:], unique)
	return append(out, body...)
}

// attributes is struct fuse_attr.
func attributes(n *node) []byte {
	e := binary.NativeEndian
	b := make([]byte, 88)
	e.PutUint64(b, n.id)
	e.PutUint64(b[8:], uint64(len(n.text)))
	e.PutUint32(b[60:], n.mode)
	e.PutUint32(b[64:], 1) // links
	e.PutUint32(b[80:], 4096)
	return b
}

// entry is struct fuse_entry_out.
func entry(n *node, seconds uint64) []byte {
	e := binary.NativeEndian
	b := make([]byte, 40)
	e.PutUint64(b, n.id)
	e.PutUint64(b[16:], seconds)
	e.PutUint64(b[24:], seconds)
	return append(b, attributes(n)...)
}

// attrOut is struct fuse_attr_out.
func attrOut(n *node, seconds uint64) []byte {
	b := make([]byte, 16)
	binary.NativeEndian.PutUint64(b, seconds)
	return append(b, attributes(n)...)
}

// initOut is struct fuse_init_out: version 7.31 and nothing that one may have besides.
func initOut() []byte {
	e := binary.NativeEndian
	b := make([]byte, 64)
	e.PutUint32(b, 7)
	e.PutUint32(b[4:], 31)
	e.PutUint32(b[8:], 65536)   // readahead
	e.PutUint32(b[20:], 131072) // the longest write
	return b
}
