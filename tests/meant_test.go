package tests

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestLibraryFunctions: who lists functions of the C library is told of system calls that there are.
func TestLibraryFunctions(t *testing.T) {
	names := []string{
		"_exit", "abort", "aio_read", "bsd_signal", "calloc", "execl", "execlp", "execv", "execvp", "execvpe", "fallocate64", "fexecve", "fopen",
		"fstatat", "fwrite", "getaddrinfo", "gethostbyname", "isatty", "lockf", "malloc", "open64", "openat64", "opendir", "popen", "posix_fadvise",
		"posix_fallocate", "posix_spawn", "pread", "printf", "pthread_cond_wait", "pthread_create", "pthread_kill", "pthread_mutex_lock",
		"pthread_sigmask", "puts", "pwrite", "raise", "readdir", "realloc", "recv", "sbrk", "scandir", "sem_open", "sem_post", "sem_wait", "send",
		"shm_open", "sigaction", "signal", "sigprocmask", "sigsuspend", "sigtimedwait", "sigwait", "sigwaitinfo", "sleep", "system", "tcgetattr",
		"umount", "usleep", "wait", "wait3", "waitpid",
	}
	_, ds := checked("app.yaml", []byte("version: 1\nmodules:\n  app:\n    command: [/usr/bin/app]\n    user: app\n"+
		"    filesystem: [{path: /usr, access: rx}]\n    seccomp:\n      allow:\n        - \"@default\"\n        - ["+strings.Join(names, ", ")+"]\n"))
	catalog := seccomp.X8664.Catalog()
	call := regexp.MustCompile(`[a-z_0-9]+`)
	said := 0
	for _, d := range ds {
		name := call.FindString(strings.TrimPrefix(d.Message, `"`))
		if !strings.Contains(d.Message, "function of the C library") {
			t.Errorf("%s", d.Message)
			continue
		}
		said++
		calls := call.FindAllString(strings.TrimPrefix(strings.TrimPrefix(d.Hint, "did you mean")+strings.TrimPrefix(d.Help, "it makes"), " "), -1)
		if len(calls) == 0 {
			t.Errorf("%s: no system call is named", name)
		}
		for _, c := range calls {
			if _, ok := catalog.Calls[c]; !ok {
				t.Errorf("%s: there is no system call %q", name, c)
			}
		}
	}
	if said != len(names) {
		t.Errorf("%d of %d names are known as functions of the C library", said, len(names))
	}
}
