//go:build cgo

package early

/*
#include <malloc.h>
#include <string.h>

// A second arena would be made for each thread that begins, with four system calls, and hardly one of them allocates anything in C. The roles are those of
// package early. Source: mallopt(3).
__attribute__((constructor)) static void bulkhead_arenas(int argc, char **argv, char **env) {
	int at = argc > 2 && strncmp(argv[1], "role:inside-userns:", 19) == 0 ? 2 : 1;
	if (argc > at && (strcmp(argv[at], "exec") == 0 || strcmp(argv[at], "role:compile") == 0))
		mallopt(M_ARENA_MAX, 1);
}
*/
import "C"
