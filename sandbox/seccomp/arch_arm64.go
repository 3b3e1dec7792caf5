package seccomp

const native = AArch64
