package kernel

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// device is the body of a character device: what opens it depends on its number.
type device struct{}

func (device) size() int64 { return 0 }

// The devices of /dev. Source: Documentation/admin-guide/devices.txt.
var (
	devNull    = unix.Mkdev(1, 3)
	devZero    = unix.Mkdev(1, 5)
	devFull    = unix.Mkdev(1, 7)
	devRandom  = unix.Mkdev(1, 8)
	devUrandom = unix.Mkdev(1, 9)
	devTTY     = unix.Mkdev(5, 0)
	devPtmx    = unix.Mkdev(5, 2)
)

func (t *tree) bootDevices() {
	dev := dirOf(t.root.root).names["dev"]
	for _, d := range []struct {
		name string
		rdev uint64
	}{
		{"full", devFull}, {"null", devNull}, {"ptmx", devPtmx}, {"random", devRandom}, {"tty", devTTY}, {"urandom", devUrandom}, {"zero", devZero},
	} {
		n := dev.inode.super.newInode(unix.S_IFCHR|0o666, device{})
		n.rdev = d.rdev
		dirOf(dev).add(dev, d.name, n)
	}
}

// open returns what a device is. ENXIO: there is no such device.
func (device) open(p *Process, n *inode, f *file) (object, posix.Errno) {
	switch n.rdev {
	case devNull, devZero, devFull, devRandom, devUrandom:
		return &memoryDevice{n: n}, 0
	case devTTY:
		return p.openTTY(n, f)
	case devPtmx:
		return p.openPtmx(n, f)
	}
	return nil, enxio
}

// memoryDevice is one of the devices that have no hardware. Source: null(4), full(4), random(4).
type memoryDevice struct {
	nothing
	unmoved // null_lseek() in drivers/char/mem.c, noop_llseek() for the random ones
	n       *inode
}

func (d *memoryDevice) events(*file) uint32 {
	return unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDNORM | unix.EPOLLWRNORM
}

// pollable: of these devices only the random ones have a poll operation. Source: drivers/char/mem.c, drivers/char/random.c.
func (d *memoryDevice) pollable() bool { return d.n.rdev == devRandom || d.n.rdev == devUrandom }

func (d *memoryDevice) stat(_ *file, st *posix.Stat) posix.Errno {
	d.n.fill(st)
	return 0
}

func (d *memoryDevice) read(p *Process, _ *file, b []byte) (int, posix.Errno) {
	switch d.n.rdev {
	case devNull:
		return 0, 0
	case devRandom, devUrandom:
		p.k.fillRandom(b)
	default:
		clear(b)
	}
	return len(b), 0
}

func (d *memoryDevice) write(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	if d.n.rdev == devFull && len(b) > 0 {
		return 0, enospc
	}
	return len(b), 0
}

func (d *memoryDevice) pread(p *Process, f *file, b []byte, _ int64) (int, posix.Errno) {
	return d.read(p, f, b)
}

func (d *memoryDevice) pwrite(p *Process, f *file, b []byte, _ int64) (int, posix.Errno) {
	return d.write(p, f, b)
}

// fillRandom fills b with the random bytes that the seed decides.
func (k *Kernel) fillRandom(b []byte) {
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, k.rng.Uint64())
		b = b[8:]
	}
	if len(b) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], k.rng.Uint64())
		copy(b, last[:])
	}
}
