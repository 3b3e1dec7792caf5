package host_test

import (
	"log"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// What this host can enforce, as a table of 100 columns.
func Example() {
	facts, err := host.ProbeAll(linux.New())
	if err != nil {
		log.Fatal(err)
	}
	if err := host.WriteText(os.Stdout, host.Report(facts), 100); err != nil {
		log.Fatal(err)
	}
}

// A report needs no host: facts can be written down.
func ExampleReport() {
	table := host.Report(host.Facts{
		Kernel:   policy.KernelVersion{Major: 6, Minor: 1},
		Landlock: host.LandlockFacts{Errno: unix.EOPNOTSUPP},
	})
	for _, p := range table {
		if p.Name == "landlock" {
			if err := host.WriteText(os.Stdout, []host.Protection{p}, 80); err != nil {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// PROTECTION  AVAILABLE  DETAIL
	// landlock    no         it was switched off when the kernel started
	//                        to enable: add landlock to the lsm= list on the kernel's
	//                        command line, and restart
}
