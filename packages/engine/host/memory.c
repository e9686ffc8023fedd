/*
 * Memory of the engine: classes of sizes with a list of free pieces each, in one piece of address space at MEMORY_AT. Pieces that lie
 * in the snapshot are never given back, so that its pages stay shared with the file.
 */
#include "host.h"
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define STEP (1UL << 20)
/* In front of each piece, in bytes: its class. */
#define HEAD 8
/* Sixteen bytes apart up to 512, then four classes for each doubling, up to 2^30. */
#define SMALL 32
#define CLASSES (SMALL + 4 * 21)

extern unsigned long js_frozen_size;

static unsigned class_of(size_t size)
{
	unsigned log;
	if (size <= 512)
		return size ? (size - 1) >> 4 : 0;
	log = 63 - __builtin_clzl(size - 1);
	return SMALL + (log - 9) * 4 + ((size - 1) >> (log - 2) & 3);
}

static size_t size_of_class(unsigned class)
{
	if (class < SMALL)
		return (size_t)(class + 1) << 4;
	class -= SMALL;
	return (size_t)((class & 3) + 5) << (class / 4 + 7);
}

static uint8_t *map(void *at, size_t size, int flags)
{
	uint8_t *bytes = mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	return bytes == MAP_FAILED ? 0 : bytes;
}

/* Address space for `size` bytes more: behind what there is, or elsewhere where something (the C library's heap, say) is in the way. */
static int grow(size_t size)
{
	struct memory *m = MEMORY;
	size_t step = size > STEP ? (size + STEP - 1) & -STEP : STEP;
	uint64_t end = (uint64_t)m->end;
	if (end >= MEMORY_AT && end < MEMORY_END && step <= MEMORY_END - end && map(m->end, step, MAP_FIXED_NOREPLACE) == m->end) {
		m->end += step;
		return 1;
	}
	if (!(m->next = map(0, step, 0))) {
		m->end = 0;
		return 0;
	}
	m->end = m->next + step;
	return 1;
}

static void *allocate(JSMallocState *state, size_t size)
{
	struct memory *m = MEMORY;
	unsigned class = class_of(size);
	void *piece;
	if (class >= CLASSES)
		return 0;
	piece = m->free[class];
	/* The collector asks for it. */
	state->malloc_size += size_of_class(class);
	if (piece) {
		m->free[class] = *(void **)piece;
		return piece;
	}
	size = size_of_class(class) + 2 * HEAD;
	if (size > (size_t)(m->end - m->next) && !grow(size)) {
		state->malloc_size -= size_of_class(class);
		return 0;
	}
	piece = m->next + HEAD;
	*(uint64_t *)m->next = class;
	m->next += size_of_class(class) + HEAD;
	return piece;
}

static size_t usable(const void *piece)
{
	return size_of_class(*(const uint64_t *)((const uint8_t *)piece - HEAD));
}

static void release(JSMallocState *state, void *piece)
{
	unsigned class;
	if (!piece || (uint64_t)piece - MEMORY_AT < js_frozen_size)
		return;
	class = *(uint64_t *)((uint8_t *)piece - HEAD);
	state->malloc_size -= size_of_class(class);
	/* Nothing of the process that makes a snapshot stays in it. */
	if (!js_frozen_size)
		memset(piece, 0, size_of_class(class));
	*(void **)piece = MEMORY->free[class];
	MEMORY->free[class] = piece;
}

static void *reallocate(JSMallocState *state, void *piece, size_t size)
{
	size_t before;
	void *other;
	if (!piece)
		return size ? allocate(state, size) : 0;
	if (!size) {
		release(state, piece);
		return 0;
	}
	before = usable(piece);
	if (size <= before)
		return piece;
	other = allocate(state, size);
	if (other) {
		memcpy(other, piece, before);
		release(state, piece);
	}
	return other;
}

const JSMallocFunctions memory_functions = { allocate, release, reallocate, usable };

int memory_begin(void)
{
	size_t head = (sizeof(struct memory) + CLASSES * sizeof(void *) + 15) & ~15UL;
	if (map((void *)MEMORY_AT, STEP, MAP_FIXED_NOREPLACE) != (void *)MEMORY_AT)
		return 0;
	MEMORY->next = (uint8_t *)MEMORY_AT + head + HEAD;
	MEMORY->end = (uint8_t *)MEMORY_AT + STEP;
	return 1;
}

uint8_t *memory_close(void)
{
	struct memory *m = MEMORY;
	uint8_t *end = (uint8_t *)(((uint64_t)m->next + PAGE - 1) & -PAGE);
	if ((uint64_t)end - MEMORY_AT > MEMORY_SIZE)
		die("the engine's memory does not lie in one piece");
	memset(m->free, 0, CLASSES * sizeof(void *));
	memset(m->next, 0, end - m->next);
	m->next = end + HEAD;
	m->end = end;
	return end;
}
