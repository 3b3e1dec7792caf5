/*
 * The init of a pid namespace: process 1, which reaps orphans and does nothing else. The module is not its child.
 * It never ends by itself; the spawner kills it, and the kernel then kills everything else in the namespace.
 *
 * The file is a whole ELF executable: header, one program header, code. It uses no stack and no data that is written.
 */
	.intel_syntax noprefix
	.equ base, 0x400000

elf:	.byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
	.quad 0
	.short 2, 62		/* ET_EXEC, EM_X86_64 */
	.long 1
	.quad base + start - elf
	.quad segment - elf
	.quad 0
	.long 0
	.short 64, 56, 1, 0, 0, 0

segment:
	.long 1, 5		/* PT_LOAD, readable and executable */
	.quad 0, base, base
	.quad end - elf, end - elf
	.quad 0x1000

start:	mov eax, 14		/* rt_sigprocmask(SIG_BLOCK, [CHLD], NULL, 8) */
	xor edi, edi
	lea rsi, [rip + chld]
	xor edx, edx
	mov r10d, 8
	syscall

reap:	mov eax, 61		/* wait4(-1, NULL, WNOHANG|__WALL, NULL) */
	mov rdi, -1
	xor esi, esi
	mov edx, 0x40000001
	xor r10d, r10d
	syscall
	test eax, eax
	jg reap

	mov eax, 128		/* rt_sigtimedwait([CHLD], NULL, NULL, 8) */
	lea rdi, [rip + chld]
	xor esi, esi
	xor edx, edx
	mov r10d, 8
	syscall
	jmp reap

	.balign 8
chld:	.quad 1 << 16		/* SIGCHLD is 17 */
end:
