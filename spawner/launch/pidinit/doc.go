// Package pidinit holds the init of a module's pid namespace: a freestanding program of a few hundred bytes.
//
// The binary is made from init_amd64.S by the GNU assembler and linker and is committed; `go generate` makes the same bytes again.
package pidinit
