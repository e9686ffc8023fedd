/*
 * The runner plays a tape: a list of system calls that TypeScript has planned.
 *
 * A static image without C library, heap or second thread. The tape lies behind the code, mapped writable at TAPE; all
 * addresses in it are absolute, since the image is never moved. ../src/tape/layout.ts writes what is read here, as
 * ../src/tape/structures.ts has it. ../src/tape/README.md says why this exists.
 */
#include "kernel.h"

#if defined(__x86_64__)
enum { NR_mmap = 9, NR_brk = 12, NR_prctl = 157 };
#else
enum { NR_mmap = 222, NR_brk = 214, NR_prctl = 167 };
#endif

#define IMAGE 0x200000UL
#define TAPE 0x400000UL

struct entry {
	u16 op;
	u16 refs;		/* bit n: operand n is the number of an earlier entry, its result is meant */
	u8 failure;
	u8 moves;		/* CALL: behind it a path may lead to another file */
	u16 only;		/* IGNORE and GOTO hold for this errno alone; 0 is any */
	u32 number;		/* system call, condition, kind of waiting or executing, or bytes to store */
	u32 target;		/* entry to go to */
	u64 operand[6];
	i64 result;		/* as the kernel returns it: -errno on failure */
	const char *message;	/* what a failure says before ": strerror" */
	const char *text;	/* the trace line; 0 is silent; byte 1 and a digit stand for that operand, byte 2 for the string it points to */
	const char *explain;	/* what to ask the explainer about, or 0 */
	u16 status;		/* exit status of a failure */
	u16 status_missing;	/* the same for ENOENT */
	u32 undo;		/* entry where a failure goes on, 0 ends */
};

struct piece_entry {
	u64 kind;
	u64 value;
};

struct tape {
	struct entry *entries;
	const char *errors;	/* a line "NUMBER NAME WORDS" for each errno */
	i64 trace;		/* descriptor, or -1 */
	const char *explainer;	/* program that explains a failure, or 0: a path, so none once paths lead elsewhere; behind it the option
				 * that asks for that, and an entry for its environment, which may be empty */
	i64 status;		/* of the failure that is being undone */
	i64 error;		/* its errno */
	const char *subject;	/* its explain */
	char *const *environment; /* for the explainer */
};

#include "tape.generated.h"

#define SIGSET(signal) (1UL << ((signal) - 1))
enum { SIGKILL = 9, SIGCHLD = 17, SIGSTOP = 19, SIGCONT = 18, WNOHANG = 1, WUNTRACED = 2, SIG_UNBLOCK = 1 };

struct kernel_sigaction {
	u64 handler, flags, restorer, mask;
};

struct line {
	char text[1024];
	char *end;
};

static void say(i64 fd, struct line *line)
{
	kernel(NR_write, fd, (u64)line->text, line->end - line->text, 0, 0, 0);
}

static void add(struct line *line, const char *s)
{
	line->end = append(line->end, line->text + sizeof line->text, s);
}

/* What stands behind the number of an error, or 0. */
static const char *error_line(const struct tape *tape, i64 error)
{
	for (const char *p = tape->errors; *p; p++) {
		i64 number = 0;
		while (*p != ' ')
			number = number * 10 + *p++ - '0';
		if (number == error)
			return p + 1;
		while (*p != '\n')
			p++;
	}
	return 0;
}

static void add_until(struct line *line, const char *s, char last)
{
	while (*s != last && line->end < line->text + sizeof line->text)
		*line->end++ = *s++;
}

static void add_error_words(struct line *line, const struct tape *tape, i64 error)
{
	const char *words = error_line(tape, error);
	if (words) {
		while (*words++ != ' ')
			;
		add_until(line, words, '\n');
	} else {
		add(line, "Unknown error ");
		line->end = append_decimal(line->end, line->text + sizeof line->text, error);
	}
}

static void trace(const struct tape *tape, const struct entry *e, const u64 *operand, int done)
{
	struct line line;
	line.end = line.text;
	if (tape->trace < 0 || !e->text)
		return;
	for (const char *p = e->text; *p && line.end < line.text + 900; p++) {
		if (*p == 1)
			line.end = append_decimal(line.end, line.text + sizeof line.text, operand[*++p - '0']);
		else if (*p == 2)
			line.end = append(line.end, line.text + 900, (const char *)operand[*++p - '0']);
		else
			*line.end++ = *p;
	}
	if (done) {
		add(&line, " = ");
		line.end = append_decimal(line.end, line.text + sizeof line.text, e->result < 0 ? -1 : e->result);
		if (e->result < 0) {
			const char *name = error_line(tape, -e->result);
			add(&line, " ");
			add_until(&line, name ? name : "? ", ' ');
			add(&line, " (");
			add_error_words(&line, tape, -e->result);
			add(&line, ")");
		}
	}
	add(&line, "\n");
	say(tape->trace, &line);
}

static i64 format(const struct entry *entries, char *to, const struct piece_entry *piece)
{
	char *p = to, *limit = (char *)~0UL;
	for (; piece->kind != LAST; piece++) {
		i64 result = piece->kind == TEXT ? 0 : entries[piece->value].result;
		if (piece->kind == TEXT)
			p = append(p, limit, (const char *)piece->value);
		else if (piece->kind == RESULT)
			p = append_decimal(p, limit, result);
		else if (piece->kind == EXIT_STATUS)
			p = append_decimal(p, limit, result >> 8 & 255);
		else
			p = append_decimal(p, limit, result & 127);
	}
	*p = 0;
	return p - to;
}

struct search {
	char *const *argv;
	const char **shell;
	char *const *envp;
	i64 result, denied;
};

/* One step of execvp(3); false ends the search: the same errors do, and the same one is kept. */
static int attempt(struct search *search, const char *path)
{
	i64 result = kernel(NR_execve, (u64)path, (u64)search->argv, (u64)search->envp, 0, 0, 0);
	if (result == -ENOEXEC && search->shell) {
		search->shell[1] = path;
		result = kernel(NR_execve, (u64)search->shell[0], (u64)search->shell, (u64)search->envp, 0, 0, 0);
	}
	search->result = result;
	if (result == -EACCES)
		search->denied = result;
	return SEARCH_GOES_ON(result);
}

/* The folders of PATH as it is now, or those that execvp(3) takes without one. */
static void search_path(struct search *search, const char *name)
{
	const char *path = "/bin:/usr/bin";
	for (char *const *entry = search->envp; *entry; entry++)
		if (starts_with(*entry, "PATH=")) {
			path = *entry + 5;
			break;
		}
	for (;;) {
		char file[PATH_SIZE], *p = file, *limit = file + sizeof file - 1;
		while (*path && *path != ':' && p < limit)
			*p++ = *path++;
		if (p > file)	/* an empty one is the working directory */
			p = append(p, limit, "/");
		*append(p, limit, name) = 0;
		if (p + length(name) < limit && !attempt(search, file))
			return;
		while (*path && *path != ':')
			path++;
		if (!*path++)
			return;
	}
}

/* The list with the words of our own command line behind it. */
static char *const *longer(char **to, char *const *list, char *const *words)
{
	char **p = to;
	while (*list)
		*p++ = *list++;
	while ((*p++ = *words++))
		;
	return to;
}

static u64 count(char *const *list)
{
	u64 n = 0;
	while (list[n])
		n++;
	return n;
}

static i64 execute(u32 kind, const u64 *operand, char *const *envp, u64 *stack)
{
	struct search search = { (char *const *)operand[1], (const char **)operand[2], operand[3] ? (char *const *)operand[3] : envp, -ENOENT, 0 };
	char *const *words = (char *const *)(stack + 2);
	u64 size = kind & APPEND && stack[0] ? 8 * (count(search.argv) + stack[0] + 2) : 0;
	char *lists[(2 * size + 8) / 8];
	if (size) {
		search.argv = longer(lists, search.argv, words);
		if (search.shell)
			search.shell = (const char **)longer(lists + size / 8, (char *const *)search.shell, words);
	}
	if (kind & SEARCH)
		search_path(&search, (const char *)operand[0]);
	else
		for (char *const *paths = (char *const *)operand[0]; *paths; paths++)
			if (!attempt(&search, *paths))
				return search.result;
	return search.denied ? search.denied : search.result;
}

static i64 wait_for(i64 pid, u32 kind, u64 forwarded)
{
	int status;
	for (;;) {
		i64 found = kernel(NR_wait4, pid, (u64)&status, (kind & MIRROR_STOPS ? WUNTRACED : 0) | (kind & FORWARD ? WNOHANG : 0), 0, 0, 0);
		if (found == -EINTR)
			continue;
		if (found < 0)
			return found;
		if (found == 0) {
			u64 set = forwarded | SIGSET(SIGCHLD);
			i64 signal = kernel(NR_rt_sigtimedwait, (u64)&set, 0, 0, sizeof set, 0, 0);
			if (signal > 0 && signal != SIGCHLD)
				kernel(NR_kill, pid, signal, 0, 0, 0, 0);
			continue;
		}
		if ((status & 255) != 127)
			return status & 65535;
		/* Stop as the child has stopped; when we are continued, so is the child. */
		kernel(NR_kill, kernel(NR_getpid, 0, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0, 0);
		kernel(NR_kill, pid, SIGCONT, 0, 0, 0, 0);
	}
}

/* A child that a signal has ended ends us by the same signal. Comes back only where that is impossible. */
static i64 end_as_child(i64 status)
{
	struct kernel_sigaction action = { 0, 0, 0, 0 };
	i64 signal = status & 127, result;
	u64 set;
	if (!signal)
		end(status >> 8 & 255);
	/* Of SIGKILL the action cannot be set, and need not be. */
	result = signal == SIGKILL ? 0 : kernel(NR_rt_sigaction, signal, (u64)&action, 0, sizeof set, 0, 0);
	if (result < 0)
		return result;
	set = SIGSET(signal);
	kernel(NR_rt_sigprocmask, SIG_UNBLOCK, (u64)&set, 0, sizeof set, 0, 0);
	return kernel(NR_kill, kernel(NR_getpid, 0, 0, 0, 0, 0, 0), signal, 0, 0, 0, 0);
}

struct memory_map {
	u64 start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end, auxv;
	u32 auxv_size, exe_fd;
};
enum { PR_SET_MM = 35, PR_SET_MM_MAP = 14, PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS = 0x22 };

static void copy(char *to, const char *from, u64 size)
{
	while (size--) {
		asm volatile("");	/* keeps the compiler from calling memcpy */
		*to++ = *from++;
	}
}

/*
 * Makes these words our command line, as ps(1) shows it. PR_SET_MM_MAP wants no right, but a kernel that has it; the words must
 * lie in anonymous memory. Elsewhere they are put over those that we were started with, where they are no longer.
 */
static void show(const char *words, u64 size, u64 *stack)
{
	char *const *argv = (char *const *)(stack + 1), *const *last = argv + stack[0] + 1;
	struct memory_map map = { IMAGE, (u64)image_end, (u64)image_end, (u64)image_end, 0, 0, (u64)stack, 0, 0, 0, 0, 0, 0, ~0U };
	if (!stack[0])
		return;
	map.env_start = map.env_end = (u64)argv[stack[0] - 1] + length(argv[stack[0] - 1]) + 1;
	for (; *last; last++)
		map.env_end = (u64)*last + length(*last) + 1;
	map.start_brk = map.brk = kernel(NR_brk, 0, 0, 0, 0, 0, 0);
	map.arg_start = kernel(NR_mmap, 0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
	map.arg_end = map.arg_start + size;
	if ((i64)map.arg_start > 0) {
		copy((char *)map.arg_start, words, size);
		if (!kernel(NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (u64)&map, sizeof map, 0, 0))
			return;
	}
	char *to = argv[0], *limit = (char *)map.env_start;
	if (to + size > limit)
		return;
	copy(to, words, size);
	for (to += size; to < limit; to++) {
		asm volatile("");
		*to = 0;
	}
}

static void __attribute__((noreturn)) end_failed(struct tape *tape)
{
	if (tape->explainer && tape->subject) {
		char error[24], status[24];
		const char *option = tape->explainer + length(tape->explainer) + 1, *variable = option + length(option) + 1;
		char *argv[6], *environment[count(tape->environment) + 2], **entry = environment;
		*append_decimal(error, error + 23, tape->error) = 0;
		*append_decimal(status, status + 23, tape->status) = 0;
		argv[0] = (char *)tape->explainer;
		argv[1] = (char *)option;
		argv[2] = error;
		argv[3] = status;
		argv[4] = (char *)tape->subject;
		argv[5] = 0;
		if (*variable)
			*entry++ = (char *)variable;
		longer(entry, tape->environment, &argv[5]);
		/* In a child: what limits or filters on this tape do to it must not change the status. */
		i64 pid = kernel(NR_clone, SIGCHLD, 0, 0, 0, 0, 0);
		if (!pid) {
			kernel(NR_execve, (u64)tape->explainer, (u64)argv, (u64)environment, 0, 0, 0);
			end(0);
		}
		while (pid > 0 && kernel(NR_wait4, pid, 0, 0, 0, 0, 0) == -EINTR)
			;
	}
	end(tape->status);
}

/* Says what failed, once; gives the entry where playing goes on. */
static u32 report(struct tape *tape, const struct entry *e)
{
	if (e->message) {
		struct line words;
		words.end = words.text;
		add(&words, ": ");
		add_error_words(&words, tape, -e->result);
		add(&words, "\n");
		/* Written at once and in full, however long a name is in it. */
		struct { const char *text; u64 size; } parts[] = { { e->message, length(e->message) }, { words.text, words.end - words.text } };
		kernel(NR_writev, 2, (u64)parts, 2, 0, 0, 0);
	}
	tape->status = e->result == -ENOENT ? e->status_missing : e->status;
	tape->error = -e->result;
	tape->subject = e->explain;
	if (!e->undo)
		end_failed(tape);
	return e->undo;
}

void __attribute__((noreturn)) play(u64 *stack)
{
	struct tape *tape = (struct tape *)(TAPE + ((u64)image_end - IMAGE));
	char *const *envp = (char *const *)(stack + 1 + stack[0] + 1);
	u32 next = 0;
	tape->environment = envp;
	for (;;) {
		struct entry *e = &tape->entries[next++];
		u64 operand[6];
		for (int i = 0; i < 6; i++)
			operand[i] = e->refs >> i & 1 ? (u64)tape->entries[e->operand[i]].result : e->operand[i];
		switch (e->op) {
		case CALL:
			e->result = kernel(e->number, operand[0], operand[1], operand[2], operand[3], operand[4], operand[5]);
			/* What lies at the path of the explainer may be anybody's now. */
			if (e->moves && e->result >= 0)
				tape->explainer = 0;
			trace(tape, e, operand, 1);
			break;
		case FORMAT:
			e->result = format(tape->entries, (char *)operand[0], (const struct piece_entry *)operand[1]);
			break;
		case BRANCH:
			if (e->number == EQUAL ? operand[0] == operand[1] : e->number == NOT_EQUAL ? operand[0] != operand[1] : (i64)operand[0] < (i64)operand[1])
				next = e->target;
			continue;
		case STORE:
			if (e->number == 8)
				*(u64 *)(operand[0] + operand[1]) = operand[2];
			else
				*(u32 *)(operand[0] + operand[1]) = operand[2];
			continue;
		case SHOW:
			show((const char *)operand[0], operand[1], stack);
			continue;
		case EXEC:
			trace(tape, e, operand, 0);
			e->result = execute(e->number, operand, envp, stack);
			trace(tape, e, operand, 1);
			break;
		case WAIT:
			e->result = wait_for(operand[0], e->number, operand[1]);
			trace(tape, e, operand, 1);
			break;
		case END_AS_CHILD:
			e->result = end_as_child(operand[0]);
			break;
		case END:
			if (e->number)
				end_failed(tape);
			end(operand[0]);
		}
		if (e->result >= 0 || e->result < -4095)
			continue;
		if (e->failure == REPORT || (e->only && e->only != -e->result))
			next = report(tape, e);
		else if (e->failure == GOTO)
			next = e->target;
	}
}

ENTRY(play);
