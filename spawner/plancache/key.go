package plancache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Key names an entry: a SHA-256 over everything that a plan depends on but the answers about the host.
type Key [sha256.Size]byte

// String returns the name of the entry's file.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Program says which program compiles.
type Program struct {
	// Version is what the program says of itself.
	Version string
	// Stat is its file. What is used of it changes with every new or changed file: device, inode, size, and both times.
	Stat posix.Stat
}

// self is the file of the running program, whatever has become of its path.
const self = "/proc/self/exe"

// thisProgram returns the program that runs, which is the one that [compile.Run] starts.
func thisProgram(k posix.Files, version string) (Program, error) {
	p := Program{Version: version}
	if err := k.Fstatat(posix.AtFDCWD, self, &p.Stat, 0); err != nil {
		return p, fmt.Errorf("look at the own program: %w", err)
	}
	return p, nil
}

func (p Program) encode(e *wire.Encoder) {
	e.String(p.Version)
	for _, v := range []uint64{p.Stat.Dev, p.Stat.Ino, uint64(p.Stat.Size), uint64(p.Stat.Mtime.Sec), uint64(p.Stat.Mtime.Nsec),
		uint64(p.Stat.Ctime.Sec), uint64(p.Stat.Ctime.Nsec)} {
		e.U64(v)
	}
}

// KeyOf returns the key of a request to a program on a kernel. The facts about the host and about this process, with its user and its
// user namespace, are part of the request.
func KeyOf(p Program, kernel posix.Utsname, req compile.Request) Key {
	e := &wire.Encoder{}
	e.String(format)
	p.encode(e)
	e.String(kernel.Sysname)
	e.String(kernel.Release)
	e.String(kernel.Version)
	e.String(kernel.Machine)
	e.Data(compile.EncodeRequest(req))
	return sha256.Sum256(e.Bytes())
}
