package stage

import _ "embed"

//go:generate sh generate.sh

// helper is an ELF executable for the native architecture.
//
//go:embed zz_generated_userns_amd64
var helper []byte
