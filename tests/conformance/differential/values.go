package differential

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// data returns something to write.
func (g *generator) data() []byte {
	b := make([]byte, pick(g, 0, 1, 8, 8, 100, 4096, 5000))
	for i := range b {
		b[i] = byte(g.rng.IntN(4))
	}
	return b
}

// sum stands for bytes in an outcome.
func sum(b []byte) string {
	h := fnv.New32a()
	_, _ = h.Write(b)
	return fmt.Sprintf("%d bytes %08x", len(b), h.Sum32())
}

func (g *generator) offset() int64 {
	return pick[int64](g, 0, 0, 1, 7, 100, 4096, 10000, -1, -5, 1<<62)
}

func (g *generator) mode() uint32 {
	return pick[uint32](g, 0o644, 0o755, 0o700, 0o777, 0o1777, 0o2775, 0o4755, 0o000, 0o400, 0o200, 0o111, 0o70000)
}

// uid returns a user: mostly one that is somebody in the program.
func (g *generator) uid() posix.UID { return pick[posix.UID](g, 0, 1000, 65534, ^posix.UID(0), 1001) }

func (g *generator) time() posix.Timespec {
	return pick(g, posix.Timespec{Sec: 1}, posix.Timespec{Sec: 3600, Nsec: 5}, posix.Timespec{Nsec: unix.UTIME_NOW}, posix.Timespec{Nsec: unix.UTIME_OMIT},
		posix.Timespec{Nsec: 1e9}, posix.Timespec{Nsec: unix.UTIME_NOW, Sec: 3})
}

// answer2 is answer for calls that return a count.
func answer2(n int, err error) outcome { return answer(err, n) }

// statOr is stat, unless there is nothing to describe.
func (s *side) statOr(err error, st *posix.Stat) string {
	if err != nil {
		return ""
	}
	return s.stat(st)
}

// entries describes directory entries, in an order of its own: each file system has another.
func entries(b []byte) string {
	var list []string
	for len(b) >= 19 {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size < 19 || size > len(b) {
			return fmt.Sprintf("a record of %d bytes in %d", size, len(b))
		}
		name, _, _ := strings.Cut(string(b[19:size]), "\x00")
		list = append(list, fmt.Sprintf("%s(%d)", show(name), b[18]))
		b = b[size:]
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// fillPipe puts something into a pipe that can be read.
func (g *generator) fillPipe() {
	fd, b := g.fd(pipeWriter), g.data()
	g.do(step{posix.OpWrite, fmt.Sprintf("write %d %s", fd, sum(b)), func(s *side) outcome { return answer2(s.core.Write(fd, b)) }})
}
