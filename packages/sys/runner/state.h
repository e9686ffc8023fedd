/*
 * What a runtime would change in its own process: noted before it starts, and put out of its way. ../src/tape/inherited.ts reads it.
 *
 * State: "FILE:DESCRIPTORS:IGNORED:BLOCKED:LIMITS:PENDING[:PATH]" (number of the descriptor of this file; ranges like 0-2,7;
 * two signal sets in hexadecimal; soft limits that were raised, like 7=1024,3=65536; the first bytes of each pending signal's
 * siginfo in hexadecimal; where there is no /proc, the path of this file).
 *
 * Who includes it says first: RUNTIME (its name), RUNTIME_MEMORY (bytes that it takes to start, and room for the rest of its
 * group), RUNTIME_DATA, RUNTIME_ADDRESSES and RUNTIME_STACK (the least limits that it starts with), RUNTIME_FILES (free descriptors).
 */
#include "kernel.h"

enum { AT_FDCWD = -100, O_WRONLY = 1, O_PATH = 010000000, O_CLOEXEC = 02000000, F_DUPFD = 0, F_DUPFD_CLOEXEC = 1030, F_GETFD = 1, F_SETFD = 2, SIG_IGN = 1, AT_SECURE = 23, AT_EXECFN = 31 };
enum { RLIMIT_FSIZE = 1, RLIMIT_DATA = 2, RLIMIT_STACK = 3, RLIMIT_NPROC = 6, RLIMIT_NOFILE = 7, RLIMIT_AS = 9 };

#define STATE_SIZE 65536
#define MAX_DESCRIPTORS 4096
#define MAX_PENDING 32
#define SIGINFO_NOTED 48
/* What is kept free behind the descriptors: the rest of the state. */
#define STATE_REST (1024 + MAX_PENDING * (2 * SIGINFO_NOTED + 1) + PATH_SIZE)
#define LARGE_STACK (64UL << 20)
#define USUAL_STACK (8UL << 20)

static void __attribute__((noreturn)) fail(const char *name, const char *words)
{
	char line[512], *p = append(line, line + 200, name);
	p = append(p, line + 500, words);
	kernel(NR_write, 2, (u64)line, p - line, 0, 0, 0);
	end(127);
}

static char *append_hexadecimal(char *to, u64 value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[value >> shift & 15];
	return to;
}

/* The same, with a number in the middle. */
static void __attribute__((noreturn)) fail_with(const char *name, const char *words, u64 number, const char *rest)
{
	char line[256], *p = append(line, line + sizeof line - 1, words);
	p = append_decimal(p, line + sizeof line - 1, (i64)number);
	*append(p, line + sizeof line - 1, rest) = 0;
	fail(name, line);
}

static i64 open_read(const char *path)
{
	return kernel(NR_openat, AT_FDCWD, (u64)path, O_CLOEXEC, 0, 0, 0);
}

static char *append_range(char *to, const char *limit, i64 first, i64 last)
{
	if (first < 0 || limit - to < 48)	/* whole ranges only: half a number would be another descriptor */
		return to;
	if (to[-1] != ':')
		to = append(to, limit, ",");
	to = append_decimal(to, limit, first);
	if (last > first) {
		to = append(to, limit, "-");
		to = append_decimal(to, limit, last);
	}
	return to;
}

/* Ranges of open descriptors but our own `file`, from /proc where it is mounted, else by asking for each of the first ones. */
static char *append_descriptors(char *to, const char *limit, i64 file)
{
	char buffer[4096];
	i64 dir = open_read("/proc/self/fd"), first = -1, last = -2;
	if (dir < 0) {
		for (i64 fd = 0; fd < MAX_DESCRIPTORS; fd++)
			if (fd != file && kernel(NR_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0) {
				if (fd != last + 1) {
					to = append_range(to, limit, first, last);
					first = fd;
				}
				last = fd;
			}
		return append_range(to, limit, first, last);
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
			if (fd == dir || fd == file)
				continue;
			if (fd != last + 1) {
				to = append_range(to, limit, first, last);
				first = fd;
			}
			last = fd;
		}
	}
	kernel(NR_close, dir, 0, 0, 0, 0, 0);
	return append_range(to, limit, first, last);
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

/* Whether enough descriptors below the limit are free. */
static int has_room(u64 limit)
{
	u64 free = 0;
	for (u64 fd = 0; fd < limit && free < RUNTIME_FILES; fd++)
		free += kernel(NR_fcntl, fd, F_GETFD, 0, 0, 0, 0) < 0;
	return free >= RUNTIME_FILES;
}

/*
 * Limits that are enough for the original are not for a runtime: it reserves gigabytes of addresses, starts threads, and the
 * argument block grows by its own arguments. Soft limits are raised and noted; the runner lowers them again.
 */
static char *raise_limits(char *to, const char *limit, const char *name, u64 argument_size)
{
	/* With a hard limit below the number the runtime crashes or hangs. */
	static const struct { u64 resource, least; } raised[] = {
		{ RLIMIT_NOFILE, 0 }, { RLIMIT_FSIZE, 0 }, { RLIMIT_DATA, RUNTIME_DATA }, { RLIMIT_STACK, RUNTIME_STACK }, { RLIMIT_NPROC, 0 }, { RLIMIT_AS, RUNTIME_ADDRESSES },
	};
	for (u64 i = 0; i < sizeof raised / sizeof *raised; i++) {
		u64 pair[2], soft, wanted = ~0UL, resource = raised[i].resource;
		if (kernel(NR_prlimit64, 0, resource, 0, (u64)pair, 0, 0) < 0)
			continue;
		if (pair[1] < raised[i].least)
			fail(name, resource == RLIMIT_AS ? ": the hard limit of the address space (ulimit -H -v) is too low for " RUNTIME "\n"
			     : resource == RLIMIT_DATA ? ": the hard limit of data (ulimit -H -d) is too low for " RUNTIME "\n"
			     : ": the hard limit of the stack (ulimit -H -s) is too low for " RUNTIME "\n");
		if (resource == RLIMIT_NOFILE && !has_room(pair[1]))
			fail_with(name, ": the hard limit of open files (ulimit -H -n) is too low for " RUNTIME ", which opens ", RUNTIME_FILES, "\n");
		soft = pair[0];
		if (resource == RLIMIT_STACK)
			wanted = soft < USUAL_STACK || soft / 4 < argument_size + 2 * STATE_SIZE ? LARGE_STACK : soft;
		if (wanted > pair[1])
			wanted = pair[1];
		if (wanted <= soft && resource != RLIMIT_NOFILE)	/* that one the runtime raises itself */
			continue;
		pair[0] = wanted;
		kernel(NR_prlimit64, 0, resource, (u64)pair, 0, 0, 0);
		if (to[-1] != ':')
			to = append(to, limit, ",");
		to = append_decimal(to, limit, resource);
		to = append(to, limit, "=");
		to = append_decimal(to, limit, (i64)soft);
	}
	return to;
}

/* Signals that wait because they are blocked: the runtime unblocks them, so they are taken away and sent again by the runner. */
static char *take_pending(char *to)
{
	u64 all = ~0UL, no_time[2] = { 0, 0 };
	for (int n = 0; n < MAX_PENDING; n++) {
		u8 info[128];
		if (kernel(NR_rt_sigtimedwait, (u64)&all, (u64)info, (u64)no_time, sizeof all, 0, 0) <= 0)
			break;
		if (n)
			*to++ = ',';
		for (int i = 0; i < SIGINFO_NOTED; i++) {
			*to++ = "0123456789abcdef"[info[i] >> 4];
			*to++ = "0123456789abcdef"[info[i] & 15];
		}
	}
	return to;
}

static void note_state(char *state, i64 file, const char *limits, const char *path)
{
	const char *limit = state + STATE_SIZE - STATE_REST;
	u64 blocked = 0;
	char *p = append_decimal(state, limit, file);
	kernel(NR_rt_sigprocmask, 0, 0, (u64)&blocked, 8, 0, 0);
	*p++ = ':';
	p = append_descriptors(p, limit, file);
	limit = state + STATE_SIZE - 1;
	*p++ = ':';
	p = append_hexadecimal(p, ignored_signals());
	*p++ = ':';
	p = append_hexadecimal(p, blocked);
	p = append(p, limit, limits);
	*p++ = ':';
	p = take_pending(p);
	if (path) {
		*p++ = ':';
		p = append(p, limit, path);
	}
	*p = 0;
}

/*
 * Closed ones among 0 to 2 get something that is neither read nor written, as if they were closed: a runtime would want /dev/null,
 * which may not be there. What is said on a closed standard error is lost without an error.
 */
static void fill_closed(void)
{
	for (i64 fd = 0; fd <= 2; fd++) {
		i64 filled;
		if (kernel(NR_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0)
			continue;
		filled = fd == 2 ? kernel(NR_openat, AT_FDCWD, (u64)"/dev/null", O_WRONLY, 0, 0, 0) : -1;
		if (filled < 0)
			kernel(NR_openat, AT_FDCWD, (u64)"/", O_PATH, 0, 0, 0);
	}
}

static i64 read_text(const char *path, char *to, u64 size)
{
	i64 fd = open_read(path), done;
	if (fd < 0)
		return fd;
	done = kernel(NR_read, fd, (u64)to, size - 1, 0, 0, 0);
	kernel(NR_close, fd, 0, 0, 0, 0, 0);
	to[done > 0 ? done : 0] = 0;
	return done;
}

/* The line "ID:CONTROLLERS:PATH" of /proc/self/cgroup that says where memory is counted; ended at its line's end. */
static char *memory_line(char *text)
{
	char *unified = 0, *line = text;
	while (*line) {
		char *end = line, *controllers = line;
		while (*end && *end != '\n')
			end++;
		if (*end)
			*end++ = 0;
		while (*controllers && *controllers++ != ':')
			;
		if (*controllers == ':')
			unified = line;
		while (*controllers && *controllers != ':') {
			if (starts_with(controllers, "memory") && (controllers[6] == ':' || controllers[6] == ','))
				return line;
			controllers++;
		}
		line = end;
	}
	return unified;
}

/* Whether the limit in a group's file is one that the runtime does not start in. */
static int is_small(const char *group, const char *file)
{
	char path[PATH_SIZE], text[64], *digit = text;
	u64 limit = 0;
	char *p = append(path, path + sizeof path - 1, group);
	*append(p, path + sizeof path - 1, file) = 0;
	if (read_text(path, text, sizeof text) <= 0)
		return 0;
	while (*digit >= '0' && *digit <= '9' && limit < RUNTIME_MEMORY)
		limit = limit * 10 + (u64)(*digit++ - '0');
	return digit > text && limit < RUNTIME_MEMORY;
}

/*
 * A group whose memory is too small for the runtime, but not for what the tool becomes, is left while planning, where that is allowed.
 * `left` gets the line of /proc/self/cgroup and the file that takes the runner back; nothing where we stay.
 */
static void leave_small_group(char *left)
{
	char text[PATH_SIZE], group[PATH_SIZE], *line, *path, *end;
	const char *file;
	u64 mount, size, top = 0;
	i64 fd;
	left[0] = 0;
	if (read_text("/proc/self/cgroup", text, sizeof text) <= 0 || !(line = memory_line(text)))
		return;
	for (path = line; *path != ':'; path++)
		;
	file = path[1] == ':' ? "/memory.max" : "/memory.limit_in_bytes";
	end = append(group, group + sizeof group - 1, path[1] == ':' ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory");
	mount = (u64)(end - group);
	for (path++; *path && *path++ != ':';)
		;
	end = append(end, group + sizeof group - 64, path);
	*end = 0;
	/* The topmost group that is too small counts: what lies below it is no larger. */
	for (size = (u64)(end - group); size > mount + 1; size--) {
		char next = group[size];
		if (next && next != '/')
			continue;
		group[size] = 0;
		if (is_small(group, file))
			top = size;
		group[size] = next;
	}
	if (!top)
		return;
	end = append(left, left + 2 * PATH_SIZE - 64, line);
	end = append(end, left + 2 * PATH_SIZE - 64, "\n");
	end = append(end, left + 2 * PATH_SIZE - 64, group);
	*append(end, left + 2 * PATH_SIZE - 1, "/cgroup.procs") = 0;
	while (group[--top] != '/')
		;
	*append(group + top, group + sizeof group - 1, "/cgroup.procs") = 0;
	fd = kernel(NR_openat, AT_FDCWD, (u64)group, O_WRONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0 || kernel(NR_write, fd, (u64)"0", 1, 0, 0, 0) < 0)
		left[0] = 0;
	if (fd >= 0)
		kernel(NR_close, fd, 0, 0, 0, 0, 0);
}

/* Bytes of the argument block. The kernel puts the strings in a row, the path of this file last. */
static u64 argument_size(const char *self, u64 argc, char **argv, char **end)
{
	return self && argc ? (u64)(self - argv[0]) + (u64)((char *)end - (char *)argv) : 0;
}

/* A descriptor of this file, its number clear of 0 to 2, which may be closed. `duplicate`: F_DUPFD, or that with close-on-exec. */
static i64 open_own_file(const char *self, u64 duplicate, int *has_proc)
{
	i64 file = open_read("/proc/self/exe"), high;
	*has_proc = file >= 0;
	if (file < 0)
		file = self ? open_read(self) : -1;
	if (file < 0)
		return file;
	high = kernel(NR_fcntl, file, duplicate, 10, 0, 0, 0);
	if (high < 0)
		high = kernel(NR_fcntl, file, duplicate, 3, 0, 0, 0);
	kernel(NR_close, file, 0, 0, 0, 0, 0);
	return high;
}
