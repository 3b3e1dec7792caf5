package host

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Weighing says which disks are shared by the weights of control groups. The others ignore them: only the I/O scheduler bfq and, on version 2, the
// cost model look at weights. Source: the kernel's cgroup-v2 documentation, "IO", and its bfq-iosched documentation.
type Weighing struct {
	Disks string // "sda by bfq, 259:0 by its cost model"

	// Lacks says why there is none; empty when there is one. Enable is what would help.
	Lacks, Enable string
}

// FindWeighing looks at all disks. mount is where the hierarchy with the controller is.
func FindWeighing(k posix.Files, mount string) (Weighing, error) {
	return findWeighing(k, "/sys", mount)
}

func findWeighing(k posix.Files, sys, mount string) (Weighing, error) {
	names, err := entryNames(k, sys+"/block")
	if err != nil {
		return Weighing{Lacks: "the disks of this host cannot be seen: " + err.Error(), Enable: "mount -t sysfs none /sys"}, nil
	}
	r := &reader{files: k}
	var disks []string
	candidate, loaded := "", false
	for _, name := range names {
		text, err := r.text(sys + "/block/" + name + "/queue/scheduler")
		if err != nil {
			continue // it has no queue, or has just gone
		}
		schedulers := strings.Fields(text)
		if slices.Contains(schedulers, "[bfq]") {
			disks = append(disks, name+" by bfq")
		}
		loaded = loaded || slices.Contains(schedulers, "bfq")
		var st posix.Stat // what is made by software, such as a loop device, is no device of anything
		if candidate == "" && k.Fstatat(posix.AtFDCWD, sys+"/block/"+name+"/device", &st, 0) == nil {
			candidate = name
		}
	}
	costs, err := r.text(mount + "/io.cost.qos") // at the root of version 2 only
	for line := range strings.Lines(costs) {
		if number, rest, _ := strings.Cut(line, " "); err == nil && slices.Contains(strings.Fields(rest), "enable=1") {
			disks = append(disks, number+" by its cost model")
		}
	}
	if len(disks) > 0 {
		return Weighing{Disks: strings.Join(disks, ", ")}, nil
	}
	var w Weighing
	w.Lacks = "no disk of this host is shared by weight: none has the I/O scheduler bfq"
	if err == nil {
		w.Lacks += ", and io.cost.qos is on for none"
	}
	if candidate == "" {
		candidate = "DISK"
	}
	w.Enable = fmt.Sprintf("echo bfq >/sys/block/%s/queue/scheduler", candidate)
	if !loaded {
		w.Enable = "modprobe bfq; " + w.Enable
	}
	return w, nil
}

// entryNames returns the names in a directory, sorted.
func entryNames(k posix.Files, path string) ([]string, error) {
	fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = k.Close(fd) }()
	var names []string
	buf := make([]byte, 8192)
	for {
		n, err := k.Getdents(fd, buf)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", path, err)
		}
		if n == 0 {
			slices.Sort(names)
			return names, nil
		}
		for name := range posix.Dirents(buf[:n]) {
			names = append(names, name)
		}
	}
}
