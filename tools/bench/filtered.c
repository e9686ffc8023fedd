/*
 * Makes a system call again and again under a filter: `filtered FILE|- COUNT NUMBER [ARGUMENT]`. FILE holds instructions of
 * classic BPF; with "-" there is no filter.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter program[4096];

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	long count = strtol(argv[2], 0, 0), number = strtol(argv[3], 0, 0), argument = argc > 4 ? strtoul(argv[4], 0, 0) : 0;
	if (strcmp(argv[1], "-")) {
		int fd = open(argv[1], O_RDONLY);
		long size = read(fd, program, sizeof program);
		struct sock_fprog filter = { size / sizeof *program, program };
		if (size <= 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)) {
			perror("filter");
			return 1;
		}
	}
	while (count--)
		if (syscall(number, argument) < 0)
			return 1;
	return 0;
}
