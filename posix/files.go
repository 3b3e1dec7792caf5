package posix

// OpenHow says how [Files.Openat2] opens a file. Source: openat2(2), struct open_how.
type OpenHow struct {
	Flags   uint64 // O_… ; O_CLOEXEC is not implied
	Mode    uint64 // permission bits, only with O_CREAT or O_TMPFILE
	Resolve uint64 // RESOLVE_…
}

// Stat is what is known of a file. Source: stat(2).
type Stat struct {
	Dev, Ino, Rdev uint64
	Mode           uint32 // type and permission bits, S_IF… and S_I…
	Nlink          uint64
	UID            UID
	GID            GID
	Size           int64
	Atime          Timespec // not kept up to date on a mount with noatime, and once a day with relatime
	Ctime, Mtime   Timespec
}

// Rename holds the arguments of [Files.Renameat2].
type Rename struct {
	OldDir  FD
	OldPath string
	NewDir  FD
	NewPath string
	Flags   uint32 // RENAME_NOREPLACE, RENAME_EXCHANGE
}

// Chown holds the arguments of [Files.Fchownat].
type Chown struct {
	Dir   FD
	Path  string
	UID   UID // ^UID(0) leaves it
	GID   GID // ^GID(0) leaves it
	Flags int // AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
}

// Link holds the arguments of [Files.Linkat].
type Link struct {
	OldDir  FD
	OldPath string
	NewDir  FD
	NewPath string
	Flags   int // AT_EMPTY_PATH, AT_SYMLINK_FOLLOW
}

// Utimes holds the arguments of [Files.Utimensat]. Nsec may be UTIME_NOW or UTIME_OMIT.
type Utimes struct {
	Dir   FD
	Path  string
	Atime Timespec
	Mtime Timespec
	Flags int // AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
}

// Statfs is what is known of a file system. Source: statfs(2).
type Statfs struct {
	Type          uint64 // the magic number, TMPFS_MAGIC …
	Bsize         int64  // bytes in a block
	Blocks        uint64 // in all
	Bfree, Bavail uint64 // free, and free for users who are not root
	Files, Ffree  uint64 // inodes in all, and free; 0 and 0 where the number has no limit
	Namelen       int64  // bytes in a name
	Flags         int64  // ST_RDONLY, ST_NOSUID …
}

// Files opens, reads and changes files and directories.
type Files interface {
	// Openat2 opens path relative to dir. The caller owns the descriptor.
	// It blocks on slow file systems and on FIFOs without O_NONBLOCK.
	// Errors: EACCES, ELOOP, EMFILE, ENFILE, ENOENT, ENOTDIR, EXDEV (RESOLVE_BENEATH), EAGAIN (a race during
	// resolution; try again), E2BIG. Source: openat2(2).
	//posix:calls openat2
	//posix:retry retry nothing was opened; with O_EXCL it is not repeated, since a file made before the signal would be in the way
	Openat2(dir FD, path string, how OpenHow) (FD, error)

	// Close gives fd back. The descriptor is gone whatever is returned, so a failed Close is never repeated.
	// Errors: EBADF, EINTR, EIO, ENOSPC, EDQUOT. Source: close(2).
	//posix:calls close
	//posix:retry never the descriptor is gone whatever is answered, and its number may be another file by now
	Close(fd FD) error

	// Read reads at most len(p) bytes. 0 with a nil error is the end of the file when len(p) > 0.
	// It blocks unless the descriptor has O_NONBLOCK; then EAGAIN is returned as the error it is.
	// Errors: EAGAIN, EBADF, EINTR, EIO, EISDIR. Source: read(2).
	//posix:calls read
	//posix:retry retry EINTR is answered only before the first byte; after it, the number of bytes is
	//posix:fills p
	Read(fd FD, p []byte) (int, error)

	// Write writes at most len(p) bytes and returns how many were taken.
	// Errors: EAGAIN, EBADF, EFBIG, EINTR, EIO, ENOSPC, EPIPE (with SIGPIPE). Source: write(2).
	//posix:calls write
	//posix:retry retry EINTR is answered only before the first byte; after it, the number of bytes is
	//posix:reads p
	Write(fd FD, p []byte) (int, error)

	// Pread reads at off without moving the file's offset.
	// Errors: as Read, and ESPIPE. Source: pread(2).
	//posix:calls pread64
	//posix:retry retry EINTR is answered only before the first byte, and no offset moves
	//posix:fills p
	Pread(fd FD, p []byte, off int64) (int, error)

	// Fstat fills st with what is known of fd, an O_PATH descriptor included.
	// Errors: EBADF, EOVERFLOW. Source: fstat(2).
	//posix:calls fstat
	//posix:retry retry it only reads
	//posix:fills st
	Fstat(fd FD, st *Stat) error

	// Fstatat fills st with what is known of path, relative to dir. flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_STATX_DONT_SYNC (do not wait for
	// a server).
	// Errors: EACCES, ELOOP, ENOENT, ENOTDIR. Source: fstatat(2).
	//posix:calls newfstatat
	//posix:retry retry it only reads
	//posix:fills st
	Fstatat(dir FD, path string, st *Stat, flags int) error

	// Readlinkat puts the target of a symbolic link into buf and returns its length; a result equal to
	// len(buf) may have been cut short. An empty path reads the link that dir (O_PATH|O_NOFOLLOW) stands for.
	// Errors: EACCES, EINVAL (not a link), ENOENT. Source: readlinkat(2).
	//posix:calls readlinkat
	//posix:retry retry it only reads
	//posix:fills buf
	Readlinkat(dir FD, path string, buf []byte) (int, error)

	// Mkdirat makes a directory with mode less the process's umask.
	// Errors: EACCES, EEXIST, ENOENT, ENOSPC, EROFS. Source: mkdirat(2).
	//posix:calls mkdirat
	//posix:retry caller a network file system may have made the directory; again, the answer would be EEXIST
	Mkdirat(dir FD, path string, mode uint32) error

	// Symlinkat makes a symbolic link at path that points to target.
	// Errors: EACCES, EEXIST, ENOENT, ENOSPC, EROFS. Source: symlinkat(2).
	//posix:calls symlinkat
	//posix:retry caller a network file system may have made the link; again, the answer would be EEXIST
	Symlinkat(target string, dir FD, path string) error

	// Unlinkat removes a name. flags: AT_REMOVEDIR for a directory.
	// Errors: EACCES, EBUSY, ENOENT, ENOTEMPTY, EPERM, EROFS. Source: unlinkat(2).
	//posix:calls unlinkat
	//posix:retry caller a network file system may have removed the name; again, it would be ENOENT, or the name of something newer
	Unlinkat(dir FD, path string, flags int) error

	// Renameat2 moves a name, replacing what is there unless RENAME_NOREPLACE is given.
	// Errors: EACCES, EEXIST, ENOENT, EXDEV. Source: renameat2(2).
	//posix:calls renameat2
	//posix:retry caller a network file system may have moved it; again, RENAME_EXCHANGE would swap back
	Renameat2(r Rename) error

	// Fchmodat sets the permission bits of path, following symbolic links.
	// Errors: EACCES, ENOENT, EPERM, EROFS. Source: fchmodat(2).
	//posix:calls fchmodat
	//posix:retry retry the same mode set again is the same
	Fchmodat(dir FD, path string, mode uint32) error

	// Fchownat sets the owner of a file. Errors: EACCES, ENOENT, EPERM, EROFS, EINVAL (an id that is not mapped).
	// Source: fchownat(2).
	//posix:calls fchownat
	//posix:retry retry the same owner set again is the same
	Fchownat(c Chown) error

	// Getdents reads directory entries in the kernel's layout (struct linux_dirent64, [Dirents]) into buf; 0 is the end.
	// Errors: EBADF, EINVAL (buf too small), ENOTDIR. Source: getdents64(2).
	//posix:calls getdents64
	//posix:retry retry EINTR is answered only before the first entry; after it, the number of bytes is
	//posix:fills buf
	Getdents(fd FD, buf []byte) (int, error)

	// Ftruncate sets the size of a file. Errors: EBADF, EFBIG, EINVAL, EPERM (sealed). Source: ftruncate(2).
	//posix:calls ftruncate
	//posix:retry retry the same size set again is the same
	Ftruncate(fd FD, size int64) error

	// Fcntl carries out cmd, one of those with an integer argument: F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL,
	// F_SETFL, F_ADD_SEALS, F_GET_SEALS, F_SETPIPE_SZ. The descriptor that F_DUPFD_CLOEXEC returns is the caller's.
	// Errors: EBADF, EINVAL, EMFILE, EPERM. Source: fcntl(2).
	//posix:calls fcntl
	//posix:retry retry the commands that it takes do not block and fail as a whole
	Fcntl(fd FD, cmd int, arg int) (int, error)

	// Dup3 makes new a copy of old, closing what new was, without reporting an error of that close.
	// flags: O_CLOEXEC. Errors: EBADF, EBUSY, EINVAL (old == new). Source: dup3(2).
	//posix:calls dup3
	//posix:retry retry new belongs to the caller, and the same copy made again is the same
	Dup3(old, new FD, flags int) error

	// Pipe2 makes a pipe; the caller owns both ends. flags: O_CLOEXEC, O_NONBLOCK, O_DIRECT.
	// Errors: EMFILE, ENFILE. Source: pipe2(2).
	//posix:calls pipe2
	//posix:retry retry nothing was made
	Pipe2(flags int) (r, w FD, err error)

	// Tee copies what waits in the pipe in, at most size bytes, to the pipe out, where in keeps it; nothing passes through the
	// caller's memory. 0 with a nil error: in is empty and nobody writes to it any more. It blocks unless flags has SPLICE_F_NONBLOCK, or
	// the pipe that it would wait for has O_NONBLOCK. Less than what waits is copied when out is full, or at the kernel's whim.
	// Errors: EAGAIN (in is empty, or out full), EBADF, EINTR, EINVAL (not two different pipes), EPIPE (with SIGPIPE).
	// Source: tee(2).
	//posix:calls tee
	//posix:retry retry EINTR is answered only before the first byte; after it, the number of bytes is
	Tee(in, out FD, size int, flags int) (int, error)

	// Pwrite writes at off without moving the file's offset; with O_APPEND it appends all the same.
	// Errors: as Write, and EINVAL (a negative offset), ESPIPE. Source: pwrite(2).
	//posix:calls pwrite64
	//posix:retry retry EINTR is answered only before the first byte, and no offset moves
	//posix:reads p
	Pwrite(fd FD, p []byte, off int64) (int, error)

	// Lseek moves the offset that all copies of the descriptor share, and returns it. whence: SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA,
	// SEEK_HOLE. Errors: EBADF, EINVAL, ENXIO (no data or hole from there on), ESPIPE. Source: lseek(2).
	//posix:calls lseek
	//posix:retry retry the kernel does not answer EINTR; the same offset set again is the same, and SEEK_CUR has not moved when it failed
	Lseek(fd FD, off int64, whence int) (int64, error)

	// Linkat makes another name of a file. Errors: EACCES, EEXIST, ELOOP, EMLINK, ENOENT, EPERM (a directory, or a file that
	// fs.protected_hardlinks keeps from the caller), EXDEV. Source: linkat(2).
	//posix:calls linkat
	//posix:retry caller a network file system may have made the link; again, the answer would be EEXIST
	Linkat(l Link) error

	// Fsync returns when what was written to fd, and what is known of it, is on the disk. It blocks. An error is told once and the data
	// may be lost: a second Fsync proves nothing. Errors: EBADF, EDQUOT, EINVAL (cannot be synchronised), EIO, ENOSPC, EROFS. Source: fsync(2).
	//posix:calls fsync
	//posix:retry retry what was not written yet is written by the next one; it is an I/O error that must not be repeated, not EINTR
	Fsync(fd FD) error

	// Faccessat2 asks whether the real user, or with AT_EACCESS the effective one, may access path. mode: R_OK, W_OK, X_OK, or F_OK. The answer is
	// old when it arrives: never decide by it what to open. flags: AT_EACCESS, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
	// Errors: EACCES, EINVAL, ELOOP, ENOENT, ENOTDIR, EPERM (writing to an immutable file), EROFS. Source: faccessat(2).
	//posix:calls faccessat2
	//posix:retry retry it only reads
	Faccessat2(dir FD, path string, mode int, flags int) error

	// Flock takes or gives back an advisory lock on the open file that all copies of the descriptor share: LOCK_SH, LOCK_EX, LOCK_UN. It blocks unless
	// LOCK_NB is or'ed in. A lock is converted by giving it back first, so another may come between. Errors: EBADF, EINTR, EINVAL, ENOLCK,
	// EWOULDBLOCK (that is EAGAIN). Source: flock(2).
	//posix:calls flock
	//posix:retry retry the lock was not taken
	Flock(fd FD, how int) error

	// Utimensat sets when a file was last accessed and modified. Errors: EACCES (the current time, and may not write), EINVAL, ENOENT, EPERM
	// (another time, and not the owner), EROFS. Source: utimensat(2).
	//posix:calls utimensat
	//posix:retry retry the same times set again are the same; UTIME_NOW is the time of the last attempt
	Utimensat(u Utimes) error

	// Fstatfs fills st with what is known of the file system that fd is on. Errors: EBADF, EINTR, EIO, ENOSYS. Source: fstatfs(2).
	//posix:calls fstatfs
	//posix:retry retry it only reads
	//posix:fills st
	Fstatfs(fd FD, st *Statfs) error

	// Umask sets which permission bits files that the process makes do not get, and returns what it was; there is no way to read it without
	// setting it. The kernel never refuses; only a layer above it does. Source: umask(2).
	//posix:calls umask
	//posix:retry never it does not fail
	Umask(mask uint32) (uint32, error)
}
