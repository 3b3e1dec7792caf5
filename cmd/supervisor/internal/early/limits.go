//go:build cgo

package early

/*
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

// Under limits that the Go runtime cannot start with it aborts with a page of registers, before any Go code runs. The C library calls constructors
// earlier still. 2 GiB: the runtime reserves 600 MiB for its tables, and each of a dozen threads takes an arena and a stack of the C library;
// with 900 MiB `exec` was seen to start and with 1,500 MiB the manager was not. Of data the two programs in the file have 33 MiB of zeros each, and
// with 120 MiB the compile process was seen to abort; under less than the zeros take the kernel ends the process before it begins.
static int below(int resource, const char *what, unsigned long least, unsigned long unit, const char *of, const char *help) {
	struct rlimit l;
	char text[320];
	int n;
	if (getrlimit(resource, &l) != 0 || l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= least * unit)
		return 0;
	n = snprintf(text, sizeof text, "supervisor: the limit of %s is %lu%s; the supervisor needs at least %lu%s: raise it with %s\n", what,
		(unsigned long)l.rlim_cur / unit, of, least, of, help);
	return write(2, text, n) != 0;
}

__attribute__((constructor)) static void bulkhead_limits(void) {
	// The poller of the Go runtime takes two descriptors, and the runtime aborts without them. It raises the soft limit, so the hard one counts;
	// from 8 on what needs more says so.
	struct rlimit files;
	if ((getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < 8 && below(RLIMIT_NOFILE, "open files (RLIMIT_NOFILE)", 64, 1, "", "ulimit -Hn, LimitNOFILE= or limits.conf")) ||
	    below(RLIMIT_AS, "address space (RLIMIT_AS)", 2048, 1 << 20, " MiB", "ulimit -v unlimited or LimitAS=infinity; a module has its own, rlimits: {as: …}") ||
	    below(RLIMIT_DATA, "data (RLIMIT_DATA)", 256, 1 << 20, " MiB", "ulimit -d unlimited or LimitDATA=infinity; a module has its own, rlimits: {data: …}") ||
	    below(RLIMIT_NPROC, "processes (RLIMIT_NPROC)", 24, 1, "", "ulimit -u, LimitNPROC= or limits.conf; a module has its own, rlimits: {nproc: …}"))
		_exit(125);
}
*/
import "C"
