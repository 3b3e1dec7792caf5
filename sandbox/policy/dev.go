package policy

import (
	"path"
	"slices"
)

// minimalShm is the size of the shared memory that dev: minimal brings: enough for semaphores and small segments, shm_overview(7).
const minimalShm = 16 << 20

// minimalDevices are the devices that a program may rely on and that give it nothing of the host: no storage, no hardware, no terminal of
// somebody else (tty is the controlling one of who opens it, tty(4)).
var minimalDevices = [...]string{"full", "null", "random", "tty", "urandom", "zero"}

// DevLink is a symbolic link.
type DevLink struct{ Name, Target string }

// MinimalLinks returns the links that a directory of dev: minimal has. They lead nowhere when the module has no proc at /proc.
func MinimalLinks() []DevLink {
	return []DevLink{{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}}
}

// MinimalDev returns what stands in the directory of an entry with dev: minimal, as entries of their own: the host's full, null, random, tty,
// urandom and zero for reading and writing, and an empty shm. What the module lists there itself is left out, and has the access that
// the module says. There is no pts: a module that shall open terminals lists it.
func (m *Module) MinimalDev(dev Mount) []Mount {
	var parts []Mount
	add := func(name string, part Mount) {
		part.Path, part.Access, part.Pos = path.Join(dev.Path, name), AccessRead|AccessWrite, dev.Pos
		if part.Source == part.Path {
			part.Source = ""
		}
		if !slices.ContainsFunc(m.Filesystem, func(f Mount) bool { return f.Path == part.Path }) {
			parts = append(parts, part)
		}
	}
	for _, name := range minimalDevices {
		add(name, Mount{Kind: MountBind, Source: path.Join("/dev", name)})
	}
	add("shm", Mount{Kind: MountTmpfs, Size: minimalShm, Mode: defaultTmpfsMode})
	return parts
}
