/*
 * The head of a tool's single file: notes what a runtime would change in its own process, then becomes Node.
 *
 * It lies in a segment added to koffi's shared library, so one file is at once the program that the kernel starts and the
 * library that Node loads. Behind the code: strings, each ended by NUL: tool name, path of Node noted at build time (may be
 * empty), Node's arguments, and an empty one at the end. Node then gets, as arguments: the noted state, argv[0], argv[1] …
 * State: "FILE:DESCRIPTORS:IGNORED:BLOCKED:NOFILE" (number of the descriptor of this file; ranges like 0-2,7; two signal
 * sets in hexadecimal; the soft limit). ../src/tape/inherited.ts reads it.
 */
#include "kernel.h"

enum { AT_FDCWD = -100, O_CLOEXEC = 02000000, F_DUPFD = 0, F_GETFD = 1, F_SETFD = 2, SIG_IGN = 1, RLIMIT_NOFILE = 7, AT_EXECFN = 31 };

#define STATE_SIZE 65536
#define MAX_DESCRIPTORS 4096

static int starts_with(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return 0;
	return 1;
}

static char *append_hexadecimal(char *to, u64 value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[value >> shift & 15];
	return to;
}

static i64 open_read(const char *path)
{
	return kernel(NR_openat, AT_FDCWD, (u64)path, O_CLOEXEC, 0, 0, 0);
}

static char *append_range(char *to, const char *limit, i64 first, i64 last)
{
	if (to[-1] != ':')
		to = append(to, limit, ",");
	to = append_decimal(to, limit, first);
	if (last > first) {
		to = append(to, limit, "-");
		to = append_decimal(to, limit, last);
	}
	return to;
}

/* Ranges of open descriptors, from /proc where it is mounted, else by asking for each of the first ones. */
static char *append_descriptors(char *to, const char *limit)
{
	char buffer[4096];
	i64 dir = open_read("/proc/self/fd"), first = -1, last = -2;
	if (dir < 0) {
		for (i64 fd = 0; fd < MAX_DESCRIPTORS; fd++)
			if (kernel(NR_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0) {
				if (fd != last + 1) {
					if (first >= 0)
						to = append_range(to, limit, first, last);
					first = fd;
				}
				last = fd;
			}
		return first >= 0 ? append_range(to, limit, first, last) : to;
	}
	for (;;) {
		i64 size = kernel(NR_getdents64, dir, (u64)buffer, sizeof buffer, 0, 0, 0);
		if (size <= 0)
			break;
		for (i64 at = 0; at < size; at += *(u16 *)(buffer + at + 16)) {
			const char *name = buffer + at + 19;
			i64 fd = 0;
			if (*name < '0' || *name > '9')
				continue;
			while (*name)
				fd = fd * 10 + *name++ - '0';
			if (fd == dir)
				continue;
			if (fd != last + 1) {
				if (first >= 0)
					to = append_range(to, limit, first, last);
				first = fd;
			}
			last = fd;
		}
	}
	kernel(NR_close, dir, 0, 0, 0, 0, 0);
	return first >= 0 ? append_range(to, limit, first, last) : to;
}

/* Signals that are ignored (as a set) among those that a handler or SIG_DFL could replace. */
static u64 ignored_signals(void)
{
	u64 set = 0;
	for (u64 signal = 1; signal <= 64; signal++) {
		u64 action[4] = { 0, 0, 0, 0 };
		if (kernel(NR_rt_sigaction, signal, 0, (u64)action, 8, 0, 0) == 0 && action[0] == SIG_IGN)
			set |= 1UL << (signal - 1);
	}
	return set;
}

static void note_state(char *state, i64 file)
{
	const char *limit = state + STATE_SIZE - 128;
	u64 blocked = 0, nofile[2] = { 0, 0 };
	char *p = append_decimal(state, limit, file);
	kernel(NR_rt_sigprocmask, 0, 0, (u64)&blocked, 8, 0, 0);
	kernel(NR_prlimit64, 0, RLIMIT_NOFILE, 0, (u64)nofile, 0, 0);
	*p++ = ':';
	p = append_descriptors(p, limit);
	limit += 128;
	*p++ = ':';
	p = append_hexadecimal(p, ignored_signals());
	*p++ = ':';
	p = append_hexadecimal(p, blocked);
	*p++ = ':';
	p = append_decimal(p, limit, (i64)nofile[0]);
	*p = 0;
}

/* Variables that would change what Node does are kept from it: their first letter loses bit 6; inherited.ts gives it back. */
static void hide_from_node(char **envp)
{
	for (; *envp; envp++)
		if (starts_with(*envp, "NODE_") || starts_with(*envp, "OPENSSL_CONF="))
			**envp &= ~0x40;
}

static void become(const char *directory, u64 size, const char *name, char **argv, char **envp)
{
	char path[4096];
	char *p = path;
	if (size + length(name) + 2 > sizeof path)
		return;
	while (size--)
		*p++ = *directory++;
	p = append(p, path + sizeof path - 1, name);
	*p = 0;
	argv[0] = path;
	kernel(NR_execve, (u64)path, (u64)argv, (u64)envp, 0, 0, 0);
}

static const char *variable(char **envp, const char *assignment)
{
	for (; *envp; envp++)
		if (starts_with(*envp, assignment))
			return *envp + length(assignment);
	return 0;
}

void __attribute__((noreturn)) launch(u64 *stack)
{
	u64 argc = stack[0];
	char **argv = (char **)(stack + 1), **envp = argv + argc + 1, **rest = envp;
	const char *name = image_end, *noted = name + length(name) + 1, *argument = noted + length(noted) + 1;
	const char *self = "/proc/self/exe", *wanted, *path;
	char state[STATE_SIZE];
	char *arguments[argc + 16];
	u64 count = 1;
	i64 file;
	state[0] = 0;

	file = open_read(self);
	if (file < 0) {
		while (*rest)
			rest++;
		for (u64 *aux = (u64 *)(rest + 1); aux[0]; aux += 2)
			if (aux[0] == AT_EXECFN)
				file = open_read((const char *)aux[1]);
	}
	/* Noted before the file gets a number of its own; that number keeps clear of 0 to 2, which may be closed. */
	if (file >= 0) {
		i64 high = kernel(NR_fcntl, file, F_DUPFD, 10, 0, 0, 0);
		kernel(NR_close, file, 0, 0, 0, 0, 0);
		file = high;
	}
	if (file >= 0) {
		kernel(NR_fcntl, file, F_SETFD, 1, 0, 0, 0);
		note_state(state, file);
		kernel(NR_fcntl, file, F_SETFD, 0, 0, 0, 0);

		for (; *argument; argument += length(argument) + 1)
			arguments[count++] = (char *)argument;
		arguments[count++] = state;
		if (argc == 0)
			arguments[count++] = (char *)name;
		for (u64 i = 0; i <= argc; i++)
			arguments[count++] = argv[i];
		wanted = variable(envp, "TS_TOOLS_NODE=");
		path = variable(envp, "PATH=");
		hide_from_node(envp);
		if (wanted && *wanted)
			become(wanted, length(wanted), "", arguments, envp);
		if (*noted)
			become(noted, length(noted), "", arguments, envp);
		while (path && *path) {
			u64 size = 0;
			while (path[size] && path[size] != ':')
				size++;
			if (path[0] == '/')	/* never a program from the current directory */
				become(path, size, "/node", arguments, envp);
			path += size + (path[size] == ':');
		}
		become("", 0, "/usr/local/bin/node", arguments, envp);
		become("", 0, "/usr/bin/node", arguments, envp);
		become("", 0, "/bin/node", arguments, envp);
		become("", 0, "/opt/node/bin/node", arguments, envp);
		become("", 0, "/snap/bin/node", arguments, envp);
	}
	{
		char line[512], *p = append(line, line + 200, name);
		p = append(p, line + 500, file < 0 ? ": cannot open its own file\n" : ": cannot find node: set TS_TOOLS_NODE to its path, or add its folder to PATH\n");
		kernel(NR_write, 2, (u64)line, p - line, 0, 0, 0);
	}
	end(127);
}

ENTRY(launch);
