package cgroup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/posix"
)

// DiskUsage is what an instance has read from a disk and written to it since its group was made. What it wrote and the kernel has not written
// to the disk yet is not in it; version 1 does not count what is written later on at all, and nothing on a disk before a first limit is set on it.
type DiskUsage struct {
	Device                  string // "8:0"
	ReadBytes, WrittenBytes uint64
	Reads, Writes           uint64 // requests
}

// diskUsage returns the disks sorted by their numbers as text.
func diskUsage(k posix.Files, version int, dir string) ([]DiskUsage, error) {
	disks := map[string]*DiskUsage{}
	for _, file := range [...][]string{1: {"blkio.throttle.io_service_bytes", "blkio.throttle.io_serviced"}, 2: {"io.stat"}}[version] {
		text, err := readFile(k, dir+"/"+file)
		if err != nil {
			return nil, err
		}
		if err := addUsage(disks, version, file, text); err != nil {
			return nil, fmt.Errorf("read %s/%s: %w", dir, file, err)
		}
	}
	all := make([]DiskUsage, 0, len(disks))
	for _, u := range disks {
		if *u != (DiskUsage{Device: u.Device}) {
			all = append(all, *u)
		}
	}
	slices.SortFunc(all, func(a, b DiskUsage) int { return strings.Compare(a.Device, b.Device) })
	return all, nil
}

// addUsage adds what a file says. In io.stat the names of disks without a number may stand before the one that has some, without an end of line: Linux
// 5.15 to 5.17, "blk-cgroup: always terminate io.stat lines".
func addUsage(disks map[string]*DiskUsage, version int, file, text string) error {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for len(words) > 1 && strings.Contains(words[1], ":") && !strings.Contains(words[1], "=") {
			words = words[1:]
		}
		if len(words) < 2 || !strings.Contains(words[0], ":") {
			continue // version 1: the sum of all
		}
		u := disks[words[0]]
		if u == nil {
			u = &DiskUsage{Device: words[0]}
			disks[u.Device] = u
		}
		var err error
		if version == 1 {
			err = u.add1(file, words)
		} else {
			err = u.add2(words[1:])
		}
		if err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
	}
	return nil
}

// add1 adds a line such as "8:0 Read 4096". Source: the kernel's cgroup-v1 documentation, blkio-controller.
func (u *DiskUsage) add1(file string, words []string) error {
	if len(words) != 3 {
		return fmt.Errorf("%d words, want 3", len(words))
	}
	n, err := strconv.ParseUint(words[2], 10, 64)
	if err != nil {
		return err
	}
	bytes := strings.HasSuffix(file, "_bytes")
	switch {
	case words[1] == "Read" && bytes:
		u.ReadBytes = n
	case words[1] == "Write" && bytes:
		u.WrittenBytes = n
	case words[1] == "Read":
		u.Reads = n
	case words[1] == "Write":
		u.Writes = n
	}
	return nil
}

// add2 adds the rest of a line such as "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0". Source: cgroup-v2.rst, io.stat.
func (u *DiskUsage) add2(words []string) error {
	for _, word := range words {
		key, number, _ := strings.Cut(word, "=")
		field := map[string]*uint64{"rbytes": &u.ReadBytes, "wbytes": &u.WrittenBytes, "rios": &u.Reads, "wios": &u.Writes}[key]
		if field == nil {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return err
		}
		*field = n
	}
	return nil
}
