package workbench

import "github.com/bulkhead/bulkhead/posix/restrict"

// Operations returns what a command of `supervisor policy` may ask of the system: what the spawner may, to launch the confined process, and to
// write the files that the command line names. No name of a file is the confined process's. `policy disasm --pid` reads filters of processes.
func Operations(spawner restrict.Rules) restrict.Rules {
	spawner.Openat2, spawner.Mkdirat, spawner.Renameat2, spawner.Unlinkat = restrict.Allow, restrict.Allow, restrict.Allow, restrict.Allow
	spawner.SeccompGetFilter = restrict.Allow
	return spawner
}
