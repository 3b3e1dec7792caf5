// Package exempt is left out.
//
//posixvet:exempt a generator
package exempt

import "os"

func read() { _, _ = os.ReadFile("x") }
