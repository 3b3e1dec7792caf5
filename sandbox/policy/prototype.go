package policy

// Prototype is what the kernel declares a system call to take.
type Prototype struct {
	Params []Param // at most six
}

// Param is a parameter of a system call. The kernel casts the register to its type, so a comparison has that type's width.
type Param struct {
	Name    string // as the kernel's prototype has it, such as "family"
	Type    string // in C, such as "unsigned int"
	Width   int    // 32 or 64 bits
	Signed  bool
	Pointer bool // a filter cannot read what it points to
}
