//go:build joined && amd64

// Where the file of the supervisor begins to run when the program of `supervisor exec` is linked into it (docs/decisions/0018): here it is decided which of the
// two it is. There is no C library yet, so this must call nothing but the kernel.

#include <sys/resource.h>
#include <sys/syscall.h>

extern void _start(void);              // of the C library, and so of the whole program
extern const char bulkhead_exec_start; // of the program of exec, a Go program without C

static long call(long number, long a, long b, long c, long d) {
	register long r10 __asm__("r10") = d;
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return result;
}

static int begins(const char *s, const char *with) {
	while (*with && *s == *with)
		s++, with++;
	return *with == 0;
}

static int is_exec(const char *s) { return begins(s, "exec") && s[4] == 0; }

static int less(int resource, unsigned long least) {
	struct rlimit l;
	return call(SYS_getrlimit, resource, (long)&l, 0, 0) != 0 || (l.rlim_cur != RLIM_INFINITY && l.rlim_cur < least);
}

// bulkhead_choose returns the program that runs, from what the kernel has put on the stack: the number of arguments, and the arguments.
__attribute__((used)) static const void *bulkhead_choose(const long *stack) {
	const char *const *argv = (const char *const *)(stack + 1);
	long argc = stack[0];
	int at = argc > 2 && begins(argv[1], "role:inside-userns:") ? 2 : 1;
	if (argc <= at || !is_exec(argv[at]))
		return (const void *)_start;
	// Under limits that Go's runtime might not start with, the whole program says what is wrong (limits.go).
	if (less(RLIMIT_NOFILE, 64) || less(RLIMIT_AS, 2048UL << 20) || less(RLIMIT_DATA, 256UL << 20) || less(RLIMIT_NPROC, 24))
		return (const void *)_start;
	return &bulkhead_exec_start;
}

// The stack stays as it is for the program that begins, but for what is below it; so do the other registers: rdx is a function for atexit, or zero.
__asm__(".globl bulkhead_entry\n"
	".type bulkhead_entry, @function\n"
	"bulkhead_entry:\n"
	"	mov %rsp, %rdi\n"
	"	mov %rdx, %rbx\n"
	"	mov %rsp, %rbp\n"
	"	and $-16, %rsp\n"
	"	call bulkhead_choose\n"
	"	mov %rbp, %rsp\n"
	"	mov %rbx, %rdx\n"
	"	xor %ebp, %ebp\n"
	"	xor %ebx, %ebx\n"
	"	jmp *%rax\n");
