/*
 * libseccomp as an oracle: answers lines of standard input.
 *
 *   resolve ARCH NAME             its number there, -1 where it has none
 *   filter DEFAULT BADARCH        begins a filter (actions as numbers); only the architectures that are named are in it
 *   arch TOKEN                    SCMP_ARCH_* as a number
 *   rule ACTION NAME [I OP A B]…  OP as in <seccomp.h>; prints nothing; a name that libseccomp does not know is passed over
 *   export                        the program in hexadecimal
 */
#define _GNU_SOURCE
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void die(const char *what, const char *line)
{
	fprintf(stderr, "%s: %s\n", what, line);
	exit(1);
}

static void export(scmp_filter_ctx filter)
{
	unsigned char byte;
	int fd = memfd_create("filter", 0);
	if (fd < 0 || seccomp_export_bpf(filter, fd) || lseek(fd, 0, SEEK_SET))
		die("export", "");
	while (read(fd, &byte, 1) == 1)
		printf("%02x", byte);
	printf("\n");
	close(fd);
}

static void add(scmp_filter_ctx filter, char *words)
{
	struct scmp_arg_cmp args[6];
	unsigned count = 0;
	char *save, *word = strtok_r(words, " ", &save);
	unsigned action = strtoul(word, 0, 0);
	char *name = strtok_r(0, " ", &save);
	int number = seccomp_syscall_resolve_name(name), error;
	while ((word = strtok_r(0, " ", &save)) && count < 6) {
		args[count].arg = strtoul(word, 0, 0);
		args[count].op = strtoul(strtok_r(0, " ", &save), 0, 0);
		args[count].datum_a = strtoull(strtok_r(0, " ", &save), 0, 0);
		args[count++].datum_b = strtoull(strtok_r(0, " ", &save), 0, 0);
	}
	if (number == __NR_SCMP_ERROR)
		return;
	error = seccomp_rule_add_array(filter, action, number, count, args);
	if (error) {
		fprintf(stderr, "rule for %s: %s\n", name, strerror(-error));
		exit(1);
	}
}

int main(void)
{
	scmp_filter_ctx filter = 0;
	char *line = 0, name[256];
	size_t size = 0;
	unsigned a, b;
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "resolve %u %255s", &a, name) == 2) {
			printf("%d\n", seccomp_syscall_resolve_name_arch(a, name));
		} else if (sscanf(line, "filter %u %u", &a, &b) == 2) {
			if (filter)
				seccomp_release(filter);
			filter = seccomp_init(a);
			if (!filter || seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, b) || seccomp_arch_remove(filter, SCMP_ARCH_NATIVE))
				die("filter", line);
		} else if (sscanf(line, "arch %u", &a) == 1) {
			if (seccomp_arch_add(filter, a))
				die("arch", line);
		} else if (!strncmp(line, "rule ", 5)) {
			add(filter, line + 5);
		} else if (!strcmp(line, "export")) {
			export(filter);
		} else {
			die("what is", line);
		}
	}
	return 0;
}
