/*
 * The head of a tool's single file: notes what a runtime would change in its own process, then becomes Node.
 *
 * It lies in a segment added to koffi's shared library, so one file is at once the program that the kernel starts and the
 * library that Node loads. Behind the code: strings, each ended by NUL: tool name, number of threads that Node starts for it, path of
 * Node noted at build time (may be empty) and the size of that file, Node's options, an empty one, and the text that Node is to run. It
 * then gets, as arguments: the noted state, the group that was left, argv[0], argv[1] …
 */
#define RUNTIME "Node"
#define RUNTIME_MEMORY (24UL << 20)	/* of the newest */
#define RUNTIME_DATA (64UL << 20)
#define RUNTIME_ADDRESSES (512UL << 20)
#define RUNTIME_STACK (256UL << 10)
#define RUNTIME_FILES 20
#include "state.h"

/* Variables that would change what Node does are kept from it: their first letter loses bit 6; inherited.ts gives it back. */
static void hide_from_node(char **envp)
{
	for (; *envp; envp++)
		if (starts_with(*envp, "NODE_") || starts_with(*envp, "OPENSSL_CONF="))
			**envp &= ~0x40;
}

#define MFD_NOEXEC_SEAL 8
#define SMALL_STACK (2UL << 20)
#define SIGCHLD 17

/*
 * Node starts sooner with a script than with -e, for which it loads more of itself. So the text becomes a file in memory, `path`,
 * which the text closes itself. 0 where that cannot be, and where there is a /package.json: Node would ask it of which kind the script
 * is, and stop where it cannot be read. (-r would ask one in the working directory, and do what is said there.)
 */
static int make_script(const char *text, char *path, char *limit)
{
	u64 size = length(text), pair[2];
	i64 file;
	if (kernel(NR_prlimit64, 0, RLIMIT_FSIZE, 0, (u64)pair, 0, 0) < 0 || pair[0] < size)
		return 0;
	file = kernel(NR_openat, AT_FDCWD, (u64)"/package.json", O_PATH | O_CLOEXEC, 0, 0, 0);
	if (file >= 0)
		kernel(NR_close, file, 0, 0, 0, 0, 0);
	if (file != -ENOENT)
		return 0;
	file = kernel(NR_memfd_create, (u64)"loader", MFD_NOEXEC_SEAL, 0, 0, 0, 0);
	if (file < 0)	/* before Linux 6.3 */
		file = kernel(NR_memfd_create, (u64)"loader", 0, 0, 0, 0, 0);
	if (file < 0)
		return 0;
	*append_decimal(append(path, limit, "/proc/self/fd/"), limit, file) = 0;
	if (kernel(NR_write, file, (u64)text, size, 0, 0, 0) == (i64)size) {
		i64 again = open_read(path);	/* a security module may allow the one and not the other */
		if (again >= 0) {
			kernel(NR_close, again, 0, 0, 0, 0, 0);
			return 1;
		}
	}
	kernel(NR_close, file, 0, 0, 0, 0, 0);
	return 0;
}

/* The oldest Node that has what the tools need: README.md names it, too. */
enum { LEAST_MAJOR = 20, LEAST_MINOR = 19 };

struct search {
	char **argv, **envp;
	const char *noted_size;
	char old[PATH_SIZE + 64];	/* the first one that was too old: version and path */
};

static const char *read_number(const char *text, u64 *number)
{
	for (*number = 0; *text >= '0' && *text <= '9' && *number < 1UL << 32; text++)
		*number = *number * 10 + (u64)(*text - '0');
	return text;
}

/* Bytes of the file that this path leads to, or 0. */
static u64 size_of(const char *path)
{
	u64 status[STAT_WORDS];
	return kernel(NR_newfstatat, AT_FDCWD, (u64)path, (u64)status, 0, 0, 0) < 0 ? 0 : status[STAT_SIZE];
}

/* What `path --version` prints, without its line end; nothing where it is no program. */
static void ask_version(const struct search *search, const char *path, char *answer, u64 size)
{
	const char *argv[] = { path, "--version", 0 };
	u64 child_ended = 1UL << (SIGCHLD - 1), no_time[2];
	int ends[2];
	i64 child, done = 0;
	no_time[0] = no_time[1] = 0;
	answer[0] = 0;
	if (kernel(NR_pipe2, (u64)ends, O_CLOEXEC, 0, 0, 0, 0) < 0)
		return;
	child = kernel(NR_clone, SIGCHLD, 0, 0, 0, 0, 0);
	if (!child) {
		kernel(NR_dup3, ends[1], 1, 0, 0, 0, 0);
		kernel(NR_close, 2, 0, 0, 0, 0, 0);
		kernel(NR_execve, (u64)path, (u64)argv, (u64)search->envp, 0, 0, 0);
		end(127);
	}
	kernel(NR_close, ends[1], 0, 0, 0, 0, 0);
	if (child > 0) {
		do
			done = kernel(NR_read, ends[0], (u64)answer, size - 1, 0, 0, 0);
		while (done == -EINTR);
		answer[done > 0 ? done : 0] = 0;
	}
	kernel(NR_close, ends[0], 0, 0, 0, 0, 0);
	while (child > 0 && kernel(NR_wait4, child, 0, 0, 0, 0, 0) == -EINTR)
		;
	/* Where it is blocked, it waits now. What waited before has been noted and taken. */
	kernel(NR_rt_sigtimedwait, (u64)&child_ended, 0, (u64)no_time, sizeof child_ended, 0, 0);
	for (char *p = answer; *p; p++)
		if (*p == '\n')
			*p = 0;
}

/* Whether that is a Node that the tools run with. The one that built them is known by its size, and need not be asked. */
static int is_usable(struct search *search, const char *path)
{
	char version[64];
	u64 size = size_of(path), noted, major, minor;
	read_number(search->noted_size, &noted);
	if (!size || size == noted)
		return size != 0;
	ask_version(search, path, version, sizeof version);
	if (version[0] != 'v' || *read_number(read_number(version + 1, &major) + 1, &minor) != '.')
		return 0;
	if (major > LEAST_MAJOR || (major == LEAST_MAJOR && minor >= LEAST_MINOR))
		return 1;
	if (!search->old[0]) {
		char *p = append(search->old, search->old + sizeof search->old - 1, version);
		p = append(append(p, search->old + sizeof search->old - 1, ", "), search->old + sizeof search->old - 1, path);
		*p = 0;
	}
	return 0;
}

/* Comes back where that is no program, or none that is new enough. */
static void become(struct search *search, const char *directory, u64 size, const char *name)
{
	char path[PATH_SIZE];
	char *p = path;
	if (size + length(name) + 2 > sizeof path)
		return;
	while (size--)
		*p++ = *directory++;
	p = append(p, path + sizeof path - 1, name);
	*p = 0;
	if (!is_usable(search, path))
		return;
	search->argv[0] = path;
	if (kernel(NR_execve, (u64)path, (u64)search->argv, (u64)search->envp, 0, 0, 0) == -E2BIG)
		fail(image_end, ": argument list too long\n");
}

/*
 * Node waits for ever for threads that it cannot start. So it is tried whether as many can be: they sleep, and the execve ends them, or
 * the end of this process.
 */
static void check_threads(const char *name, u64 needed)
{
	for (u64 made = 0; made < needed; made++) {
		i64 thread = sleeping_thread();
		if (thread == -EAGAIN)
			fail_with(name, ": the limit of processes (ulimit -u, or pids.max of the control group) is too low for Node, which starts ", needed, " threads\n");
		if (thread == -EINVAL)
			fail(name, ": children of this process go to another PID namespace, where Node cannot start threads: fork first (unshare --fork)\n");
	}
}

static const char *variable(char **envp, const char *assignment)
{
	for (; *envp; envp++)
		if (starts_with(*envp, assignment))
			return *envp + length(assignment);
	return 0;
}

/* Apart from what looks at the limits: a small stack has no room for this. */
static void __attribute__((noreturn, noinline)) become_node(u64 argc, char **argv, const char *self, int is_secure, const char *limits)
{
	char **envp = argv + argc + 1;
	const char *name = image_end, *threads = name + length(name) + 1, *noted = threads + length(threads) + 1;
	const char *noted_size = noted + length(noted) + 1, *argument = noted_size + length(noted_size) + 1;
	const char *wanted = variable(envp, "TS_TOOLS_NODE="), *path = variable(envp, "PATH=");
	char state[STATE_SIZE], left[2 * PATH_SIZE], script[64], stack_size[48];
	char *arguments[argc + 17];
	struct search search;
	u64 count = 1, needed, pair[2];
	int has_proc;
	i64 file = open_own_file(self, F_DUPFD, &has_proc);
	if (file < 0)
		fail(name, ": cannot open its own file, which must be readable\n");
	note_state(state, file, limits, has_proc ? 0 : self);
	leave_small_group(left);
	fill_closed();
	search.argv = arguments;
	search.envp = envp;
	search.noted_size = noted_size;
	search.old[0] = 0;
	read_number(threads, &needed);
	check_threads(name, needed);

	/* V8 takes a megabyte for granted. */
	if (kernel(NR_prlimit64, 0, RLIMIT_STACK, 0, (u64)pair, 0, 0) == 0 && pair[0] < SMALL_STACK) {
		*append_decimal(append(stack_size, stack_size + sizeof stack_size - 1, "--stack-size="), stack_size + sizeof stack_size - 1, (i64)(pair[0] >> 11)) = 0;
		arguments[count++] = stack_size;
	}
	for (; *argument; argument += length(argument) + 1)
		arguments[count++] = (char *)argument;
	argument++;
	if (has_proc && make_script(argument, script, script + sizeof script - 1)) {
		arguments[count++] = script;
	} else {
		arguments[count++] = "-e";
		arguments[count++] = (char *)argument;
	}
	arguments[count++] = state;
	arguments[count++] = left;
	if (argc == 0)
		arguments[count++] = (char *)name;
	for (u64 i = 0; i <= argc; i++)
		arguments[count++] = argv[i];
	hide_from_node(envp);
	/* Where more rights come with this file, whoever starts it does not choose what runs with them. */
	if (is_secure)
		wanted = path = 0;
	if (wanted && *wanted)
		become(&search, wanted, length(wanted), "");
	if (*noted)
		become(&search, noted, length(noted), "");
	while (path && *path) {
		u64 size = 0;
		while (path[size] && path[size] != ':')
			size++;
		if (path[0] == '/')	/* never a program from the current directory */
			become(&search, path, size, "/node");
		path += size + (path[size] == ':');
	}
	become(&search, "", 0, "/usr/local/bin/node");
	become(&search, "", 0, "/usr/bin/node");
	become(&search, "", 0, "/bin/node");
	become(&search, "", 0, "/opt/node/bin/node");
	become(&search, "", 0, "/snap/bin/node");
	if (search.old[0]) {
		char words[2 * PATH_SIZE], *p = append(words, words + sizeof words - 2, ": requires Node 20.19 or newer; found ");
		p = append(p, words + sizeof words - 2, search.old);
		*append(p, words + sizeof words - 1, "\n") = 0;
		fail(name, words);
	}
	fail(name, ": cannot find node: set TS_TOOLS_NODE to its path, or add its folder to PATH\n");
}

void __attribute__((noreturn)) launch(u64 *stack)
{
	u64 argc = stack[0];
	char **argv = (char **)(stack + 1), **rest = argv + argc + 1;
	const char *self = 0;
	char limits[256];
	int is_secure = 0;

	while (*rest)
		rest++;
	for (u64 *aux = (u64 *)(rest + 1); aux[0]; aux += 2) {
		if (aux[0] == AT_EXECFN)
			self = (const char *)aux[1];
		if (aux[0] == AT_SECURE)
			is_secure = aux[1] != 0;
	}
	limits[0] = ':';
	*raise_limits(limits + 1, limits + sizeof limits - 1, image_end, argument_size(self, argc, argv, rest)) = 0;
	become_node(argc, argv, self, is_secure, limits);
}

ENTRY(launch);
