// Package explain says what a policy means for one system call: what the filter answers and which rule makes it so, through which group
// or profile, and which other layers decide about the call when the filter lets it through.
//
//	e, err := explain.Call(module, "openat", seccomp.Catalog())
//	e.Text(w)
//
// # Limits
//
// The layers are told by the call's name: `openat` says that the file system list decides, not which entry. Whether a call succeeds in
// the end is the kernel's to say.
package explain
