package workbench

import "github.com/bulkhead/bulkhead/core/policy/suite"

// Role is the first argument that makes the program the confined process.
const Role = "role:workbench"

// Request is what shall be done.
type Request struct {
	Command string            // "disasm", "audit", …
	Options map[string]string // of the command line, by name; those that are not set are not there
	Inputs  []Input
	// Variables are what policies can name as ${NAME}, but for POLICY_DIR.
	Variables map[string]string
	Now       int64 // seconds since 1970, for what has an end date
}

// Input is a file that the command was given.
type Input struct {
	Name string // as it is shown
	Dir  string // absolute; relative paths start there
	Text []byte
}

// Result is what the command has to say.
type Result struct {
	Status int
	Out    []byte // for the standard output
	Err    []byte // for the standard error
	Files  []File // to be written
	// Rewritten are the new texts of inputs, by their number, for a command that changes them.
	Rewritten map[int][]byte
	// Live are the calls that the tests of an input want to be made, by the input's number.
	Live map[int][]suite.Live
}

// File is a file that a command makes, relative to what the person named.
type File struct {
	Name string // without a slash
	Text []byte
}

// question asks for the text of a file.
type question struct {
	Path   string
	Policy bool // the file is a policy, and as small as one
	Link   bool // what is wanted is the path without symbolic links at its end
	// Of a part of a file, which may be of any size: Length bytes from Offset on, or fewer at the end. A Length of 0 is the whole file.
	Offset int64
	Length int
}

// answer is its text, or why it cannot be had.
type answer struct {
	Text  []byte
	Dir   string // of a policy: where it lies
	Error string
	Help  string // what to do about the error
}
