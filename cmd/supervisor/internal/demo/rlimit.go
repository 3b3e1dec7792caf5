package demo

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Rlimit is a resource limit.
type Rlimit struct {
	Name string `json:"name"` // as policies name it
	Soft string `json:"soft"`
	Hard string `json:"hard"`
	Unit string `json:"unit"`
}

var rlimits = [...]struct {
	name, unit string
	number     int
}{
	{"nofile", "descriptors", unix.RLIMIT_NOFILE},
	{"nproc", "processes of the user", unix.RLIMIT_NPROC},
	{"core", "bytes", unix.RLIMIT_CORE},
	{"fsize", "bytes", unix.RLIMIT_FSIZE},
	{"data", "bytes", unix.RLIMIT_DATA},
	{"stack", "bytes", unix.RLIMIT_STACK},
	{"as", "bytes", unix.RLIMIT_AS},
	{"memlock", "bytes", unix.RLIMIT_MEMLOCK},
	{"cpu", "seconds", unix.RLIMIT_CPU},
}

func readRlimits() ([]Rlimit, error) {
	out := []Rlimit{}
	for _, r := range rlimits {
		var l unix.Rlimit
		if err := unix.Getrlimit(r.number, &l); err != nil {
			return out, fmt.Errorf("read the limit of %s: %w", r.name, err)
		}
		out = append(out, Rlimit{r.name, limitText(l.Cur), limitText(l.Max), r.unit})
	}
	return out, nil
}

func limitText(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}
