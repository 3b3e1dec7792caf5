// Command web answers HTTP requests through net/http, which knows nothing of posix.Core. It listens where its argument says and prints the
// address that it got.
//
//posixvet:exempt a part of tests: what libraries do by themselves is what it is for
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

func main() {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		os.Exit(0)
	}()
	err = http.Serve(l, answer(linux.New()))
	fmt.Fprintln(os.Stderr, "web:", err)
	os.Exit(1)
}

// answer says how many files lie in the working directory, who asks, and what time it is.
func answer(k posix.Processes) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files, err := os.ReadDir(".")
		host, _ := os.Hostname()
		fmt.Fprintln(w, k.Getpid(), len(files), err, host, time.Now(), r.RemoteAddr)
		if _, err := os.ReadFile("/etc/hostname"); err != nil {
			fmt.Fprintln(w, err)
		}
	})
}
