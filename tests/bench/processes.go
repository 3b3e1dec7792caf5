package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is what /proc says about one. Source: proc_pid_stat(5), proc_pid_status(5).
type process struct {
	pid, parent int
	name        string
	cpu         time.Duration
}

// clockTick is the unit of times in /proc, which is the same on every Linux that Go runs on: USER_HZ.
const clockTick = time.Second / 100

func readProcess(pid int) (process, error) {
	p := process{pid: pid}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, err
	}
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[shut+1:]))
	if open < 0 || shut < open || len(fields) < 22 {
		return p, fmt.Errorf("read /proc/%d/stat: it has no such fields", pid)
	}
	p.name = string(stat[open+1 : shut])
	number := func(field int) int64 { // as proc_pid_stat(5) counts them
		n, e := strconv.ParseInt(fields[field-3], 10, 64)
		if e != nil {
			err = fmt.Errorf("read /proc/%d/stat: %w", pid, e)
		}
		return n
	}
	p.parent = int(number(4))
	p.cpu = time.Duration(number(14)+number(15)) * clockTick
	return p, err
}

// footprint is the memory of a process, in bytes. Source: proc_pid_smaps(5).
type footprint struct {
	resident     int64 // every page that it has mapped, also when others have it mapped too
	proportional int64 // the same with each page divided by the number of those who have it mapped
	anonymous    int64 // what is nobody else's, and in no file: heaps, stacks, variables
}

func (f *footprint) add(g footprint) {
	f.resident, f.proportional, f.anonymous = f.resident+g.resident, f.proportional+g.proportional, f.anonymous+g.anonymous
}

func (f footprint) String() string {
	const mib = 1 << 20
	return fmt.Sprintf("RSS %5.1f, PSS %5.1f, anonymous %5.1f MiB", float64(f.resident)/mib, float64(f.proportional)/mib, float64(f.anonymous)/mib)
}

func readFootprint(pid int) (f footprint, err error) {
	path := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		for key, to := range map[string]*int64{"Rss:": &f.resident, "Pss:": &f.proportional, "Anonymous:": &f.anonymous} {
			fields := strings.Fields(line)
			if fields[0] != key {
				continue
			}
			if *to, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
				return f, fmt.Errorf("read %s: %w", path, err)
			}
			*to <<= 10
			found++
		}
	}
	if found != 3 {
		return f, fmt.Errorf("read %s: %d of 3 lines are there", path, found)
	}
	return f, nil
}

// family returns a process and its children. Those of its children are theirs.
func family(pid int) ([]process, error) {
	top, err := readProcess(pid)
	if err != nil {
		return nil, err
	}
	all := []process{top}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		n, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if p, err := readProcess(n); err == nil && p.parent == pid { // one that has just ended is nobody's
			all = append(all, p)
		}
	}
	return all, nil
}
