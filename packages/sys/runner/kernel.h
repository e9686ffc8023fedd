/* The kernel without a C library: six-operand system calls, process entry, and the few string routines that both images share. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

/* CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD and _SYSVSEM */
#define THREAD 0x50f00UL

#if defined(__x86_64__)
enum { NR_read = 0, NR_write = 1, NR_open = 2, NR_close = 3, NR_rt_sigaction = 13, NR_rt_sigprocmask = 14, NR_writev = 20, NR_getpid = 39, NR_execve = 59,
       NR_wait4 = 61, NR_clone = 56, NR_exit = 60, NR_kill = 62, NR_fcntl = 72, NR_readlink = 89, NR_getdents64 = 217, NR_rt_sigtimedwait = 128,
       NR_exit_group = 231, NR_openat = 257, NR_newfstatat = 262, NR_dup3 = 292, NR_pipe2 = 293, NR_prlimit64 = 302, NR_memfd_create = 319 };
enum { STAT_WORDS = 18, STAT_SIZE = 6 };	/* of struct stat, in words of eight bytes */

static inline i64 kernel(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	i64 result;
	register u64 r10 asm("r10") = d;
	register u64 r8 asm("r8") = e;
	register u64 r9 asm("r9") = f;
	asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
}

/* A thread that sleeps until the process ends or becomes another program; it never touches a stack. Result: its number, or -errno. */
static inline i64 sleeping_thread(void)
{
	i64 result;
	asm volatile("xor %%esi,%%esi\n\txor %%edx,%%edx\n\txor %%r10d,%%r10d\n\txor %%r8d,%%r8d\n\tsyscall\n\ttest %%rax,%%rax\n\tjnz 2f\n1:\tmov $34,%%eax\n\tsyscall\n\tjmp 1b\n2:"
		     : "=a"(result) : "a"(NR_clone), "D"(THREAD) : "rcx", "r11", "rsi", "rdx", "r10", "r8", "memory");
	return result;
}

/* The kernel enters with the argument block at the stack pointer. */
#define ENTRY(function) \
	asm(".section .text.entry,\"ax\"\n.globl _start\n_start:\nxor %ebp,%ebp\nmov %rsp,%rdi\nand $-16,%rsp\ncall " #function "\nhlt\n.text\n")

#elif defined(__aarch64__)
enum { NR_dup3 = 24, NR_fcntl = 25, NR_openat = 56, NR_close = 57, NR_pipe2 = 59, NR_getdents64 = 61, NR_read = 63, NR_write = 64, NR_writev = 66, NR_newfstatat = 79, NR_exit = 93, NR_exit_group = 94, NR_kill = 129,
       NR_rt_sigaction = 134, NR_rt_sigprocmask = 135, NR_rt_sigtimedwait = 137, NR_getpid = 172, NR_clone = 220, NR_execve = 221,
       NR_wait4 = 260, NR_prlimit64 = 261, NR_memfd_create = 279 };
enum { STAT_WORDS = 16, STAT_SIZE = 6 };

static inline i64 kernel(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 x8 asm("x8") = number;
	register u64 x0 asm("x0") = a;
	register u64 x1 asm("x1") = b;
	register u64 x2 asm("x2") = c;
	register u64 x3 asm("x3") = d;
	register u64 x4 asm("x4") = e;
	register u64 x5 asm("x5") = f;
	asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return (i64)x0;
}

static inline i64 sleeping_thread(void)
{
	register u64 x8 asm("x8") = NR_clone;
	register u64 x0 asm("x0") = THREAD;
	register u64 x1 asm("x1") = 0;
	register u64 x2 asm("x2") = 0;
	register u64 x3 asm("x3") = 0;
	register u64 x4 asm("x4") = 0;
	asm volatile("svc 0\n\tcbnz x0,2f\n1:\tmov x0,#0\n\tmov x1,#0\n\tmov x2,#0\n\tmov x3,#0\n\tmov x8,#73\n\tsvc 0\n\tb 1b\n2:"
		     : "+r"(x0), "+r"(x8), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4) : : "memory");
	return x0;
}

#define ENTRY(function) \
	asm(".section .text.entry,\"ax\"\n.globl _start\n_start:\nmov x29,#0\nmov x30,#0\nmov x0,sp\nb " #function "\n.text\n")
#else
#error "one table an architecture: x86_64, aarch64"
#endif

enum { ENOENT = 2, EINTR = 4, E2BIG = 7, ENOEXEC = 8, EAGAIN = 11, EACCES = 13, EINVAL = 22, ENODEV = 19, ENOTDIR = 20, ESTALE = 116, ETIMEDOUT = 110 };

#define PATH_SIZE 4096

/* First byte after the code: what the TypeScript side has appended. */
extern const char image_end[] __attribute__((visibility("hidden")));

static inline u64 length(const char *s)
{
	u64 n = 0;
	while (s[n]) {
		asm volatile("");	/* keeps the compiler from calling strlen */
		n++;
	}
	return n;
}

static inline int starts_with(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return 0;
	return 1;
}

static inline char *append(char *to, const char *limit, const char *s)
{
	while (*s && to < limit) {
		asm volatile("");
		*to++ = *s++;
	}
	return to;
}

static inline char *append_decimal(char *to, const char *limit, i64 value)
{
	char digits[24], *p = digits + sizeof digits;
	u64 rest = value < 0 ? -(u64)value : (u64)value;
	*--p = 0;
	do {
		*--p = '0' + rest % 10;
		rest /= 10;
	} while (rest);
	if (value < 0)
		*--p = '-';
	return append(to, limit, p);
}

#if defined(__x86_64__)
#define DIE asm volatile("hlt")
#else
#define DIE asm volatile("brk #1000")
#endif

static inline void __attribute__((noreturn)) end(u64 status)
{
	/* A filter may refuse one or both: then it dies, as with the C library. */
	for (;;) {
		kernel(NR_exit_group, status, 0, 0, 0, 0, 0);
		kernel(NR_exit, status, 0, 0, 0, 0, 0);
		DIE;
	}
}
