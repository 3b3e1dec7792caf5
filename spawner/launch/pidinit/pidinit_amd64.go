package pidinit

import _ "embed"

//go:generate sh generate.sh

// Executable is an ELF executable for the native architecture.
//
//go:embed zz_generated_init_amd64
var Executable []byte
