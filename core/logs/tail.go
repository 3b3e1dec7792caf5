package logs

import (
	"encoding/binary"
	"time"
)

// tail has the last lines of a module, one behind the other in one piece of memory, so that remembering a line allocates nothing.
type tail struct {
	module string
	buf    []byte // records; those before start are forgotten
	start  int
}

// record is a line as it was remembered. Its text is part of the tail.
type record struct {
	serial uint64
	line   Line
}

// recordHeader is a record without its text: length, serial, time, replica, process, stream.
const recordHeader = 4 + 8 + 8 + 4 + 4 + 1

// add puts a line at the end and forgets old ones, so that limit bytes are left. A line that is larger than that is not kept.
func (t *tail) add(serial uint64, l Line, limit int) {
	size := recordHeader + len(l.Text)
	if size > limit {
		return
	}
	t.shrink(limit - size)
	t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(size))
	t.buf = binary.LittleEndian.AppendUint64(t.buf, serial)
	t.buf = binary.LittleEndian.AppendUint64(t.buf, uint64(l.Time.UnixNano()))
	t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(l.Replica))
	t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(l.PID))
	t.buf = append(t.buf, byte(l.Stream))
	t.buf = append(t.buf, l.Text...)
}

// shrink forgets the oldest lines until what is left takes at most size bytes.
func (t *tail) shrink(size int) {
	for len(t.buf)-t.start > size {
		t.start += int(binary.LittleEndian.Uint32(t.buf[t.start:]))
	}
	// Moving costs as much as was written since the last time.
	if t.start > len(t.buf)/2 {
		t.buf = t.buf[:copy(t.buf, t.buf[t.start:])]
		t.start = 0
	}
}

// last returns the last n records, oldest first.
func (t *tail) last(n int) []record {
	var out []record
	for at := t.start; at < len(t.buf); {
		size := int(binary.LittleEndian.Uint32(t.buf[at:]))
		r := t.buf[at : at+size]
		out = append(out, record{serial: binary.LittleEndian.Uint64(r[4:]), line: Line{
			Source: Source{Module: t.module, Replica: int(binary.LittleEndian.Uint32(r[20:])), PID: int(binary.LittleEndian.Uint32(r[24:]))},
			Time:   time.Unix(0, int64(binary.LittleEndian.Uint64(r[12:]))),
			Stream: Stream(r[28]),
			Text:   r[recordHeader:],
		}})
		at += size
	}
	return out[max(0, len(out)-n):]
}
