package main

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mountAttacks change what is mounted, or follow what somebody else put in the way of a mount. Under powers.yaml the module has CAP_SYS_ADMIN
// and every call: what refuses there is Landlock.
func mountAttacks() []attack {
	const family = "mounts"
	return []attack{
		{name: "mount-tmpfs", family: family, source: "mount(2)", try: mountTmpfs, control: apart, policy: "powers", want: "EPERM", layer: "Landlock"},
		{name: "remount-writable", family: family, source: "mount(2), MS_REMOUNT; CVE-2014-5206", try: remountWritable, control: apart,
			policy: "powers", want: "EPERM", layer: "Landlock", fact: lockedMounts},
		{name: "mount_setattr-writable", family: family, source: "mount_setattr(2)", try: setattrWritable, control: apart,
			policy: "locked-powers", want: "EPERM", layer: "seccomp", fact: lockedMounts},
		{name: "umount-proc", family: family, source: "umount(2): what a mount hides comes to light; CVE-2014-5207", try: umountHere, control: apart,
			policy: "powers", want: "EPERM", layer: "Landlock"},
		{name: "move_mount", family: family, source: "move_mount(2)", try: moveMount, control: apart, policy: "powers", want: "EPERM", layer: "Landlock"},
		{name: "pivot_root", family: family, source: "pivot_root(2)", try: pivotRoot, control: apart, policy: "powers", want: "EPERM", layer: "Landlock"},
		{name: "propagation-shared", family: family, source: "mount_namespaces(7): a mount is propagated to the host", try: makeShared, control: apart,
			policy: "powers", want: "EPERM", layer: "Landlock"},
		{name: "mount-locked", family: family, source: "mount(2)", try: mountTmpfs, control: apart, policy: "examples/locked", want: "EPERM", layer: "seccomp"},
		{name: "fsopen-locked", family: family, source: "CVE-2022-0185: fsconfig(2)", try: fsopen, control: apart, policy: "examples/locked", want: "EPERM",
			layer: "seccomp", opens: "powers"},
		{name: "chroot-dotdot", family: family, source: "chroot(2), NOTES: chroot, and .. from a directory outside of it", try: chrootEscape, control: apart,
			policy: "powers", want: "ENOENT", layer: "pivot_root"},
		{name: "chroot-locked", family: family, source: "chroot(2)", try: chrootEscape, control: apart, policy: "open", want: "EPERM", layer: "capabilities"},
		{name: "symlinked-target", family: family, source: "CVE-2025-31133, CVE-2021-30465: a link where the runtime mounts", try: symlinkedTarget,
			hook: plantLink, policy: "target", want: "refused", layer: "supervisor: links in targets"},
	}
}

// mountTmpfs mounts at /tmp, and takes it away again.
func mountTmpfs(given) (string, error) {
	if err := unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "size=4k"); err != nil {
		return "mount", err
	}
	return "umount", unix.Unmount("/tmp", 0)
}

// remountWritable makes the mount of a read-only directory writable. Outside it makes that mount first.
func remountWritable(g given) (string, error) {
	if err := readOnlyMount(g["read"]); err != nil {
		return "mount", err
	}
	if err := unix.Mount("", g["read"], "", unix.MS_REMOUNT|unix.MS_BIND, ""); err != nil {
		return "remount", err
	}
	return "open", openAndClose(g["read"]+"/file", unix.O_WRONLY)
}

// readOnlyMount mounts a directory over itself, unless it is one that cannot be written already.
func readOnlyMount(path string) error {
	if err := openAndClose(path+"/file", unix.O_WRONLY); err == unix.EROFS || err == unix.EACCES {
		return nil
	}
	if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
}

func setattrWritable(g given) (string, error) {
	if err := readOnlyMount(g["read"]); err != nil {
		return "mount", err
	}
	err := unix.MountSetattr(unix.AT_FDCWD, g["read"], 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
	return "mount_setattr", err
}

// lockedMounts says why a mount cannot be made writable.
func lockedMounts() string {
	if isRoot() {
		return ""
	}
	return "in a user namespace that does not own the file system it is a locked mount, mount_namespaces(7)"
}

// umountHere unmounts what is at /proc. Outside that is a mount made for it.
func umountHere(g given) (string, error) {
	if !g.inside() {
		if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, "size=4k"); err != nil {
			return "mount", err
		}
	}
	return "umount", unix.Unmount("/proc", unix.MNT_DETACH)
}

// moveMount attaches a detached copy of a mount.
func moveMount(g given) (string, error) {
	fd, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "fsopen", err
	}
	defer unix.Close(fd)
	if err := unix.FsconfigCreate(fd); err != nil {
		return "fsconfig", err
	}
	m, err := unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return "fsmount", err
	}
	defer unix.Close(m)
	return "move_mount", unix.MoveMount(m, "", unix.AT_FDCWD, "/tmp", unix.MOVE_MOUNT_F_EMPTY_PATH)
}

func pivotRoot(g given) (string, error) {
	// Outside the new root must be a mount; inside /tmp is one.
	if !g.inside() {
		if err := unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "size=4k"); err != nil {
			return "mount", err
		}
	}
	if err := unix.Chdir("/tmp"); err != nil {
		return "chdir", err
	}
	return "pivot_root", unix.PivotRoot(".", ".")
}

func makeShared(given) (string, error) {
	return "mount", unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, "")
}

func fsopen(given) (string, error) {
	fd, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err == nil {
		err = unix.Close(fd)
	}
	return "fsopen", err
}

// chrootEscape changes the root to a directory below the working directory, which is then outside of it, and climbs.
func chrootEscape(g given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_CHDIR, s.text("/tmp"))
	s.add(unix.SYS_CHROOT, s.text(g["write"]))
	s.add(unix.SYS_CHDIR, s.text(strings.Repeat("../", 16)))
	s.add(unix.SYS_CHROOT, s.text("."))
	cwd := int32(unix.AT_FDCWD)
	s.add(unix.SYS_OPENAT, uintptr(cwd), s.text(g["secret"]), unix.O_RDONLY)
	at, err := s.run(0)
	return []string{"chdir", "chroot", "chdir up", "chroot again", "open", ""}[max(at, 0)], err
}

// plantLink makes a link to what is hidden where the policy's file system has a directory.
func plantLink(s *stage, t *attempt) (judge, error) {
	link := s.path("write", "target")
	if err := os.Symlink("../hidden", link); err != nil {
		return nil, err
	}
	t.props["target"] = link
	return func(o outcome) outcome {
		_ = os.Remove(link)
		if o.answer == "exit-125" || o.answer == "exit-2" {
			o.answer = "refused"
		}
		return o
	}, nil
}

func symlinkedTarget(g given) (string, error) {
	return "", openAndClose(g["target"]+"/secret", unix.O_RDONLY)
}
