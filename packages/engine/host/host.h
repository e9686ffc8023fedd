/* The engine's host: a static program that runs the tools out of a snapshot of the engine's memory, or makes that snapshot. */
#pragma once
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include "quickjs.h"

/* Where the engine's memory begins, in the process that makes a snapshot and in each that runs one; and where it must end. */
#define MEMORY_AT SNAPSHOT_AT
#define MEMORY_END (MEMORY_AT + MEMORY_SIZE)

/* memory.c: what the engine allocates, all of it in one piece that can be saved as it is. */
struct memory {
	JSRuntime *runtime;
	JSContext *context;
	uint8_t *next, *end;
	void *free[];
};
#define MEMORY ((struct memory *)MEMORY_AT)
extern const JSMallocFunctions memory_functions;
int memory_begin(void);
/* Ends the pages that are saved: what is made later lies behind them. Result: where they end. */
uint8_t *memory_close(void);

/* bytes.c: bytes as text, text as bytes, numbers in bytes. */
extern const JSCFunctionListEntry byte_functions[];
extern const int byte_function_count;
uint8_t *bytes_of(JSContext *context, JSValueConst value, size_t *size);
/* Bytes that are no UTF-8 as lone surrogates, U+DC80 to U+DCFF. */
JSValue kept_text(JSContext *context, const uint8_t *bytes, size_t size);

/* process.c: system calls, and what the kernel has given to this process. */
extern const JSCFunctionListEntry process_functions[];
extern const int process_function_count;
void process_begin(char **argv, char **envp);

/* play.c: where a tape is to be laid out for, and the end of all but the runner. `stack`: as the kernel gave it. */
uint64_t tape_address(void);
void play_tape(uint64_t *stack, const void *tape, size_t size) __attribute__((noreturn));

/* Says it on one line and ends. */
void die(const char *what) __attribute__((noreturn));
