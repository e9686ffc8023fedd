/*
 * What the program is: with a snapshot behind it (tools/engine/pack.ts), the tools; without one, what makes it, or runs a script.
 *
 *     host --compile SCRIPT CODE     compiles it, in a process of its own: what that leaves behind would lie in the snapshot
 *     host --snapshot CODE OUT       runs that and its function `rehearse`, and saves the engine's memory
 *     host SCRIPT                    runs a script, for tests
 */
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern unsigned long js_frozen_size;
void JS_Freeze(JSRuntime *runtime);
void JS_Renew(JSContext *context, uint64_t seed);

/* Filled in by tools/engine/pack.ts: bytes of the snapshot, and those of the memory that is there from the start. */
struct payload {
	char name[8];
	uint64_t size, memory;
};
__attribute__((section(".payload"), used)) volatile struct payload payload = { "SNAPSHOT", 0, 0 };

static void say(const char *text)
{
	if (write(2, text, strlen(text)) < 0)
		return; /* there is nobody to tell */
}

void die(const char *what)
{
	say("internal error: ");
	say(what);
	say("\n");
	_exit(1);
}

/* An error that nobody has caught, on one line. */
static void complain(JSContext *context)
{
	JSValue error = JS_GetException(context);
	/* Memory for an error that says so may be missing, too: it is null then. */
	const char *text = JS_IsNull(error) ? 0 : JS_ToCString(context, error);
	char line[512], *to = line;
	for (const char *p = text ? text : "out of memory"; *p && to < line + sizeof line - 1; p++)
		*to++ = *p == '\n' ? ' ' : *p;
	*to = 0;
	die(line);
}

/* What the engine may use of the stack: less than the limit, so that it is the engine that notices. */
static size_t stack_size(void)
{
	struct rlimit limit;
	const size_t most = 1UL << 20, least = 64UL << 10;
	if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur / 2 > most)
		return most;
	return limit.rlim_cur / 2 < least ? least : limit.rlim_cur / 2;
}

static void begin(void)
{
	JSValue global, host;
	JSRuntime *runtime;
	JSContext *context;
	if (!memory_begin() || !(runtime = JS_NewRuntime2(&memory_functions, 0)) || !(context = JS_NewContext(runtime)))
		die("out of memory");
	MEMORY->runtime = runtime;
	MEMORY->context = context;
	JS_SetCanBlock(runtime, 1);
	global = JS_GetGlobalObject(context);
	host = JS_NewObject(context);
	JS_SetPropertyFunctionList(context, host, byte_functions, byte_function_count);
	JS_SetPropertyFunctionList(context, host, process_functions, process_function_count);
	JS_SetPropertyStr(context, global, "host", host);
	JS_FreeValue(context, global);
}

/* Calls a function of that name, where the script has one. */
static void call(const char *name)
{
	JSContext *context = MEMORY->context;
	JSValue global = JS_GetGlobalObject(context), function = JS_GetPropertyStr(context, global, name), result;
	if (JS_IsFunction(context, function)) {
		result = JS_Call(context, function, JS_UNDEFINED, 0, 0);
		if (JS_IsException(result))
			complain(context);
		JS_FreeValue(context, result);
	}
	JS_FreeValue(context, function);
	JS_FreeValue(context, global);
}

static void run_jobs(void)
{
	JSContext *other;
	int left;
	while ((left = JS_ExecutePendingJob(MEMORY->runtime, &other)) > 0)
		;
	if (left < 0)
		complain(other);
}

/* Runs to the end: what was started, what waits for it, and what is to be done when nothing is left. */
static int run(const char *name)
{
	call(name);
	run_jobs();
	call("ended");
	run_jobs();
	return 0;
}

static char *contents(const char *path, size_t *size)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	if (fd < 0 || fstat(fd, &status) || !(text = malloc(status.st_size + 1)) || read(fd, text, status.st_size) != status.st_size)
		die(strerror(errno));
	close(fd);
	*size = status.st_size;
	text[*size] = 0;
	return text;
}

/*
 * While a file is built, addresses are the same each time: those of the stack stand in the memory that is saved, where nobody looks at
 * them, and the heap of the C library lies in nobody's way.
 */
static void keep_addresses(char **argv)
{
	int now = personality(0xffffffff);
	if (now & ADDR_NO_RANDOMIZE)
		return;
	personality(now | ADDR_NO_RANDOMIZE);
	execve("/proc/self/exe", argv, (char *[]){ 0 });
	die(strerror(errno));
}

static JSValue checked(JSValue value)
{
	if (JS_IsException(value))
		complain(MEMORY->context);
	return value;
}

static JSValue script(const char *path, int flags)
{
	size_t size;
	char *text = contents(path, &size);
	JSValue value = checked(JS_Eval(MEMORY->context, text, size, "ts-tools", JS_EVAL_TYPE_GLOBAL | flags));
	free(text);
	return value;
}

static int put(const char *path, const uint8_t *p, const uint8_t *end)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(strerror(errno));
	while (p < end) {
		ssize_t written = write(fd, p, end - p);
		if (written <= 0)
			die(strerror(errno));
		p += written;
	}
	return close(fd);
}

static int compile(const char *path, const char *out)
{
	size_t size;
	const uint8_t *code;
	JS_SetStripInfo(MEMORY->runtime, JS_STRIP_DEBUG);
	code = JS_WriteObject(MEMORY->context, &size, script(path, JS_EVAL_FLAG_COMPILE_ONLY), JS_WRITE_OBJ_BYTECODE);
	if (!code)
		complain(MEMORY->context);
	return put(out, code, code + size);
}

static void run_code(const char *path)
{
	size_t size;
	char *code = contents(path, &size);
	JS_FreeValue(MEMORY->context, checked(JS_EvalFunction(MEMORY->context, checked(JS_ReadObject(MEMORY->context, (uint8_t *)code, size, JS_READ_OBJ_BYTECODE)))));
	free(code);
}

static int save(const char *path)
{
	JS_RunGC(MEMORY->runtime);
	JS_Freeze(MEMORY->runtime);
	/* No address of this process's stack, no time of this run. */
	JS_Renew(MEMORY->context, 1);
	return put(path, (const uint8_t *)MEMORY_AT, memory_close());
}

int main(int argc, char **argv, char **envp)
{
	process_begin(argv, envp);
	if (payload.size) {
		uint64_t seed = 0;
		if (payload.memory <= payload.size + sizeof(uint64_t))
			die("the file is damaged");
		js_frozen_size = payload.size;
		MEMORY->end = (uint8_t *)MEMORY_AT + payload.memory;
		JS_SetMaxStackSize(MEMORY->runtime, stack_size());
		JS_UpdateStackTop(MEMORY->runtime);
		if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
			seed = (uint64_t)&seed ^ (uint64_t)getpid() << 32;
		JS_Renew(MEMORY->context, seed);
		return run("start");
	}
	if (argc == 4 && !strcmp(argv[1], "--snapshot")) {
		keep_addresses(argv);
		begin();
		run_code(argv[2]);
		run_jobs();
		call("rehearse");
		run_jobs();
		return save(argv[3]);
	}
	if (argc == 4 && !strcmp(argv[1], "--compile")) {
		keep_addresses(argv);
		begin();
		return compile(argv[2], argv[3]);
	}
	if (argc != 2)
		die("usage: host SCRIPT, host --compile SCRIPT CODE, or host --snapshot CODE OUT");
	begin();
	JS_FreeValue(MEMORY->context, script(argv[1], 0));
	return run("start");
}
