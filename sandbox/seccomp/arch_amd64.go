package seccomp

const native = X8664
