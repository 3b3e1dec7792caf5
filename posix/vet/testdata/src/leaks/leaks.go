// Package leaks lists what it uses, and more.
//
//posixvet:leak os/signal.*: all of a package
package leaks

import (
	"net/http"
	"os"
	"os/signal"
)

/* want `os.Rename is listed as a leak, but is not used here any more` */ //posixvet:leak os.Rename: gone since

/* want `a leak without a reason` */ //posixvet:leak os.Remove

/* want `os.Getenv is listed as a leak, but is nothing that posixvet reports` */ //posixvet:leak os.Getenv: harmless

/* want `unknown directive "//posixvet:leek"` */ //posixvet:leek os.Remove: a word that is none

/* want `belongs into the package comment` */ //posixvet:exempt half of it

/* want `net/http.Server.Close is listed as a leak, but is not used` */ //posixvet:leak net/http.Server.Serve, net/http.Server.Close: one of two

func everywhere(s *http.Server, c chan os.Signal) {
	signal.Notify(c)
	signal.Stop(c)
	_ = s.Serve(nil)
}

// inside may do it.
//
//posixvet:leak os.Getpid: in this function
func inside() int { return os.Getpid() }

func outside() int { return os.Getpid() } // want `os.Getpid makes`

func within() {
	//posixvet:leak os.Getppid: on the next line
	_ = os.Getppid()
	_ = os.Chdir("/") // want `os.Chdir makes`
}
