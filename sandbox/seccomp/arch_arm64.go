package seccomp

import "golang.org/x/sys/unix"

const (
	native     = AArch64
	nativeArch = unix.AUDIT_ARCH_AARCH64
	nativeName = "aarch64"
)

// otherABI tells whether a number belongs to another binary interface that has the native architecture's value.
// Arm has none: 32-bit programs have an architecture of their own.
func otherABI(uint32) bool { return false }

// abiCuts are the numbers from which otherABI gives another answer than for the one below.
var abiCuts = [...]uint32{}
