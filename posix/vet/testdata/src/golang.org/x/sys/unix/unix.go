// Package unix stands for the real one: what is looked at is its path and its names.
package unix

type Errno uintptr

const O_RDONLY = 0

type FdSet struct{ bits [16]int64 }

func (s *FdSet) Set(fd int) {}

func Getppid() int                               { return 0 }
func Close(fd int) error                         { return nil }
func Mkdev(major, minor uint32) uint64           { return 0 }
func ErrnoName(e Errno) string                   { return "" }
func BrandNew() error                            { return nil }
func ByteSliceFromString(string) ([]byte, error) { return nil, nil }
