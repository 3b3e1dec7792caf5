// Package clean is left out for nothing.
//
/* want `the package is left out, but has nothing that would be reported` */ //posixvet:exempt once there was something
package clean

import "strings"

func cut() { _, _, _ = strings.Cut("", "") }
