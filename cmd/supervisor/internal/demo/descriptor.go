package demo

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Descriptor is an open one.
type Descriptor struct {
	FD     int    `json:"fd"`
	Target string `json:"target"`
}

// readDescriptors reads a directory such as /proc/self/fd. The descriptor that it takes to read the directory is left out.
func readDescriptors(dir string) ([]Descriptor, error) {
	out := []Descriptor{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return out, fmt.Errorf("read the open descriptors: %w", err)
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			return out, fmt.Errorf("read the open descriptors: %w", err)
		}
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if os.IsNotExist(err) { // closed since
			continue
		}
		if err != nil {
			return out, fmt.Errorf("read the open descriptors: %w", err)
		}
		out = append(out, Descriptor{fd, target})
	}
	slices.SortFunc(out, func(a, b Descriptor) int { return cmp.Compare(a.FD, b.FD) })
	return out, nil
}
