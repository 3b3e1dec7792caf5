package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// leftovers looks for what the attacks, or the supervisors that they were made under, have left: processes, mounts, control groups.
func (s *stage) leftovers() error {
	var err error
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if exe, e := os.Readlink(link); e == nil && strings.HasPrefix(exe, s.dir+"/") {
			err = errors.Join(err, fmt.Errorf("left behind: process %s of %s", filepath.Base(filepath.Dir(link)), exe))
		}
	}
	mounts, e := os.ReadFile("/proc/self/mountinfo")
	if err = errors.Join(err, e); strings.Contains(string(mounts), s.dir) {
		err = errors.Join(err, errors.New("left behind: a mount below "+s.dir))
	}
	return errors.Join(err, s.groupsLeft())
}

// groupsLeft finds control groups of the supervisors of this run: their names begin with bulkhead-PID.
func (s *stage) groupsLeft() error {
	ours := map[string]bool{}
	for _, pid := range s.supervisors {
		ours[fmt.Sprintf("bulkhead-%d", pid)] = true
	}
	var found error
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it went away meanwhile, or is nobody's business
		}
		f := strings.SplitN(d.Name(), "-", 3)
		if d.IsDir() && len(f) == 3 && ours[f[0]+"-"+f[1]] {
			found = errors.Join(found, errors.New("left behind: "+path))
			return fs.SkipDir
		}
		return nil
	}
	return errors.Join(filepath.WalkDir("/sys/fs/cgroup", walk), found)
}
