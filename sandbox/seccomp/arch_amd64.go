package seccomp

import "golang.org/x/sys/unix"

const (
	native     = X8664
	nativeArch = unix.AUDIT_ARCH_X86_64
	nativeName = "x86_64"

	// noCall is the number that a tracer sets so that a call is not made (ptrace(2)). It has the bit, and is none of x32.
	noCall = 0xffffffff
)

// otherABI tells whether a number belongs to another binary interface that has the native architecture's value.
func otherABI(nr uint32) bool { return nr >= x32Bit && nr != noCall }

// abiCuts are the numbers from which otherABI gives another answer than for the one below.
var abiCuts = [...]uint32{x32Bit, noCall}
