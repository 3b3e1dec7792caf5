/*
 * Enters a user namespace and a mount namespace, then executes the supervisor again. The kernel lets only a process with one thread
 * do that, which a Go program never is.
 *
 * argv: [0] name, [1] uid_map, [2] gid_map, [3] program, [4...] its arguments. With an empty uid_map the user namespace is there already, with its
 * maps, and gid_map is the number of a descriptor of it. The last three bytes of argv[5] are
 * set to the decimal errno when something failed; the program is executed all the same and tells the user.
 */
	.intel_syntax noprefix
	.equ base, 0x400000
	.equ stack_argv, 8

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

start:	mov r12, [rsp]			/* argc */
	lea r13, [rsp + stack_argv]	/* argv */
	lea r14, [r13 + r12*8 + 8]	/* envp */

	mov rdi, [r13 + 8]
	cmp byte ptr [rdi], 0
	je join

	mov eax, 272			/* unshare(CLONE_NEWUSER|CLONE_NEWNS) */
	mov edi, 0x10020000
	syscall
	test rax, rax
	js failed

	lea rdi, [rip + setgroups]
	lea r15, [rip + deny]
	call put
	lea rdi, [rip + uid_map]
	mov r15, [r13 + 8]
	call put
	lea rdi, [rip + gid_map]
	mov r15, [r13 + 16]
	call put

	jmp inside

join:	mov rsi, [r13 + 16]		/* ebp = the number at argv[2] */
	xor ebp, ebp
number:	movzx eax, byte ptr [rsi]
	test eax, eax
	jz joined
	imul ebp, ebp, 10
	lea ebp, [rbp + rax - '0']
	inc rsi
	jmp number
joined:	mov eax, 308			/* setns(ebp, CLONE_NEWUSER) */
	mov edi, ebp
	mov esi, 0x10000000
	syscall
	test rax, rax
	js failed
	mov eax, 3			/* close(ebp) */
	mov edi, ebp
	syscall
	mov eax, 272			/* unshare(CLONE_NEWNS) */
	mov edi, 0x00020000
	syscall
	test rax, rax
	js failed
inside:
	/* The namespace gave all capabilities. Only ambient ones survive the exec of a user that is not root there. */
	sub rsp, 32
	mov eax, 125			/* capget(&header, rsp) */
	lea rdi, [rip + header]
	mov rsi, rsp
	syscall
	test rax, rax
	js failed
	mov eax, [rsp + 4]		/* inheritable = permitted, both halves */
	mov [rsp + 8], eax
	mov eax, [rsp + 16]
	mov [rsp + 20], eax
	mov eax, 126			/* capset(&header, rsp) */
	lea rdi, [rip + header]
	mov rsi, rsp
	syscall
	test rax, rax
	js failed
	xor ebx, ebx
raise:	mov eax, 157			/* prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, ebx, 0, 0) */
	mov edi, 47
	mov esi, 2
	mov edx, ebx
	xor r10d, r10d
	xor r8d, r8d
	syscall				/* EINVAL ends the capabilities that the kernel knows */
	inc ebx
	cmp ebx, 64
	jb raise
	jmp again

/* put writes the string at r15 to the file named at rdi; it does not return when that fails. */
put:	mov eax, 2			/* open(rdi, O_WRONLY|O_CLOEXEC) */
	mov esi, 0x80001
	xor edx, edx
	syscall
	test rax, rax
	js failed
	mov edi, eax
	mov rsi, r15
	xor edx, edx
length:	cmp byte ptr [rsi + rdx], 0
	je write
	inc rdx
	jmp length
write:	mov eax, 1			/* write(fd, r15, length) */
	syscall
	test rax, rax
	js failed
	mov eax, 3			/* close(fd) */
	syscall
	ret

failed:	neg rax				/* errno in decimal at the end of argv[5] */
	mov rdi, [r13 + 40]
	xor ecx, ecx
last:	cmp byte ptr [rdi + rcx], 0
	je digits
	inc rcx
	jmp last
digits:	mov ebx, 3
	mov esi, 10
digit:	xor edx, edx
	div esi
	add dl, '0'
	dec rcx
	mov [rdi + rcx], dl
	dec ebx
	jnz digit

again:	mov eax, 59			/* execve(argv[3], argv + 4, envp) */
	mov rdi, [r13 + 24]
	lea rsi, [r13 + 32]
	mov rdx, r14
	syscall
	mov eax, 231			/* exit_group(125) */
	mov edi, 125
	syscall

	.balign 4
header:	.long 0x20080522, 0		/* _LINUX_CAPABILITY_VERSION_3, this process */
setgroups: .asciz "/proc/self/setgroups"
uid_map: .asciz "/proc/self/uid_map"
gid_map: .asciz "/proc/self/gid_map"
deny:	.asciz "deny"
end:
