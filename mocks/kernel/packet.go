package kernel

import (
	"math/bits"

	"github.com/bulkhead/bulkhead/posix"
)

// packet is a piece of what was sent: a datagram, or what one call added to a stream; or a connection that waits to be accepted.
type packet struct {
	next  *packet
	data  []byte
	at    int         // how much has been received
	cost  int         // what the sender's buffer is charged
	from  *unixSocket // whose buffer
	addr  posix.Sockaddr
	files []*file
	cred  posix.Ucred
	named bool // cred says who sent it
	conn  *unixSocket
}

// packets is a queue.
type packets struct {
	first, last *packet
	count       int
}

func (q *packets) push(pk *packet) {
	if q.last == nil {
		q.first = pk
	} else {
		q.last.next = pk
	}
	q.last = pk
	q.count++
}

func (q *packets) shift() {
	pk := q.first
	q.first = pk.next
	if q.first == nil {
		q.last = nil
	}
	pk.next = nil
	q.count--
}

// packet returns an empty one; those that have been received are used again.
func (o *io) packet() *packet {
	pk := o.spare
	if pk == nil {
		return &packet{}
	}
	o.spare, pk.next = pk.next, nil
	return pk
}

func (o *io) putPacket(pk *packet) {
	const keep = 1 << 16 // bytes
	data, files := pk.data[:0], pk.files[:0]
	if cap(data) > keep {
		data = nil
	}
	*pk = packet{data: data, files: files, next: o.spare}
	o.spare = pk
}

// What a packet costs its sender: Linux charges the memory that it takes. Source: net/core/skbuff.c, and net/unix/af_unix.c for how much lies in pages.
const (
	skbOverhead   = 256 // struct sk_buff
	skbShared     = 320 // struct skb_shared_info
	skbMaxHead    = pageSize - skbShared
	skbMaxAlloc   = 4*pageSize - skbShared
	skbMaxPages   = 8 * pageSize // UNIX_SKB_FRAGS_SZ
	skbSmallest   = 512
	skbMaxMessage = 17 * pageSize // MAX_SKB_FRAGS pages
)

// streamCost is for a part of a stream, of at most skbMaxHead+skbMaxPages bytes.
func streamCost(size int) int {
	pages := 0
	if size > skbMaxHead {
		pages = min(size, pageAlign(size-skbMaxHead))
	}
	return skbCost(size-pages, pages)
}

func datagramCost(size int) int {
	pages := 0
	if size > skbMaxAlloc {
		pages = pageAlign(min(size-skbMaxAlloc, skbMaxMessage))
	}
	return skbCost(max(size-pages, 0), pages)
}

func skbCost(head, pages int) int {
	return max(skbSmallest, 1<<bits.Len(uint(head+skbShared-1))) + skbOverhead + pageAlign(pages)
}

func pageAlign(n int) int { return (n + pageSize - 1) &^ (pageSize - 1) }
