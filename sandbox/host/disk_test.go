package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/linux"
)

// fakeSys makes a tree like /sys, of files by their names and of symbolic links.
func fakeSys(t *testing.T, files, links map[string]string) string {
	t.Helper()
	root := t.TempDir()
	make := func(name string) string {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, text := range files {
		if err := os.WriteFile(make(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, make(name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFindDisk(t *testing.T) {
	var st unix.Stat_t
	if err := unix.Stat(t.TempDir(), &st); err != nil {
		t.Fatal(err)
	}
	here := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	sys := fakeSys(t, map[string]string{
		"devices/pci/block/sda/dev": "8:0\n", "devices/pci/block/sda/sda1/dev": "8:1\n", "devices/pci/block/sda/sda1/partition": "1\n",
		"devices/virtual/block/dm-0/dev": "252:0\n",
	}, map[string]string{
		"dev/block/8:0": "../../devices/pci/block/sda", "dev/block/8:1": "../../devices/pci/block/sda/sda1", "dev/block/252:0": "../../devices/virtual/block/dm-0",
	})
	onDisk := unix.Major(st.Dev) != 0
	if onDisk { // the directory of this test is on a partition of sda
		if err := os.Symlink("../../devices/pci/block/sda/sda1", filepath.Join(sys, "dev/block", here)); err != nil {
			t.Fatal(err)
		}
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		want Disk
	}{
		{"8:0", Disk{Number: "8:0", Name: "sda"}},
		{"8:1", Disk{Number: "8:0", Name: "sda"}},
		{"252:0", Disk{Number: "252:0", Name: "dm-0"}},
		{"9:9", Disk{Lacks: "there is no block device 9:9", Enable: "`lsblk` says which there are"}},
		{"../block/8:1", Disk{Lacks: `"../block/8:1" is neither a path nor the number of a device`}},
		{"/nowhere", Disk{Lacks: "/nowhere: no such file or directory"}},
		{"/dev/null", Disk{Lacks: "/dev/null is a character device, not a disk"}},
		{"/proc/self", Disk{Lacks: "/proc/self is in a file system (proc) that is not on one block device", Enable: "name the disk itself, such as /dev/sda"}},
		{fifo, Disk{Number: "8:0", Name: "sda"}}, // it is not opened, so nothing waits
	} {
		if test.name == fifo && !onDisk {
			t.Logf("%s is in a file system without a block device", fifo)
			continue
		}
		got, err := findDisk(linux.New(), sys, test.name)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v\nwant %+v", test.name, got, err, test.want)
		}
	}
}

// TestFindDiskHere: what the kernel of this machine shows of its disks is understood.
func TestFindDiskHere(t *testing.T) {
	links, err := filepath.Glob("/sys/dev/block/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(links) == 0 {
		t.Skip("there is no block device in /sys/dev/block")
	}
	for _, link := range links {
		number := filepath.Base(link)
		d, err := FindDisk(linux.New(), number)
		if err != nil || d.Lacks != "" {
			t.Errorf("%s: %+v, %v", number, d, err)
			continue
		}
		text, err := os.ReadFile("/sys/block/" + d.Name + "/dev")
		if err != nil || strings.TrimSpace(string(text)) != d.Number {
			t.Errorf("%s: %+v, but /sys/block/%s/dev holds %q, %v", number, d, d.Name, text, err)
		}
	}
}

func TestFindWeighing(t *testing.T) {
	const some, bfq = "none [mq-deadline] kyber", "none mq-deadline [bfq]"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  Weighing
	}{
		{"bfq", map[string]string{"block/sda/queue/scheduler": bfq, "block/loop0/queue/scheduler": some}, Weighing{Disks: "sda by bfq"}},
		{"two", map[string]string{"block/sda/queue/scheduler": bfq, "block/sdb/queue/scheduler": bfq}, Weighing{Disks: "sda by bfq, sdb by bfq"}},
		{"cost model", map[string]string{"block/sda/queue/scheduler": some, "group/io.cost.qos": "8:0 enable=1 ctrl=auto\n8:16 enable=0 ctrl=auto\n"},
			Weighing{Disks: "8:0 by its cost model"}},
		{"not loaded", map[string]string{"block/loop0/queue/scheduler": some, "block/sda/queue/scheduler": some, "block/sda/device/model": "x"}, Weighing{
			Lacks: "no disk of this host is shared by weight: none has the I/O scheduler bfq", Enable: "modprobe bfq; echo bfq >/sys/block/sda/queue/scheduler"}},
		{"not chosen", map[string]string{"block/sda/queue/scheduler": "[none] bfq", "block/sda/device/model": "x", "group/io.cost.qos": ""}, Weighing{
			Lacks:  "no disk of this host is shared by weight: none has the I/O scheduler bfq, and io.cost.qos is on for none",
			Enable: "echo bfq >/sys/block/sda/queue/scheduler"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			sys := fakeSys(t, test.files, nil)
			got, err := findWeighing(linux.New(), sys, sys+"/group")
			if err != nil || got != test.want {
				t.Errorf("%+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
	if w, err := findWeighing(linux.New(), "/nowhere", "/nowhere"); err != nil || !strings.Contains(w.Lacks, "cannot be seen") {
		t.Errorf("without /sys: %+v, %v", w, err)
	}
}
