package demo

import "golang.org/x/sys/unix"

// ground is what attempts are made on.
type ground struct {
	scratch  string // a directory that the process may write in
	program  string // its own program
	listener int    // the inherited socket
}

// attempts returns the table, in the order of the page.
func attempts(g ground) []attempt {
	var all []attempt
	for _, part := range [][]attempt{g.files(), privileges(), g.network(), processes(), g.programs(), kernelDoors(), byArguments()} {
		all = append(all, part...)
	}
	return all
}

// try makes all attempts. hasFilter tells whether the process has a seccomp filter at all.
func try(list []attempt, hasFilter bool) []Attempt {
	out := make([]Attempt, len(list))
	for i, a := range list {
		out[i] = a.run(func(got answer) bool { return hasFilter && filtered(got) })
	}
	return out
}

// byArguments are the things that a policy refuses to a Go program by conditions on arguments only: the calls themselves it needs.
func byArguments() []attempt {
	return []attempt{
		{
			name: "start a child in a user namespace of its own",
			gain: "all capabilities in there, and with them more of the kernel to attack",
			try: func() answer {
				// CLONE_FS contradicts CLONE_NEWUSER, so no child comes of it: clone(2).
				_, _, e := unix.Syscall6(unix.SYS_CLONE, unix.CLONE_NEWUSER|unix.CLONE_FS, 0, 0, 0, 0, 0)
				return answer{call: "clone(CLONE_NEWUSER|CLONE_FS)", nr: unix.SYS_CLONE, errno: e, reached: []unix.Errno{unix.EINVAL},
					layers: map[unix.Errno]Layer{unix.EPERM: LayerCapability}}
			},
		},
		{
			name: "get memory that is writable and executable",
			gain: "machine code from a request, run in this process",
			try: func() answer {
				const size = 4096
				at, _, e := unix.Syscall6(unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC,
					unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, none, 0)
				if e == 0 {
					_, _, _ = unix.Syscall(unix.SYS_MUNMAP, at, size, 0)
				}
				return answer{call: "mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)", nr: unix.SYS_MMAP, errno: e,
					layers: map[unix.Errno]Layer{unix.EACCES: LayerHost}}
			},
		},
	}
}
