package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Close implements [posix.Files].
func (k *Kernel) Close(fd posix.FD) error { return unix.Close(int(fd)) }

// Read implements [posix.Files].
func (k *Kernel) Read(fd posix.FD, p []byte) (int, error) { return count(unix.Read(int(fd), p)) }

// Write implements [posix.Files].
func (k *Kernel) Write(fd posix.FD, p []byte) (int, error) { return count(unix.Write(int(fd), p)) }

// Pread implements [posix.Files].
func (k *Kernel) Pread(fd posix.FD, p []byte, off int64) (int, error) {
	return count(unix.Pread(int(fd), p, off))
}

// count makes the number 0 when there is an error; x/sys returns -1.
func count(n int, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return n, nil
}

// descriptor makes the number noFD when there is an error.
func descriptor(fd int, err error) (posix.FD, error) {
	if err != nil {
		return noFD, err
	}
	return posix.FD(fd), nil
}

// Fstat implements [posix.Files].
func (k *Kernel) Fstat(fd posix.FD, st *posix.Stat) error {
	var raw unix.Stat_t
	if err := unix.Fstat(int(fd), &raw); err != nil {
		return err
	}
	*st = statOf(&raw)
	return nil
}

// statOf takes from the kernel's structure what posix.Stat has.
func statOf(raw *unix.Stat_t) posix.Stat {
	return posix.Stat{
		Dev:   raw.Dev,
		Ino:   raw.Ino,
		Rdev:  raw.Rdev,
		Mode:  raw.Mode,
		Nlink: uint64(raw.Nlink),
		UID:   posix.UID(raw.Uid),
		GID:   posix.GID(raw.Gid),
		Size:  raw.Size,
		Atime: posix.Timespec{Sec: raw.Atim.Sec, Nsec: raw.Atim.Nsec},
		Ctime: posix.Timespec{Sec: raw.Ctim.Sec, Nsec: raw.Ctim.Nsec},
		Mtime: posix.Timespec{Sec: raw.Mtim.Sec, Nsec: raw.Mtim.Nsec},
	}
}

// Getdents implements [posix.Files].
func (k *Kernel) Getdents(fd posix.FD, buf []byte) (int, error) {
	return count(unix.Getdents(int(fd), buf))
}

// Ftruncate implements [posix.Files].
func (k *Kernel) Ftruncate(fd posix.FD, size int64) error { return unix.Ftruncate(int(fd), size) }

// Fcntl implements [posix.Files].
func (k *Kernel) Fcntl(fd posix.FD, cmd int, arg int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), cmd, arg)
	if err != nil {
		return noFD, err // for F_DUPFD_CLOEXEC; the others have no use for a value
	}
	return n, nil
}

// Dup3 implements [posix.Files].
func (k *Kernel) Dup3(old, new posix.FD, flags int) error {
	return unix.Dup3(int(old), int(new), flags)
}

// Pipe2 implements [posix.Files].
func (k *Kernel) Pipe2(flags int) (r, w posix.FD, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], flags); err != nil {
		return noFD, noFD, err
	}
	return posix.FD(p[0]), posix.FD(p[1]), nil
}

// Tee implements [posix.Files].
func (k *Kernel) Tee(in, out posix.FD, size int, flags int) (int, error) {
	n, err := unix.Tee(int(in), int(out), size, flags)
	return count(int(n), err)
}

// Pwrite implements [posix.Files].
func (k *Kernel) Pwrite(fd posix.FD, p []byte, off int64) (int, error) {
	return count(unix.Pwrite(int(fd), p, off))
}

// Lseek implements [posix.Files].
func (k *Kernel) Lseek(fd posix.FD, off int64, whence int) (int64, error) {
	n, err := unix.Seek(int(fd), off, whence)
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Fsync implements [posix.Files].
func (k *Kernel) Fsync(fd posix.FD) error { return unix.Fsync(int(fd)) }

// Flock implements [posix.Files].
func (k *Kernel) Flock(fd posix.FD, how int) error { return unix.Flock(int(fd), how) }

// Fstatfs implements [posix.Files].
func (k *Kernel) Fstatfs(fd posix.FD, st *posix.Statfs) error {
	var raw unix.Statfs_t
	if err := unix.Fstatfs(int(fd), &raw); err != nil {
		return err
	}
	*st = posix.Statfs{
		Type:    uint64(raw.Type),
		Bsize:   int64(raw.Bsize),
		Blocks:  raw.Blocks,
		Bfree:   raw.Bfree,
		Bavail:  raw.Bavail,
		Files:   raw.Files,
		Ffree:   raw.Ffree,
		Namelen: int64(raw.Namelen),
		Flags:   int64(raw.Flags),
	}
	return nil
}

// Umask implements [posix.Files].
func (k *Kernel) Umask(mask uint32) (uint32, error) {
	old := unix.Umask(int(mask))
	if old < 0 { // only a filter's answer is: unix.Umask takes no errors into account
		return 0, posix.Errno(-old)
	}
	return uint32(old), nil
}
