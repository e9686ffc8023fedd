/*
 * The head of the stand-alone executable: notes what a runtime would change in its own process, then starts Bun in the same process.
 *
 * The kernel sees a small static program. Bun's own executable lies behind it in the same file, at RUNTIME_OFFSET, untouched. It is
 * mapped here as the kernel would map it, its loader too, and entered with an argument block of our own: one argument, the
 * address of what is handed over, and an environment of our own, since Bun heeds many variables. The block that the kernel has
 * made stays as it is, for /proc and for the tool (../src/bun.ts reads it). Behind the code: strings, each ended by NUL: name of
 * the executable, entries of that environment, and an empty one.
 */
#define RUNTIME "Bun"
#define RUNTIME_MEMORY (48UL << 20)
#define RUNTIME_DATA (256UL << 20)
#define RUNTIME_ADDRESSES (512UL << 20)
#define RUNTIME_STACK (256UL << 10)
#define RUNTIME_FILES 20
#include "state.h"

#if defined(__x86_64__)
enum { NR_mmap = 9, NR_pread64 = 17, NR_getcwd = 79, NR_chdir = 80, NR_gettid = 186 };
#define ENTER(address, stack) asm volatile("mov %0,%%rsp\nxor %%edx,%%edx\nxor %%ebp,%%ebp\njmp *%1" : : "c"(stack), "a"(address) : "memory")
#elif defined(__aarch64__)
enum { NR_getcwd = 17, NR_chdir = 49, NR_pread64 = 67, NR_gettid = 178, NR_mmap = 222 };
#define ENTER(address, stack) do { register u64 x9 asm("x9") = (stack); register u64 x10 asm("x10") = (address); \
	asm volatile("mov sp,%0\nmov x0,#0\nmov x29,#0\nmov x30,#0\nbr %1" : : "r"(x9), "r"(x10) : "memory"); } while (0)
#endif

enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000, MAP_FIXED_NOREPLACE = 0x100000 };
enum { PT_LOAD = 1, PT_INTERP = 3, ET_EXEC = 2, ET_DYN = 3, PF_X = 1, PF_W = 2, PF_R = 4, SIG_SETMASK = 2 };
enum { PT_DYNAMIC = 2, DT_PLTRELSZ = 2, DT_STRTAB = 5, DT_SYMTAB = 6, DT_JMPREL = 23 };
enum { AT_PHDR = 3, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7, AT_ENTRY = 9 };

/* Where Bun's executable lies in this file: a multiple of every page size. */
#define RUNTIME_OFFSET 0x10000UL
#define MAX_AUXILIARY 64
#define MAX_ENVIRONMENT 16

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

/* An executable or a shared library in memory. */
struct mapped {
	u64 base, headers, count, entry, dynamic;
	char loader[256];	/* path of the program that starts it; empty where it has none */
};

static u64 map(u64 address, u64 size, u64 protection, u64 flags, i64 file, u64 offset)
{
	return (u64)kernel(NR_mmap, address, size, protection, MAP_PRIVATE | flags, (u64)file, offset);
}

static u64 protection_of(u32 flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static int map_segment(const struct program_header *segment, u64 base, i64 file, u64 offset, u64 page, u64 fixed)
{
	u64 start = segment->vaddr & -page, before = segment->vaddr - start, protection = protection_of(segment->flags);
	u64 file_end = base + segment->vaddr + segment->filesz, end = base + segment->vaddr + segment->memsz;
	u64 next = (file_end + page - 1) & -page;
	if (segment->filesz && map(base + start, segment->filesz + before, protection, fixed, file, offset + segment->offset - before) != base + start)
		return 0;
	/* To the end of the page, as the kernel does: the loader takes its first memory from there and expects zeros. */
	if (end > file_end && segment->filesz && segment->flags & PF_W)
		for (u8 *byte = (u8 *)file_end; byte < (u8 *)next; byte++) {
			asm volatile("");
			*byte = 0;
		}
	return end <= next || map(next, end - next, protection, fixed | MAP_ANONYMOUS, -1, 0) == next;
}

/* Maps the ELF file that begins at `offset`; 0 where it cannot be. */
static int map_image(struct mapped *image, i64 file, u64 offset, u64 page)
{
	u8 bytes[4096] __attribute__((aligned(8)));
	const struct elf_header *head = (const struct elf_header *)bytes;
	const struct program_header *segments = (const struct program_header *)(bytes + sizeof *head);
	u64 low = ~0UL, high = 0, fixed = MAP_FIXED_NOREPLACE;
	if (kernel(NR_pread64, file, (u64)bytes, sizeof bytes, offset, 0, 0) < (i64)sizeof *head || head->ident[0] != 0x7f || head->ident[1] != 'E')
		return 0;
	if (head->phoff != sizeof *head || head->phentsize != sizeof *segments || sizeof *head + head->phnum * sizeof *segments > sizeof bytes)
		return 0;
	image->loader[0] = 0;
	image->dynamic = 0;
	for (int i = 0; i < head->phnum; i++) {
		const struct program_header *segment = segments + i;
		if (segment->type == PT_INTERP) {
			if (segment->filesz > sizeof image->loader || kernel(NR_pread64, file, (u64)image->loader, segment->filesz, offset + segment->offset, 0, 0) < 0)
				return 0;
		}
		if (segment->type == PT_DYNAMIC)
			image->dynamic = segment->vaddr;
		if (segment->type != PT_LOAD)
			continue;
		if ((segment->vaddr & -page) < low)
			low = segment->vaddr & -page;
		if (segment->vaddr + segment->memsz > high)
			high = segment->vaddr + segment->memsz;
	}
	image->base = 0;
	if (head->type == ET_DYN) {
		u64 place = map(0, high - low, 0, MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (place & (page - 1))
			return 0;
		image->base = place - low;
		fixed = MAP_FIXED;
	}
	for (int i = 0; i < head->phnum; i++)
		if (segments[i].type == PT_LOAD && !map_segment(segments + i, image->base, file, offset, page, fixed))
			return 0;
	image->headers = image->base + low + head->phoff;
	image->count = head->phnum;
	image->entry = image->base + head->entry;
	return 1;
}

/*
 * Without /proc, pthread_getattr_np(3) does not find the stack of the first thread, and Bun ends. Between its loader and its
 * own entry, the slot by which it calls that function is made to lead here.
 */
struct own_data {
	u64 slot, original, entry, stack_top;
};

extern const char _start[] __attribute__((visibility("hidden")));

/* The one writable page of this program; tools/build/standalone.ts puts both there. */
#define CODE_OFFSET 0x100UL
#define DATA_OFFSET 0x10000UL

static struct own_data *own_data(void)
{
	return (struct own_data *)((u64)_start - CODE_OFFSET + DATA_OFFSET);
}

/* glibc's attributes: stack address at word 3, its size at word 4. */
static i64 thread_attributes(u64 thread, u64 *attributes)
{
	struct own_data *own = own_data();
	i64 error = ((i64 (*)(u64, u64 *))own->original)(thread, attributes);
	u64 limit[2] = { 0, 0 };
	*(u64 *)own->slot = (u64)thread_attributes;	/* the first call through it has bound it anew */
	if (!error || kernel(NR_gettid, 0, 0, 0, 0, 0, 0) != kernel(NR_getpid, 0, 0, 0, 0, 0, 0))
		return error;
	kernel(NR_prlimit64, 0, RLIMIT_STACK, 0, (u64)limit, 0, 0);
	for (int i = 0; i < 7; i++) {
		asm volatile("");
		attributes[i] = 0;
	}
	attributes[3] = own->stack_top;
	attributes[4] = limit[0] && limit[0] < USUAL_STACK ? limit[0] : USUAL_STACK;
	return 0;
}

/* Gives Bun's own entry. */
u64 __attribute__((visibility("hidden"))) lead_here(void)
{
	struct own_data *own = own_data();
	own->original = *(u64 *)own->slot;
	*(u64 *)own->slot = (u64)thread_attributes;
	return own->entry;
}

extern const char between[] __attribute__((visibility("hidden")));
#if defined(__x86_64__)
asm("between:\npush %rdx\nsub $8,%rsp\ncall lead_here\nadd $8,%rsp\npop %rdx\njmp *%rax\n");
#elif defined(__aarch64__)
asm("between:\nstp x0,x30,[sp,#-16]!\nbl lead_here\nmov x9,x0\nldp x0,x30,[sp],#16\nbr x9\n");
#endif

static int is_same(const char *a, const char *b)
{
	return starts_with(a, b) && !a[length(b)];
}

/* Address of the slot of a function that an image calls; 0 where it has none. */
static u64 slot_of(const struct mapped *image, const char *function)
{
	u64 relocations = 0, size = 0, symbols = 0, strings = 0;
	if (!image->dynamic)
		return 0;
	for (const u64 *entry = (const u64 *)(image->base + image->dynamic); entry[0]; entry += 2) {
		if (entry[0] == DT_JMPREL)
			relocations = image->base + entry[1];
		if (entry[0] == DT_PLTRELSZ)
			size = entry[1];
		if (entry[0] == DT_SYMTAB)
			symbols = image->base + entry[1];
		if (entry[0] == DT_STRTAB)
			strings = image->base + entry[1];
	}
	for (const u64 *relocation = (const u64 *)relocations; (u64)relocation < relocations + size; relocation += 3) {
		const u32 *symbol = (const u32 *)(symbols + 24 * (relocation[1] >> 32));
		if (is_same((const char *)strings + *symbol, function))
			return image->base + relocation[0];
	}
	return 0;
}

/* Bytes to be read from TypeScript. */
struct piece {
	u64 at, size;
};

struct handed_over {
	struct piece state, left, executed, strings;
	u64 argc, system_call;
	i64 directory;	/* working directory to go back to; negative where it is still that */
};

static struct piece text_piece(const char *text)
{
	struct piece piece = { (u64)text, length(text) };
	return piece;
}

/* Bun does not start in a folder that has no path any more; a descriptor of it takes us back. */
static i64 leave_lost_directory(void)
{
	char path[PATH_SIZE];
	i64 directory;
	if (kernel(NR_getcwd, (u64)path, sizeof path, 0, 0, 0, 0) > 0 && path[0] == '/')
		return -1;
	directory = kernel(NR_openat, AT_FDCWD, (u64)".", O_PATH | O_CLOEXEC, 0, 0, 0);
	if (directory >= 0)
		kernel(NR_chdir, (u64)"/", 0, 0, 0, 0, 0);
	return directory;
}

/* Six operands to the kernel, negative error numbers back: called from TypeScript. */
static i64 system_call(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	return kernel(number, a, b, c, d, e, f);
}

static const char *last_part(const char *path)
{
	const char *part = path;
	for (; *path; path++)
		if (*path == '/' && path[1])
			part = path + 1;
	return part;
}

/* Its frame is the lowest, and what is entered uses the stack below the block in it: what is handed over lies above. */
static void __attribute__((noreturn, noinline)) start(u64 *auxiliary, i64 file, const char *name, const char *address, u64 stack_top)
{
	struct mapped runtime, loader;
	u64 block[8 + MAX_ENVIRONMENT + 2 * MAX_AUXILIARY] __attribute__((aligned(16)));
	u64 *word = block, page = 4096;
	i64 loader_file;
	for (u64 *aux = auxiliary; aux[0]; aux += 2)
		if (aux[0] == AT_PAGESZ)
			page = aux[1];
	if (!map_image(&runtime, file, RUNTIME_OFFSET, page))
		fail(name, ": cannot map the runtime in its own file\n");
	if (stack_top) {
		struct own_data *own = own_data();
		own->slot = slot_of(&runtime, "pthread_getattr_np");
		if (!own->slot)
			fail(name, ": Bun does not start without /proc: mount it first\n");
		own->entry = runtime.entry;
		own->stack_top = (stack_top + page - 1) & -page;
		runtime.entry = (u64)between;
	}
	loader_file = open_read(runtime.loader);
	if (loader_file < 0 || !map_image(&loader, loader_file, 0, page)) {
		char words[512], *p = append(words, words + 64, ": cannot load ");
		p = append(p, words + 400, runtime.loader);
		*append(p, words + sizeof words - 1, "; the C library is needed\n") = 0;
		fail(name, words);
	}
	kernel(NR_close, loader_file, 0, 0, 0, 0, 0);

	*word++ = 2;
	*word++ = (u64)image_end;
	*word++ = (u64)address;
	*word++ = 0;
	for (const char *entry = image_end + length(image_end) + 1; *entry && word < block + 3 + MAX_ENVIRONMENT; entry += length(entry) + 1)
		*word++ = (u64)entry;
	*word++ = 0;
	for (u64 *aux = auxiliary; aux[0] && word < block + 4 + MAX_ENVIRONMENT + 2 * MAX_AUXILIARY; aux += 2) {
		*word++ = aux[0];
		*word++ = aux[0] == AT_PHDR ? runtime.headers : aux[0] == AT_PHNUM ? runtime.count : aux[0] == AT_ENTRY ? runtime.entry : aux[0] == AT_BASE ? loader.base : aux[1];
	}
	*word++ = 0;
	*word++ = 0;
	ENTER(loader.entry, (u64)block);
	__builtin_unreachable();
}

/* Apart from what looks at the limits: a small stack has no room for this. */
static void __attribute__((noreturn, noinline)) hand_over(u64 argc, char **argv, char **rest, const char *self, const char *name, const char *limits)
{
	u64 nothing = 0;
	char **envp = argv + argc + 1, *last;
	char state[STATE_SIZE], left[2 * PATH_SIZE], address[24];
	int has_proc;
	i64 file, maps;
	struct handed_over handed;

	file = open_own_file(self, F_DUPFD_CLOEXEC, &has_proc);
	if (file < 0)
		fail(name, ": cannot open its own file, which must be readable\n");
	maps = open_read("/proc/self/maps");
	if (maps >= 0)
		kernel(NR_close, maps, 0, 0, 0, 0, 0);
	note_state(state, file, limits, has_proc ? 0 : self);
	leave_small_group(left);
	fill_closed();
	kernel(NR_rt_sigprocmask, SIG_SETMASK, (u64)&nothing, 0, 8, 0, 0);

	last = rest > envp ? rest[-1] : argc ? argv[argc - 1] : 0;
	handed.state = text_piece(state);
	handed.left = text_piece(left);
	handed.executed = text_piece(self ? self : image_end);
	handed.strings.at = (u64)(argc ? argv[0] : envp[0]);
	handed.strings.size = last ? (u64)last + length(last) + 1 - handed.strings.at : 0;
	handed.argc = argc;
	handed.system_call = (u64)system_call;
	handed.directory = leave_lost_directory();
	*append_decimal(address, address + sizeof address - 1, (i64)&handed) = 0;
	asm volatile("" : : "r"(&handed) : "memory");
	start((u64 *)(rest + 1), file, name, address, maps >= 0 ? 0 : handed.strings.at + handed.strings.size);
}

void __attribute__((noreturn)) launch(u64 *stack)
{
	u64 argc = stack[0];
	char **argv = (char **)(stack + 1), **rest = argv + argc + 1;
	const char *self = 0, *name = image_end;
	char limits[256];

	while (*rest)
		rest++;
	for (u64 *aux = (u64 *)(rest + 1); aux[0]; aux += 2)
		if (aux[0] == AT_EXECFN)
			self = (const char *)aux[1];
	if (self)
		name = last_part(self);
	limits[0] = ':';
	*raise_limits(limits + 1, limits + sizeof limits - 1, name, argument_size(self, argc, argv, rest)) = 0;
	hand_over(argc, argv, rest, self, name, limits);
}

ENTRY(launch);
