package demo

// Layer is the part of the confinement that refused an attempt.
type Layer string

// The layers, in the words of the page.
const (
	LayerSeccomp     Layer = "seccomp filter"
	LayerLandlock    Layer = "Landlock"
	LayerMounts      Layer = "mount namespace"
	LayerReadOnly    Layer = "read-only mount"
	LayerPermissions Layer = "file permissions"
	LayerCapability  Layer = "capabilities"
	LayerPids        Layer = "pid namespace"
	LayerNetwork     Layer = "network namespace"
	LayerPtrace      Layer = "ptrace access check"
	LayerUser        Layer = "another user"
	LayerSize        Layer = "size of the tmpfs"
	LayerHost        Layer = "the host's kernel" // lacks what was asked for, whoever asks
)
