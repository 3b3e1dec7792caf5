//go:build cgo

package execute

/*
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long before;

static const char *role(int argc, char **argv) {
	int at = argc > 2 && strncmp(argv[1], "role:inside-userns:", 19) == 0 ? 2 : 1;
	return argc > at ? argv[at] : "";
}

static int brief(int argc, char **argv) {
	return strcmp(role(argc, argv), "exec") == 0 || strcmp(role(argc, argv), "role:compile") == 0;
}

// The runtime's monitor (sysmon in proc.go) sleeps 20 microseconds at a time in a process as young as these. With the kernel's usual slack of
// 50 that is a wake-up each 90 microseconds, 60 to 100 of them until the command has ended, on the processor that does the work as often as
// not. Threads inherit the slack of the one that makes them, and the monitor is the first one that the runtime makes. It has nothing to do here but
// to hand on a processor whose thread is in a system call, and two milliseconds will do for that. Source: PR_SET_TIMERSLACK(2const).
__attribute__((constructor)) static void bulkhead_slack(int argc, char **argv, char **env) {
	if (!brief(argc, argv) || (before = syscall(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0)) <= 0)
		return;
	if (prctl(PR_SET_TIMERSLACK, 2000000, 0, 0, 0) != 0)
		before = 0;
}

// A second arena would be made for each thread that begins, with four system calls, and hardly one of them allocates anything in C. Source: mallopt(3).
__attribute__((constructor)) static void bulkhead_arenas(int argc, char **argv, char **env) {
	if (brief(argc, argv))
		mallopt(M_ARENA_MAX, 1);
}

// The signals that exec passes on to its command wait from here on until somebody asks for them. To have the runtime catch eight signals takes
// two threads and seventeen changes between them. Every thread of the runtime begins with the mask that it was started with (initSigmask in
// proc.go), and a command gets an empty one from its launch program. Source: signal(7), signalfd(2).
__attribute__((constructor)) static void bulkhead_signals(int argc, char **argv, char **env) {
	static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGALRM};
	sigset_t set;
	unsigned i;
	if (strcmp(role(argc, argv), "exec") != 0)
		return;
	sigemptyset(&set);
	for (i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, NULL); // when it fails, the runtime catches them
}

static long slack_before(void) { return before; }
*/
import "C"

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// exact gives the calling thread the slack of its timers back, which processes that it makes inherit.
func exact(k posix.Hardening) error {
	before := int64(C.slack_before())
	if before <= 0 {
		return nil
	}
	if _, err := k.Prctl(posix.PrctlArgs{Op: unix.PR_SET_TIMERSLACK, Arg2: uint64(before)}); err != nil {
		return fmt.Errorf("set the slack of timers back: %w", err)
	}
	return nil
}
