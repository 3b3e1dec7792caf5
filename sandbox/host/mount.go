package host

import (
	"slices"
	"strconv"
	"strings"
)

// mount is a line of /proc/self/mountinfo. Source: proc_pid_mountinfo(5).
type mount struct {
	id, parent int
	root       string // which part of the file system is mounted
	point      string
	options    string // of the mount
	fstype     string
	super      string // options of the file system
}

// parseMounts returns the mounts in mountinfo, in its order. A line that is not understood is left out: some file systems have
// put anything there.
func parseMounts(text string) []mount {
	var mounts []mount
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 3 {
			continue
		}
		id, err1 := strconv.Atoi(left[0])
		parent, err2 := strconv.Atoi(left[1])
		if err1 != nil || err2 != nil {
			continue
		}
		mounts = append(mounts, mount{
			id: id, parent: parent, root: unescape(left[3]), point: unescape(left[4]), options: left[5],
			fstype: right[0], super: right[len(right)-1],
		})
	}
	return mounts
}

// unescape undoes the octal escapes for space, tab, newline and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// visible returns those mounts that a path leads to: nothing was mounted later on the same place or above it.
func visible(mounts []mount) []mount {
	parent := make(map[int]int, len(mounts))
	for _, m := range mounts {
		parent[m.id] = m.parent
	}
	ancestor := func(a, m int) bool {
		for range mounts { // a loop would be the kernel's mistake
			if up, ok := parent[m]; !ok || up == m {
				return false
			} else if m = up; m == a {
				return true
			}
		}
		return false
	}
	return slices.DeleteFunc(slices.Clone(mounts), func(m mount) bool {
		return slices.ContainsFunc(mounts, func(over mount) bool {
			above := over.point == m.point || strings.HasPrefix(m.point, strings.TrimSuffix(over.point, "/")+"/")
			return over.id != m.id && above && !ancestor(over.id, m.id)
		})
	})
}

func hasOption(options, name string) bool { return slices.Contains(strings.Split(options, ","), name) }

// emptyInProc are directories of /proc that never show anything themselves, so that a mount over one hides nothing.
// Source: proc_create_mount_point in the kernel.
var emptyInProc = []string{"/sys/fs/binfmt_misc", "/fs/nfsd", "/openprom"}

// procFacts finds a proc that is seen whole. With several of them, one is enough (mnt_already_visible in the kernel).
func procFacts(mounts []mount) ProcFacts {
	var best ProcFacts
	for _, m := range mounts {
		if m.fstype != "proc" || m.root != "/" {
			continue
		}
		f := ProcFacts{Mounted: true, ReadOnly: hasOption(m.options, "ro")}
		for _, over := range mounts {
			if over.parent == m.id && !slices.Contains(emptyInProc, strings.TrimPrefix(over.point, m.point)) {
				f.Masked = over.point
				break
			}
		}
		if f.Masked == "" && !f.ReadOnly {
			return f
		}
		if !best.Mounted || best.Masked != "" {
			best = f
		}
	}
	return best
}
