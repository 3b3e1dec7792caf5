package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// deviceAttacks make or use device nodes.
func deviceAttacks() []attack {
	const family = "devices"
	return []attack{
		{name: "mknod-null", family: family, source: "mknod(2); capabilities(7), CAP_MKNOD", try: mknodNull,
			policy: "powers", want: "EACCES", user: "EACCES", layer: "Landlock", fact: unprivileged("CAP_MKNOD")},
		{name: "mknod-whiteout", family: family, source: "mknod(2): 0:0 takes no capability since Linux 5.8", try: mknodWhiteout, control: asModule,
			policy: "open", want: "EACCES", layer: "Landlock"},
		{name: "mknod-locked", family: family, source: "mknod(2)", try: mknodNull, policy: "examples/noexec", want: "EPERM", layer: "seccomp",
			fact: unprivileged("CAP_MKNOD")},
		{name: "device-in-directory", family: family, source: "mount(2), MS_NODEV: a node in a directory that is bound", try: openNode, control: asModule,
			hook: plantNode, policy: "open", want: "EACCES", layer: "mounts: nodev", rootOnly: "only root can make the node: mknod(2), CAP_MKNOD"},
		{name: "fifo-to-host", family: family, source: "mknod(2): a pipe with a name, in a directory of the host", try: makeFifo, control: asModule,
			policy: "nginx", want: "EPERM", layer: "seccomp"},
		{name: "dev-kmsg", family: family, source: "kmsg: writing to the log of the kernel", try: openKmsg, policy: "powers", want: "ENOENT", layer: "mounts",
			fact: unprivileged("write access to /dev/kmsg")},
		{name: "dev-mem", family: family, source: "mem(4)", try: openMem, policy: "powers", want: "ENOENT", layer: "mounts", fact: config("CONFIG_DEVMEM")},
		{name: "dev-fuse", family: family, source: "fuse(4): a file system that never answers", try: openFuse, policy: "powers", want: "ENOENT", layer: "mounts",
			fact: unprivileged("access to /dev/fuse")},
	}
}

const null = 1<<8 | 3 // makedev(1, 3), /dev/null

func makeNode(path string, mode uint32, dev int) (string, error) {
	if err := unix.Mknod(path, mode, dev); err != nil {
		return "mknod", err
	}
	return "unlink", unix.Unlink(path)
}

func mknodNull(g given) (string, error) {
	return makeNode(g.tmp("node"), unix.S_IFCHR|0o666, null)
}

func mknodWhiteout(g given) (string, error) {
	return makeNode(g["write"]+"/whiteout", unix.S_IFCHR|0o600, 0)
}

func makeFifo(g given) (string, error) { return makeNode(g.tmp("fifo"), unix.S_IFIFO|0o600, 0) }

// tmp is a name in /tmp, which modules have of their own, or in the directory that is there for that.
func (g given) tmp(name string) string {
	if g.inside() {
		return "/tmp/" + name
	}
	return g["write"] + "/" + name
}

// plantNode makes a harmless device where a module looks.
func plantNode(s *stage, t *attempt) (judge, error) {
	node := s.path("write", "node")
	if err := unix.Mknod(node, unix.S_IFCHR|0o666, null); err != nil {
		return nil, err
	}
	if err := os.Chmod(node, 0o666); err != nil {
		return nil, err
	}
	t.props["node"] = node
	return func(o outcome) outcome { _ = os.Remove(node); return o }, nil
}

func openNode(g given) (string, error) { return "", openAndClose(g["node"], unix.O_RDONLY) }
func openKmsg(given) (string, error)   { return "", openAndClose("/dev/kmsg", unix.O_WRONLY) }
func openMem(given) (string, error)    { return "", openAndClose("/dev/mem", unix.O_RDONLY) }
func openFuse(given) (string, error)   { return "", openAndClose("/dev/fuse", unix.O_RDWR) }
