package vet_test

import (
	"os"
	"testing/fstest"

	"github.com/bulkhead/bulkhead/posix/vet"
)

// The list of exceptions of a module, as `posixvet leaks` prints it.
func ExampleLeaks() {
	module := fstest.MapFS{"serve/serve.go": &fstest.MapFile{Data: []byte(`package serve

//posixvet:leak net/http.Server.Serve: serves a listener that the supervisor opened
`)}}
	list, err := vet.Leaks(module)
	if err == nil {
		err = vet.WriteLeaks(os.Stdout, list)
	}
	if err != nil {
		panic(err)
	}
	// Output:
	// WHERE             USES                   REASON
	// serve/serve.go:3  net/http.Server.Serve  serves a listener that the supervisor opened
}
