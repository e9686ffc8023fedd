/*
 * The head of a tool's single file: notes what a runtime would change in its own process, then becomes Node.
 *
 * It lies in a segment added to koffi's shared library, so one file is at once the program that the kernel starts and the
 * library that Node loads. Behind the code: strings, each ended by NUL: tool name, path of Node noted at build time (may be
 * empty), Node's options, an empty one, and the text that Node is to run. It then gets, as arguments: the noted state, the group
 * that was left, argv[0], argv[1] …
 */
#define RUNTIME "Node"
#define RUNTIME_MEMORY (24UL << 20)	/* of the newest */
#define RUNTIME_DATA (64UL << 20)
#define RUNTIME_ADDRESSES (512UL << 20)
#include "state.h"

/* Variables that would change what Node does are kept from it: their first letter loses bit 6; inherited.ts gives it back. */
static void hide_from_node(char **envp)
{
	for (; *envp; envp++)
		if (starts_with(*envp, "NODE_") || starts_with(*envp, "OPENSSL_CONF="))
			**envp &= ~0x40;
}

#define MFD_NOEXEC_SEAL 8

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

/* Comes back where that is no program. */
static void become(const char *directory, u64 size, const char *name, char **argv, char **envp)
{
	char path[PATH_SIZE];
	char *p = path;
	if (size + length(name) + 2 > sizeof path)
		return;
	while (size--)
		*p++ = *directory++;
	p = append(p, path + sizeof path - 1, name);
	*p = 0;
	argv[0] = path;
	if (kernel(NR_execve, (u64)path, (u64)argv, (u64)envp, 0, 0, 0) == -E2BIG)
		fail(image_end, ": argument list too long\n");
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
	const char *wanted, *path, *self = 0;
	char limits[256];
	int is_secure = 0, has_proc;
	i64 file;

	while (*rest)
		rest++;
	for (u64 *aux = (u64 *)(rest + 1); aux[0]; aux += 2) {
		if (aux[0] == AT_EXECFN)
			self = (const char *)aux[1];
		if (aux[0] == AT_SECURE)
			is_secure = aux[1] != 0;
	}
	limits[0] = ':';
	*raise_limits(limits + 1, limits + sizeof limits - 1, name, argument_size(self, argc, argv, rest)) = 0;

	file = open_own_file(self, F_DUPFD, &has_proc);
	if (file < 0)
		fail(name, ": cannot open its own file, which must be readable\n");
	{
		char state[STATE_SIZE], left[2 * PATH_SIZE], script[64];
		char *arguments[argc + 16];
		u64 count = 1;
		note_state(state, file, limits, has_proc ? 0 : self);
		leave_small_group(left);
		fill_closed();

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
		wanted = variable(envp, "TS_TOOLS_NODE=");
		path = variable(envp, "PATH=");
		hide_from_node(envp);
		/* Where more rights come with this file, whoever starts it does not choose what runs with them. */
		if (is_secure)
			wanted = path = 0;
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
	fail(name, ": cannot find node: set TS_TOOLS_NODE to its path, or add its folder to PATH\n");
}

ENTRY(launch);
