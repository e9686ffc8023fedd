/*
 * Plays a tape in this process. The runner (../../sys/runner/runner.c) lies here as it is, on pages of its own: they are moved to where
 * it is linked for, the tape is put where it looks for it, and all else of us is unmapped before its first instruction. The pages are
 * those of our file, so that a policy against memory that is made executable has nothing to say.
 */
#include "host.h"
#include <string.h>
#include <sys/mman.h>

/* ../../sys/src/tape/elf.ts */
#define IMAGE 0x200000UL
#define TAPE 0x400000UL
#define PAGE 4096UL

extern const char runner_pages[], runner_end[], runner_leave[], runner_pages_end[], __executable_start[], _end[];

asm(".section .text.runner,\"ax\"\n"
    ".balign 4096\n"
    ".globl runner_pages, runner_end, runner_leave, runner_pages_end\n"
    "runner_pages:\n"
    /* Where the headers would be. */
    ".skip 0x100\n"
    ".incbin \"runner\"\n"
    "runner_end:\n"
    ".balign 16\n"
    /* The stack, then two ranges to be unmapped. */
#if defined(__x86_64__)
    "runner_leave:\n"
    "mov %rdi,%rsp\n"
    "mov %rsi,%r12\n"
    "mov %rdx,%r13\n"
    "mov %rcx,%r14\n"
    "mov %r8,%r15\n"
    "mov $11,%eax\n"
    "mov %r12,%rdi\n"
    "mov %r13,%rsi\n"
    "syscall\n"
    "mov $11,%eax\n"
    "mov %r14,%rdi\n"
    "mov %r15,%rsi\n"
    "syscall\n"
    "mov $0x200100,%eax\n"
    "jmp *%rax\n"
#else
    "runner_leave:\n"
    "mov sp,x0\n"
    "mov x19,x3\n"
    "mov x20,x4\n"
    "mov x8,#215\n"
    "mov x0,x1\n"
    "mov x1,x2\n"
    "svc 0\n"
    "mov x8,#215\n"
    "mov x0,x19\n"
    "mov x1,x20\n"
    "svc 0\n"
    "mov x0,#0x100\n"
    "movk x0,#0x20,lsl #16\n"
    "br x0\n"
#endif
    ".balign 4096\n"
    "runner_pages_end:\n"
    ".text\n");

uint64_t tape_address(void)
{
	return TAPE + (runner_end - runner_pages);
}

void play_tape(uint64_t *stack, const void *tape, size_t size)
{
	uint64_t at = tape_address(), from = at & -PAGE;
	size_t length = (at - from + size + PAGE - 1) & -PAGE, pages = runner_pages_end - runner_pages;
	void (*leave)(uint64_t *, uint64_t, uint64_t, uint64_t, uint64_t) = (void *)(IMAGE + (runner_leave - runner_pages));
	uint64_t host = (uint64_t)__executable_start & -PAGE;
	if (mmap((void *)from, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)from)
		die("out of memory");
	memcpy((void *)at, tape, size);
	if (mremap((void *)runner_pages, pages, pages, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)IMAGE) != (void *)IMAGE)
		die("the runner cannot be moved to its place");
	leave(stack, MEMORY_AT, MEMORY_END - MEMORY_AT, host, (((uint64_t)_end + PAGE - 1) & -PAGE) - host);
	__builtin_unreachable();
}
