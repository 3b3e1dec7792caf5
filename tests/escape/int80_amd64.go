package main

// interrupt makes a system call through the 32-bit interface.
func interrupt(number, a, b, c int32) int32

const has32Bit = true
