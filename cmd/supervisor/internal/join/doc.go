// Command join prepares the program that runs `supervisor exec` for being linked into the file of the supervisor:
//
//	join -to DIR PROGRAM
//
// PROGRAM is a static executable that was linked to addresses of its own (go build -ldflags '-T …'). What the kernel would map of it becomes sections of
// an object file, and a linker script puts them where they have to be. Both go to a directory below DIR that is named after their content, because
// the go command does not look into what its linker is given; and what the linker is to be told is printed. They are in the single
// quotation marks that the go command understands. The C compiler that assembles is $CC, with arguments if it has any, or gcc.
//
// Which of the two programs runs is decided where the file begins to run, in package early (entry.c): see docs/decisions/0018.
//
//posixvet:exempt a part of the build
package main
