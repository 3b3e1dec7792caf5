package systemd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// files writes the file-system list: an empty root, and what is bound into it. Source: systemd.exec(5), "Sandboxing" and "Paths".
func (w *writer) files(m *policy.Module) {
	w.set("TemporaryFileSystem", "/:ro")
	w.set("NoExecPaths", "/")
	for _, f := range m.Filesystem {
		switch f.Kind {
		case policy.MountBind:
			w.bind(f)
		case policy.MountTmpfs:
			w.tmpfs(f)
		case policy.MountProc:
			w.proc(m, f)
		case policy.MountDev:
			w.dev(m, f)
		case policy.MountCgroup:
			w.note(f.Pos, "the control group directories at %s are not carried: systemd 252 cannot show a unit its own alone", f.Path)
		default:
			w.note(f.Pos, "the control socket at %s is not carried: systemd has nothing like it", f.Path)
		}
	}
	w.implied(m)
}

func (w *writer) bind(f policy.Mount) {
	key, optional := "BindReadOnlyPaths", ""
	if f.Access&policy.AccessWrite != 0 {
		key = "BindPaths"
	}
	if f.Optional {
		optional = "-"
	}
	if f.NoSymFollow {
		w.note(f.Pos, "nosymfollow at %s is not carried: systemd has no such option of a bind mount", f.Path)
	}
	shown := pathWord(f.Path)
	if f.Source != "" {
		shown = pathWord(f.Source) + ":" + shown
	}
	w.set(key, "%s%s", optional, shown)
	if f.Access&policy.AccessExecute != 0 {
		w.set("ExecPaths", "%s%s", optional, pathWord(f.Path))
	}
}

func (w *writer) tmpfs(f policy.Mount) {
	options := fmt.Sprintf("mode=%04o", f.Mode)
	if f.Size > 0 {
		options += fmt.Sprintf(",size=%d", f.Size)
	}
	if f.Access&policy.AccessWrite == 0 {
		options += ",ro"
	}
	w.set("TemporaryFileSystem", "%s:%s", pathWord(f.Path), options)
	if f.Access&policy.AccessExecute != 0 {
		w.set("ExecPaths", "%s", pathWord(f.Path))
	}
}

func (w *writer) dev(m *policy.Module, f policy.Mount) {
	w.tmpfs(policy.Mount{Path: f.Path, Mode: 0o755, Access: policy.AccessRead, Pos: f.Pos})
	for _, part := range m.MinimalDev(f) {
		if part.Kind == policy.MountTmpfs {
			w.tmpfs(part)
		} else {
			w.bind(part)
		}
	}
	w.note(f.Pos, "the links of dev: minimal at %s (fd, stdin, stdout, stderr) are not carried: systemd makes none in a temporary file system", f.Path)
}

func (w *writer) proc(m *policy.Module, f policy.Mount) {
	if f.Path != "/proc" {
		w.note(f.Pos, "the proc at %s is not carried: systemd has one at /proc only", f.Path)
		return
	}
	w.set("ProtectProc", "%s", cmp.Or(f.Hide, "invisible"))
	if f.Subset == "pid" {
		w.set("ProcSubset", "pid")
	}
	w.procPaths("InaccessiblePaths", f.Path, f.MaskedPaths())
	w.procPaths("ReadOnlyPaths", f.Path, f.ReadOnlyPaths())
	if slices.ContainsFunc(m.Namespaces, func(n policy.Value[policy.Namespace]) bool { return n.V == unix.CLONE_NEWPID }) {
		w.note(f.Pos, "the proc shows the host's numbers, of the user's own processes: systemd 252 has no directive for a pid namespace")
	}
}

// procPaths writes paths below a proc, those that a kernel may not have.
func (w *writer) procPaths(key, mount string, paths []policy.Value[string]) {
	var words []string
	for _, p := range paths {
		words = append(words, "-"+pathWord(mount+"/"+p.V))
	}
	if len(words) > 0 {
		w.set(key, "%s", strings.Join(words, " "))
	}
}

// implied writes directives that say what follows from the list. The program sees the same without them; auditors, `systemd-analyze security`
// among them, see it at a glance.
func (w *writer) implied(m *policy.Module) {
	listed := func(writable bool, dirs ...string) bool {
		return slices.ContainsFunc(m.Filesystem, func(f policy.Mount) bool {
			return (!writable || f.Access&policy.AccessWrite != 0) && slices.ContainsFunc(dirs, func(d string) bool {
				return within(f.Path, d) || within(d,
					f.Path)
			})
		})
	}
	if !listed(false, "/home", "/root", "/run/user") {
		w.set("ProtectHome", "yes")
	}
	if !listed(true, "/sys/fs/cgroup") {
		w.set("ProtectControlGroups", "yes")
	}
	if !listed(true, "/proc", "/sys") {
		w.set("ProtectKernelTunables", "yes")
	}
	if closedDevices(m) {
		w.set("DevicePolicy", "closed")
	}
}

// within tells whether a path is a directory or below it.
func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// closedDevices tells whether a module has no device but those that DevicePolicy=closed leaves: systemd.resource-control(5).
func closedDevices(m *policy.Module) bool {
	return !slices.ContainsFunc(m.Filesystem, func(f policy.Mount) bool {
		switch f.Path {
		case "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom":
			return false
		}
		return f.Kind == policy.MountBind && within(f.Path, "/dev")
	})
}
