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
	resident    int64 // bytes
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
	p.resident = number(24) * int64(os.Getpagesize())
	return p, err
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
