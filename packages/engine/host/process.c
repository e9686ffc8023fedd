/* System calls, and what the kernel has given to this process: what packages/engine/src/host.ts says of them. */
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char **arguments, **environment;

void process_begin(char **argv, char **envp)
{
	arguments = argv;
	environment = envp;
}

static int64_t kernel(const int64_t *w)
{
	int64_t result;
#if defined(__x86_64__)
	register int64_t r10 asm("r10") = w[4], r8 asm("r8") = w[5], r9 asm("r9") = w[6];
	asm volatile("syscall" : "=a"(result) : "a"(w[0]), "D"(w[1]), "S"(w[2]), "d"(w[3]), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register int64_t x8 asm("x8") = w[0], x0 asm("x0") = w[1], x1 asm("x1") = w[2], x2 asm("x2") = w[3], x3 asm("x3") = w[4], x4 asm("x4") = w[5], x5 asm("x5") = w[6];
	asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	result = x0;
#endif
	return result;
}

/* A number or a bigint as 64 bits; false and an exception for anything else: it is never taken for 0. */
static int word(JSContext *context, JSValueConst value, int64_t *word)
{
	double exact;
	if (JS_VALUE_GET_TAG(value) == JS_TAG_INT) {
		*word = JS_VALUE_GET_INT(value);
		return 1;
	}
	if (JS_IsBigInt(context, value))
		return !JS_ToBigInt64(context, word, value);
	if (JS_IsNumber(value) && !JS_ToFloat64(context, &exact, value) && exact >= -9223372036854775808.0 && exact < 18446744073709551616.0) {
		*word = exact < 9223372036854775808.0 ? (int64_t)exact : (int64_t)(uint64_t)exact;
		return 1;
	}
	JS_ThrowTypeError(context, "not a word");
	return 0;
}

static JSValue system_call(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	int64_t words[7] = { 0 };
	(void)this;
	for (int i = 0; i < 7 && i < argc; i++)
		if (!word(context, argv[i], words + i))
			return JS_EXCEPTION;
	return JS_NewInt64(context, kernel(words));
}

static JSValue address(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t size;
	uint8_t *bytes = bytes_of(context, argv[0], &size);
	(void)this, (void)argc;
	/* The kernel looks at none of no bytes. */
	return JS_NewInt64(context, size ? (int64_t)bytes : 0);
}

static JSValue list_of(JSContext *context, char **list)
{
	JSValue array = JS_NewArray(context);
	if (JS_IsException(array))
		return array;
	for (uint32_t i = 0; list[i]; i++)
		JS_SetPropertyUint32(context, array, i, kept_text(context, (uint8_t *)list[i], strlen(list[i])));
	return array;
}

enum { ARGUMENTS, ENVIRONMENT, EXECUTED, EXECUTABLE, DIRECTORY, PID };
static JSValue given(JSContext *context, JSValueConst this, int argc, JSValueConst *argv, int what)
{
	static char path[4096];
	const char *executed = (const char *)getauxval(AT_EXECFN);
	long size;
	(void)this, (void)argc, (void)argv;
	switch (what) {
	case ARGUMENTS:
		return list_of(context, arguments);
	case ENVIRONMENT:
		return list_of(context, environment);
	case PID:
		return JS_NewInt32(context, syscall(SYS_getpid));
	case DIRECTORY:
		size = syscall(SYS_getcwd, path, sizeof path);
		return size < 0 ? JS_NewInt32(context, -errno) : kept_text(context, (uint8_t *)path, size - 1);
	case EXECUTABLE:
		size = readlink("/proc/self/exe", path, sizeof path);
		if (size > 0)
			return kept_text(context, (uint8_t *)path, size);
		__attribute__((fallthrough)); /* there is no /proc */
	default:
		return executed ? kept_text(context, (const uint8_t *)executed, strlen(executed)) : JS_NewString(context, "");
	}
}

static JSValue ids(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	JSValue array = JS_NewArray(context);
	long found[] = { syscall(SYS_getuid), syscall(SYS_geteuid), syscall(SYS_getgid), syscall(SYS_getegid) };
	(void)this, (void)argc, (void)argv;
	if (JS_IsException(array))
		return array;
	for (uint32_t i = 0; i < 4; i++)
		JS_SetPropertyUint32(context, array, i, JS_NewInt64(context, found[i]));
	return array;
}

static JSValue leave(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	int64_t status;
	(void)this, (void)argc;
	if (!word(context, argv[0], &status))
		return JS_EXCEPTION;
	_exit(status);
}

static JSValue send(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	int64_t pid, signal;
	(void)this, (void)argc;
	if (!word(context, argv[0], &pid) || !word(context, argv[1], &signal))
		return JS_EXCEPTION;
	return JS_NewInt32(context, syscall(SYS_kill, pid, signal) ? -errno : 0);
}

static JSValue put(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	int64_t fd;
	size_t size;
	uint8_t *bytes = bytes_of(context, argv[1], &size);
	long written;
	(void)this, (void)argc;
	if (!word(context, argv[0], &fd))
		return JS_EXCEPTION;
	if (!bytes && !JS_IsObject(argv[1]))
		return JS_ThrowTypeError(context, "not bytes");
	written = syscall(SYS_write, fd, bytes, size);
	return JS_NewInt64(context, written < 0 ? -errno : written);
}

static JSValue monotonic(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct timespec now;
	(void)this, (void)argc, (void)argv;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return JS_NewBigInt64(context, now.tv_sec * 1000000000L + now.tv_nsec);
}

static JSValue mask(JSContext *context, JSValueConst this, int argc, JSValueConst *argv, int how)
{
	int64_t signals, before = 0;
	(void)this, (void)argc;
	if (!word(context, argv[0], &signals))
		return JS_EXCEPTION;
	syscall(SYS_rt_sigprocmask, how, &signals, &before, 8);
	return how == SIG_BLOCK ? JS_NewBigUint64(context, before & signals) : JS_UNDEFINED;
}

static JSValue take_signal(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	int64_t signals, milliseconds;
	struct timespec time;
	long number;
	(void)this, (void)argc;
	if (!word(context, argv[0], &signals) || !word(context, argv[1], &milliseconds))
		return JS_EXCEPTION;
	time.tv_sec = milliseconds / 1000;
	time.tv_nsec = milliseconds % 1000 * 1000000;
	do
		number = syscall(SYS_rt_sigtimedwait, &signals, 0, &time, 8);
	while (number < 0 && errno == EINTR && !milliseconds);
	return JS_NewInt32(context, number < 0 ? 0 : number);
}

enum { IGNORED, BLOCKED };
/* Sets of signals: bit 0 is signal 1. */
static JSValue signals(JSContext *context, JSValueConst this, int argc, JSValueConst *argv, int which)
{
	uint64_t set = 0;
	int64_t asked = 0;
	(void)this, (void)argc;
	if (which == IGNORED && !word(context, argv[0], &asked))
		return JS_EXCEPTION;
	if (which == BLOCKED)
		syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, &set, 8);
	else
		for (int signal = 1; signal <= 64; signal++) {
			/* struct sigaction of the kernel: the handler comes first. */
			uint64_t action[4] = { 0 };
			if (asked >> (signal - 1) & 1 && !syscall(SYS_rt_sigaction, signal, 0, action, 8) && action[0] == 1)
				set |= 1UL << (signal - 1);
		}
	return JS_NewBigUint64(context, set);
}

/* Ends the engine for good. */
static JSValue play(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t size;
	uint8_t *bytes = bytes_of(context, argv[0], &size);
	(void)this, (void)argc;
	/* The kernel has put the number of arguments right below them. */
	play_tape((uint64_t *)(arguments - 1), bytes, size);
}

static JSValue where_played(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	(void)this, (void)argc, (void)argv;
	return JS_NewInt64(context, tape_address());
}

const JSCFunctionListEntry process_functions[] = {
#if defined(__x86_64__)
	JS_PROP_STRING_DEF("arch", "x64", 0),
#else
	JS_PROP_STRING_DEF("arch", "arm64", 0),
#endif
	JS_CFUNC_DEF("syscall", 7, system_call),
	JS_CFUNC_DEF("address", 1, address),
	JS_CFUNC_MAGIC_DEF("arguments", 0, given, ARGUMENTS),
	JS_CFUNC_MAGIC_DEF("environment", 0, given, ENVIRONMENT),
	JS_CFUNC_MAGIC_DEF("executed", 0, given, EXECUTED),
	JS_CFUNC_MAGIC_DEF("executable", 0, given, EXECUTABLE),
	JS_CFUNC_MAGIC_DEF("workingDirectory", 0, given, DIRECTORY),
	JS_CFUNC_MAGIC_DEF("pid", 0, given, PID),
	JS_CFUNC_DEF("ids", 0, ids),
	JS_CFUNC_DEF("exit", 1, leave),
	JS_CFUNC_DEF("kill", 2, send),
	JS_CFUNC_DEF("write", 2, put),
	JS_CFUNC_DEF("monotonic", 0, monotonic),
	JS_CFUNC_MAGIC_DEF("block", 1, mask, SIG_BLOCK),
	JS_CFUNC_MAGIC_DEF("unblock", 1, mask, SIG_UNBLOCK),
	JS_CFUNC_DEF("takeSignal", 2, take_signal),
	JS_CFUNC_MAGIC_DEF("ignoredSignals", 1, signals, IGNORED),
	JS_CFUNC_MAGIC_DEF("blockedSignals", 0, signals, BLOCKED),
	JS_CFUNC_DEF("play", 1, play),
	JS_CFUNC_DEF("tapeAddress", 0, where_played),
};
const int process_function_count = sizeof process_functions / sizeof *process_functions;
