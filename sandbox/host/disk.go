package host

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Disk is a disk that can be limited: a whole one, which is what the kernel takes. Source: blkg_conf_open_bdev in block/blk-cgroup.c.
type Disk struct {
	Number string // "8:0"
	Name   string // as the kernel has it: "sda"

	// Lacks says why what was named is no disk of this host; empty when it is one. Enable is what would help.
	Lacks, Enable string
}

// FindDisk looks up the disk that is meant by a name: the path of a block device, or of anything in a file system that is on one, or a
// MAJOR:MINOR. A partition means the disk that it is on. It needs /sys, and blocks as long as the file system of a path does.
func FindDisk(k posix.Files, name string) (Disk, error) { return findDisk(k, "/sys", name) }

func findDisk(k posix.Files, sys, name string) (Disk, error) {
	number := name
	if strings.HasPrefix(name, "/") {
		dev, lacks, err := deviceOf(k, name)
		if err != nil || lacks.Lacks != "" {
			return lacks, err
		}
		number = fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	} else if strings.Trim(number, "0123456789:") != "" { // it becomes part of a path, and who asks may be confined
		return Disk{Lacks: fmt.Sprintf("%q is neither a path nor the number of a device", name)}, nil
	}
	link := make([]byte, unix.PathMax)
	n, err := k.Readlinkat(posix.AtFDCWD, sys+"/dev/block/"+number, link)
	switch {
	case errors.Is(err, posix.Errno(unix.ENOENT)):
		return Disk{Lacks: "there is no block device " + number, Enable: "`lsblk` says which there are"}, nil
	case err != nil:
		return Disk{}, fmt.Errorf("look up block device %s: %w", number, err)
	}
	// "../../devices/…/block/sda", and for a partition "…/block/sda/sda1".
	parts := strings.Split(string(link[:n]), "/")
	disk := Disk{Number: number, Name: parts[len(parts)-1]}
	r := &reader{files: k}
	if _, err := r.text(sys + "/dev/block/" + number + "/partition"); err != nil || len(parts) < 2 {
		return disk, nil
	}
	if disk.Number, err = r.text(sys + "/dev/block/" + number + "/../dev"); err != nil {
		return Disk{}, fmt.Errorf("look up the disk of partition %s: %w", disk.Name, err)
	}
	disk.Name = parts[len(parts)-2]
	return disk, nil
}

// deviceOf returns the number of the device that a path is, or that its file system is on.
func deviceOf(k posix.Files, path string) (uint64, Disk, error) {
	fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
	var errno posix.Errno
	switch {
	case errors.As(err, &errno):
		return 0, Disk{Lacks: path + ": " + errno.Error()}, nil
	case err != nil:
		return 0, Disk{}, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = k.Close(fd) }()
	var st posix.Stat
	if err := k.Fstat(fd, &st); err != nil {
		return 0, Disk{}, fmt.Errorf("look at %s: %w", path, err)
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFBLK:
		return st.Rdev, Disk{}, nil
	case st.Mode&unix.S_IFMT == unix.S_IFCHR:
		return 0, Disk{Lacks: path + " is a character device, not a disk"}, nil
	case unix.Major(st.Dev) != 0:
		return st.Dev, Disk{}, nil
	}
	kind := "of a kind that is on no single disk"
	var fs posix.Statfs
	if err := k.Fstatfs(fd, &fs); err == nil {
		kind = fileSystemName(int64(fs.Type))
	}
	return 0, Disk{Lacks: fmt.Sprintf("%s is in a file system (%s) that is not on one block device", path, kind), Enable: "name the disk itself, such as /dev/sda"}, nil
}

// fileSystemName names the file systems that have no block device of their own, or hide it. Source: statfs(2), linux/magic.h.
func fileSystemName(magic int64) string {
	names := map[int64]string{
		unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.TMPFS_MAGIC: "tmpfs", unix.BTRFS_SUPER_MAGIC: "btrfs", 0x2fc12fc1: "zfs", unix.NFS_SUPER_MAGIC: "nfs",
		unix.FUSE_SUPER_MAGIC: "fuse", unix.RAMFS_MAGIC: "ramfs", unix.PROC_SUPER_MAGIC: "proc", unix.SYSFS_MAGIC: "sysfs", unix.V9FS_MAGIC: "9p",
		unix.CGROUP2_SUPER_MAGIC: "cgroup2", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x00c36400: "ceph", 0xca451a4e: "bcachefs",
	}
	if name := names[magic&0xffffffff]; name != "" {
		return name
	}
	return "0x" + strconv.FormatInt(magic&0xffffffff, 16)
}
