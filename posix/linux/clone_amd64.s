#include "textflag.h"

// Offsets into block and rawStep (clone_unsafe.go; a test compares them).
#define BLOCK_ALL 0
#define BLOCK_OLD 8
#define BLOCK_CLONE 16
#define BLOCK_CLONE_SIZE 24
#define BLOCK_STEPS 32
#define BLOCK_END 40
#define BLOCK_FAILED 48
#define BLOCK_ERRNO 56
#define BLOCK_GOT 64

#define STEP_OP 0
#define STEP_MAYFAIL 4
#define STEP_NUMBER 8
#define STEP_RESULT 16
#define STEP_FROM 24
#define STEP_SIZE 120

#define SYS_rt_sigprocmask 14
#define SYS_exit_group 231
#define SYS_clone3 435

// ARGUMENT reads argument i of the step at R13 into REG.
#define ARGUMENT(i, REG) \
	MOVQ	(STEP_FROM+8*i)(R13), REG; \
	MOVQ	(REG), REG

// func launch(b *block) int64
//
// The child shares our memory and our stack. It never returns from here, pushes nothing and calls nothing, so the
// stack stays as the suspended parent left it; signals are blocked, so the kernel writes nothing there either.
TEXT ·launch(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ	b+0(FP), R12
	MOVL	$SYS_rt_sigprocmask, AX
	MOVL	$2, DI	// SIG_SETMASK
	LEAQ	BLOCK_ALL(R12), SI
	LEAQ	BLOCK_OLD(R12), DX
	MOVL	$8, R10
	SYSCALL

	MOVL	$SYS_clone3, AX
	MOVQ	BLOCK_CLONE(R12), DI
	MOVQ	BLOCK_CLONE_SIZE(R12), SI
	SYSCALL
	TESTQ	AX, AX
	JZ	child

	MOVQ	AX, R13
	MOVL	$SYS_rt_sigprocmask, AX
	MOVL	$2, DI
	LEAQ	BLOCK_OLD(R12), SI
	XORL	DX, DX
	MOVL	$8, R10
	SYSCALL
	MOVQ	R13, ret+8(FP)
	RET

child:
	MOVQ	BLOCK_STEPS(R12), R13

next:
	CMPQ	R13, BLOCK_END(R12)
	JAE	finished

	ARGUMENT(0, DI)
	ARGUMENT(1, SI)
	ARGUMENT(2, DX)
	ARGUMENT(3, R10)
	ARGUMENT(4, R8)
	ARGUMENT(5, R9)
	MOVL	STEP_OP(R13), AX
	CMPL	AX, $2
	JEQ	keep
	JA	expect
	CMPL	AX, $1
	JEQ	decimal

	MOVQ	STEP_NUMBER(R13), AX
	SYSCALL
	CMPQ	AX, $-4095
	JCC	refused

store:
	MOVQ	STEP_RESULT(R13), CX
	MOVQ	AX, (CX)

advance:
	ADDQ	$STEP_SIZE, R13
	JMP	next

refused:
	CMPL	STEP_MAYFAIL(R13), $0
	JNE	store
	NEGQ	AX
	MOVQ	AX, BLOCK_ERRNO(R12)
	MOVQ	AX, DI
	JMP	failed

keep:
	MOVQ	DI, (SI)
	JMP	advance

expect:
	ANDQ	SI, DI
	CMPQ	DI, DX
	JEQ	advance
	MOVQ	DI, BLOCK_GOT(R12)
	MOVL	$127, DI

failed:
	MOVQ	R13, BLOCK_FAILED(R12)
	JMP	exit

decimal:
	// The number of digits first, then the digits from the last one on.
	MOVQ	DI, AX
	MOVL	$10, R10

digits:
	XORL	DX, DX
	DIVQ	R10
	INCQ	SI
	TESTQ	AX, AX
	JNZ	digits
	MOVB	$0, (SI)
	MOVQ	DI, AX

digit:
	XORL	DX, DX
	DIVQ	R10
	ADDL	$48, DX
	DECQ	SI
	MOVB	DX, (SI)
	TESTQ	AX, AX
	JNZ	digit
	JMP	advance

finished:
	XORL	DI, DI

exit:
	// A filter loaded by the program may deny even this; then the fault below ends the child.
	MOVL	$SYS_exit_group, AX
	SYSCALL
	BYTE	$0x0f; BYTE $0x0b	// ud2
