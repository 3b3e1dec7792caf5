package victim

// interrupt makes a system call without arguments through the 32-bit interface.
func interrupt(number int32) int32

// int80 makes a 32-bit system call; ok tells whether this architecture has them.
func int80(number int32) (result int32, ok bool) { return interrupt(number), true }
