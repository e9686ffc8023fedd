/*
 * Makes system calls that are named by number, and prints what each gives: `syscall [ABI:]NUMBER[,ARGUMENT]…`, one word a
 * call. ABI x86: through int $0x80, x32: with its bit. Prints 0 for success, the error's number
 * otherwise.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long through_int80(const long *a)
{
#ifdef __x86_64__
	long result;
	register long esi asm("rsi") = a[4], edi asm("rdi") = a[5];
	asm volatile("int $0x80" : "=a"(result) : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "r"(esi), "r"(edi) : "memory", "r8", "r9", "r10", "r11");
	if (result < 0 && result > -4096) {
		errno = -result;
		return -1;
	}
	return result;
#else
	(void)a;
	errno = ENOSYS;
	return -1;
#endif
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		long a[7] = { 0 };
		char *word = argv[i];
		int is_x86 = !strncmp(word, "x86:", 4), is_x32 = !strncmp(word, "x32:", 4), count = 0;
		if (is_x86 || is_x32)
			word += 4;
		for (char *part = strtok(word, ","); part && count < 7; part = strtok(0, ","))
			a[count++] = strtoul(part, 0, 0);
		if (is_x32)
			a[0] |= 0x40000000;
		long result = is_x86 ? through_int80(a) : syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
		printf("%s%d", i > 1 ? " " : "", result < 0 ? errno : 0);
		fflush(stdout);
	}
	printf("\n");
	return 0;
}
