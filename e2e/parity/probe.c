/*
 * What a process inherits, as text.
 *
 *     probe dump FILE PID [argument…]                      writes it to FILE; PID is that of the tool which started us
 *     probe with [ATTRIBUTE VALUE]… -- PROGRAM ARGUMENT…   gives itself attributes and becomes the program
 *
 * In arguments behind "--", \xNN is that byte and @PID@ is our own PID. One line an attribute, so that two dumps compare by diff.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { DESCRIPTORS = 5000, SIGNALS = 64 };

static char text[8 << 20];
static size_t used;

static void say(const char *form, ...)
{
	va_list list;
	va_start(list, form);
	used += vsnprintf(text + used, sizeof text - used, form, list);
	va_end(list);
}

static void say_bytes(const char *label, const char *s)
{
	say("%s ", label);
	for (; *s; s++)
		if (*s > ' ' && *s < 127 && *s != '\\')
			say("%c", *s);
		else
			say("\\x%02x", (unsigned char)*s);
	say("\n");
}

static void say_process(const char *label, pid_t pid, pid_t tool)
{
	if (pid == getpid())
		say("%s: self\n", label);
	else if (pid == tool)
		say("%s: the tool\n", label);
	else
		say("%s: %d\n", label, pid);
}

static void say_file(const char *path)
{
	char line[4096];
	FILE *file = fopen(path, "re");
	if (!file) {
		say("%s: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof line, file))
		say("%s: %s", path, line);
	fclose(file);
}

static void say_status(const char *key)
{
	char line[4096];
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, key, strlen(key)))
			say("status %s", line);
	if (file)
		fclose(file);
}

static void descriptors(void)
{
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		struct stat st;
		int flags = fcntl(fd, F_GETFD);
		if (flags < 0 || fstat(fd, &st))
			continue;
		say("descriptor %d: flags %d status %o offset %lld type %o device %lx:%lx inode %lu owner %d signal %d\n", fd, flags,
		    fcntl(fd, F_GETFL), (long long)lseek(fd, 0, SEEK_CUR), st.st_mode, (long)st.st_dev, (long)st.st_rdev,
		    S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? (unsigned long)st.st_ino : 0, fcntl(fd, F_GETOWN), fcntl(fd, F_GETSIG));
	}
}

static void signals(void)
{
	uint64_t set = 0;
	syscall(SYS_rt_sigprocmask, 0, NULL, &set, sizeof set);
	say("blocked: %016llx\n", (unsigned long long)set);
	for (int signal = 1; signal <= SIGNALS; signal++) {
		struct { uint64_t handler, flags, restorer, mask; } action = { 0 };
		if (!syscall(SYS_rt_sigaction, signal, NULL, &action, sizeof set) && (action.handler || action.flags || action.mask))
			say("action of signal %d: %llx %llx %llx\n", signal, (long long)action.handler, (long long)action.flags, (long long)action.mask);
	}
	/* Taken from the queue: what they carry shows too. */
	for (;;) {
		siginfo_t info;
		struct timespec none = { 0, 0 };
		set = ~0ULL;
		memset(&info, 0, sizeof info);
		int signal = syscall(SYS_rt_sigtimedwait, &set, &info, &none, sizeof set);
		if (signal <= 0)
			break;
		say("pending: %d code %d value %d\n", signal, info.si_code, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
	}
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		struct itimerval timer;
		getitimer(which, &timer);
		say("timer %d: %s every %ld\n", which, timer.it_value.tv_sec || timer.it_value.tv_usec ? "runs" : "off", (long)timer.it_interval.tv_sec);
	}
}

static void resources(void)
{
	struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; uint32_t low, high; } attr;
	unsigned long mask[16] = { 0 };
	for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
		struct rlimit limit = { 0, 0 };
		getrlimit(resource, &limit);
		say("limit %d: %llu %llu\n", resource, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
	}
	memset(&attr, 0, sizeof attr);
	syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0);
	say("nice: %d\n", getpriority(PRIO_PROCESS, 0));
	say("scheduling: policy %u flags %llx nice %d priority %u clamp %u %u\n", attr.policy, (unsigned long long)attr.flags, attr.nice, attr.priority, attr.low, attr.high);
	syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
	say("affinity: %lx\n", mask[0]);
	say("ioprio: %lx\n", syscall(SYS_ioprio_get, 1, 0));
	int mode = -1;
	syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0);
	say("memory policy: %d\n", mode);
}

static void credentials(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	uid_t r, e, s;
	gid_t list[256];
	uint64_t bounding = 0, ambient = 0;
	getresuid(&r, &e, &s);
	say("uids: %u %u %u fs %d\n", r, e, s, (int)syscall(SYS_setfsuid, -1));
	getresgid(&r, &e, &s);
	say("gids: %u %u %u fs %d\n", r, e, s, (int)syscall(SYS_setfsgid, -1));
	int count = getgroups(256, list);
	say("groups:");
	for (int i = 0; i < count; i++)
		say(" %u", list[i]);
	say("\n");
	syscall(SYS_capget, &header, data);
	for (int capability = 0; capability < 64; capability++) {
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
			bounding |= 1ULL << capability;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
			ambient |= 1ULL << capability;
	}
	say("capabilities: effective %x%08x permitted %x%08x inheritable %x%08x bounding %llx ambient %llx\n", data[1].effective, data[0].effective,
	    data[1].permitted, data[0].permitted, data[1].inheritable, data[0].inheritable, (unsigned long long)bounding, (unsigned long long)ambient);
	say("securebits: %x\n", prctl(PR_GET_SECUREBITS));
	say("no_new_privs: %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	say("keepcaps: %d\n", prctl(PR_GET_KEEPCAPS));
	say_status("Seccomp");
}

static void relations(pid_t tool)
{
	char buffer[4096] = "";
	int tty = 0, foreground = 0;
	say("pid: %s\n", getpid() == tool ? "the tool's" : "another");
	say_process("parent", getppid(), tool);
	say_process("session", getsid(0), tool);
	say_process("process group", getpgrp(), tool);
	FILE *file = fopen("/proc/self/stat", "re");
	if (file) {
		if (fgets(buffer, sizeof buffer, file))
			sscanf(strrchr(buffer, ')') + 2, "%*c %*d %*d %*d %d %d", &tty, &foreground);
		fclose(file);
	}
	say("terminal: %x\n", tty);
	if (foreground > 0)
		say("foreground group: %s\n", foreground == getpgrp() ? "own" : "another");
	memset(buffer, 0, sizeof buffer);
	prctl(PR_GET_NAME, buffer);
	say_bytes("comm:", buffer);
	memset(buffer, 0, sizeof buffer);
	say("exe: %s\n", readlink("/proc/self/exe", buffer, sizeof buffer - 1) < 0 ? strerror(errno) : buffer);
}

static void switches(void)
{
	int value = 0;
	say("dumpable: %d\n", prctl(PR_GET_DUMPABLE));
	prctl(PR_GET_PDEATHSIG, &value);
	say("pdeathsig: %d\n", value);
	prctl(PR_GET_CHILD_SUBREAPER, &value);
	say("subreaper: %d\n", value);
	say("timer slack: %d\n", prctl(PR_GET_TIMERSLACK));
	say("thp disabled: %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	say("machine check: %d\n", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	say("personality: %lx\n", (long)personality(0xffffffff));
	say_file("/proc/self/oom_score_adj");
	say_file("/proc/self/coredump_filter");
	say_file("/proc/self/cgroup");
	say_file("/proc/self/loginuid");
}

static int dump(int argc, char **argv, char **envp)
{
	char path[PATH_MAX];
	struct stat st;
	int out;
	mode_t mask = umask(0);
	umask(mask);

	/* Before anything is opened. */
	descriptors();
	for (int i = 4; i < argc; i++)
		say_bytes("argument", argv[i]);
	say("arguments: %d\n", argc);
	say_bytes("argument 0", argv[0]);
	for (char **entry = envp; *entry; entry++)
		say_bytes("environment", *entry);
	int is_there = syscall(SYS_getcwd, path, sizeof path) >= 0;
	say("cwd: %s\n", is_there ? path : strerror(errno));
	if (is_there && !stat(".", &st))
		say("cwd inode: %lx:%lu\n", (long)st.st_dev, (unsigned long)st.st_ino);
	if (!stat("/", &st))
		say("root inode: %lx:%lu\n", (long)st.st_dev, (unsigned long)st.st_ino);
	say("umask: %o\n", mask);
	signals();
	resources();
	credentials();
	relations(argc > 3 ? atoi(argv[3]) : 0);
	switches();

	struct rlimit none;
	getrlimit(RLIMIT_FSIZE, &none);
	none.rlim_cur = none.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	out = open(argv[2], O_WRONLY | O_APPEND);
	return out < 0 || write(out, text, used) != (ssize_t)used;
}

static void must(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
		_exit(99);
	}
}

static char *unescape(char *s)
{
	char *start = s, *to = s;
	static char pid[16];
	if (!strcmp(s, "@PID@")) {
		snprintf(pid, sizeof pid, "%d", getpid());
		return pid;
	}
	while (*s) {
		if (s[0] == '\\' && s[1] == 'x') {
			char digits[3] = { s[2], s[3], 0 };
			*to++ = strtol(digits, NULL, 16);
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
	return start;
}

static char *environment[4096];
static int entries;

static void set_mask(int signal)
{
	uint64_t set = 1ULL << (signal - 1);
	must(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof set), "block");
}

static void set(const char *name, char *value)
{
	long number = strtol(value, NULL, 0), second = 0, third = 0;
	char *more = strchr(value, ',');
	if (more) {
		second = strtol(more + 1, &more, 0);
		third = *more == ',' ? strtol(more + 1, NULL, 0) : 0;
	}
	if (!strcmp(name, "env"))
		environment[entries++] = unescape(value);
	else if (!strcmp(name, "umask"))
		umask(strtol(value, NULL, 8));
	else if (!strcmp(name, "cwd"))
		must(chdir(value), "chdir");
	else if (!strcmp(name, "rmdir"))
		must(rmdir(value), "rmdir");
	else if (!strcmp(name, "chroot"))
		must(chroot(value) ?: chdir("/"), "chroot");
	else if (!strcmp(name, "chmod"))	/* MODE,PATH */
		must(chmod(strchr(value, ',') + 1, strtol(value, NULL, 8)), "chmod");
	else if (!strcmp(name, "open")) {	/* FD,FLAGS,OFFSET,PATH */
		char *path = strchr(strchr(strchr(value, ',') + 1, ',') + 1, ',') + 1;
		int fd = open(path, second);
		must(fd, path);
		if (third)
			must(lseek(fd, third, SEEK_SET) < 0 ? -1 : 0, "lseek");
		if (fd != number) {
			must(dup2(fd, number), "dup2");
			close(fd);
		}
	} else if (!strcmp(name, "many"))	/* COUNT,STEP: copies of descriptor 0 from 3 on */
		for (int i = 0, fd = 3; i < number; i++, fd += second)
			must(dup2(0, fd), "dup2");
	else if (!strcmp(name, "close"))
		close(number);
	else if (!strcmp(name, "block"))
		set_mask(number);
	else if (!strcmp(name, "ignore")) {
		struct { uint64_t handler, flags, restorer, mask; } action = { 1, 0, 0, 0 };
		must(syscall(SYS_rt_sigaction, number, &action, NULL, 8), "ignore");
	} else if (!strcmp(name, "pending"))
		must(kill(getpid(), number), "kill");
	else if (!strcmp(name, "queue")) {	/* SIGNAL,VALUE */
		union sigval data = { .sival_int = second };
		must(sigqueue(getpid(), number, data), "sigqueue");
	} else if (!strcmp(name, "alarm"))
		alarm(number);
	else if (!strcmp(name, "rlimit")) {	/* RESOURCE,SOFT,HARD */
		struct rlimit limit = { second, third };
		must(setrlimit(number, &limit), "setrlimit");
	} else if (!strcmp(name, "nice"))
		must(setpriority(PRIO_PROCESS, 0, number), "setpriority");
	else if (!strcmp(name, "scheduler")) {	/* POLICY,PRIORITY */
		struct sched_param param = { .sched_priority = second };
		must(sched_setscheduler(0, number, &param), "sched_setscheduler");
	} else if (!strcmp(name, "affinity")) {
		unsigned long mask[16] = { number };
		must(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask), "sched_setaffinity");
	} else if (!strcmp(name, "ioprio"))
		must(syscall(SYS_ioprio_set, 1, 0, number), "ioprio_set");
	else if (!strcmp(name, "mempolicy"))
		must(syscall(SYS_set_mempolicy, number, NULL, 0), "set_mempolicy");
	else if (!strcmp(name, "setsid"))
		must(setsid(), "setsid");
	else if (!strcmp(name, "setpgid"))
		must(setpgid(0, 0), "setpgid");
	else if (!strcmp(name, "securebits"))
		must(prctl(PR_SET_SECUREBITS, number), "securebits");
	else if (!strcmp(name, "inheritable")) {
		struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
		struct __user_cap_data_struct data[2];
		must(syscall(SYS_capget, &header, data), "capget");
		data[0].inheritable = number;
		must(syscall(SYS_capset, &header, data), "capset");
	} else if (!strcmp(name, "permitted")) {
		struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
		struct __user_cap_data_struct data[2] = { { 0 } };
		data[0].permitted = data[0].effective = number;
		must(syscall(SYS_capset, &header, data), "capset");
	} else if (!strcmp(name, "ambient"))
		must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0), "ambient");
	else if (!strcmp(name, "unbound"))
		must(prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "bounding set");
	else if (!strcmp(name, "no_new_privs"))
		must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	else if (!strcmp(name, "keepcaps"))
		must(prctl(PR_SET_KEEPCAPS, 1), "keepcaps");
	else if (!strcmp(name, "pdeathsig"))
		must(prctl(PR_SET_PDEATHSIG, number), "pdeathsig");
	else if (!strcmp(name, "subreaper"))
		must(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper");
	else if (!strcmp(name, "timerslack"))
		must(prctl(PR_SET_TIMERSLACK, number), "timerslack");
	else if (!strcmp(name, "thp"))
		must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), "thp");
	else if (!strcmp(name, "machine-check"))
		must(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, number, 0, 0), "machine check");
	else if (!strcmp(name, "personality"))
		must(personality(number), "personality");
	else if (!strcmp(name, "write")) {	/* TEXT,PATH */
		char *path = strchr(value, ',');
		*path++ = 0;
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		must(fd, path);
		must(write(fd, value, strlen(value)), path);
		close(fd);
	} else if (!strcmp(name, "groups")) {
		gid_t list[3] = { number, second, third };
		must(setgroups(3, list), "setgroups");
	} else if (!strcmp(name, "gid"))	/* REAL,EFFECTIVE,SAVED */
		must(setresgid(number, second, third), "setresgid");
	else if (!strcmp(name, "uid"))
		must(setresuid(number, second, third), "setresuid");
	else {
		fprintf(stderr, "probe: no such attribute: %s\n", name);
		_exit(99);
	}
}

int main(int argc, char **argv, char **envp)
{
	if (argc > 2 && !strcmp(argv[1], "dump"))
		return dump(argc, argv, envp);
	int i = 2;
	for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2)
		set(argv[i], argv[i + 1]);
	char **program = argv + i + 1;
	for (char **word = program; *word; word++)
		*word = unescape(*word);
	execve(program[0], program, entries ? environment : envp);
	must(-1, program[0]);
}
