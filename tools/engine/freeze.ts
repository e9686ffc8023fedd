/**
 * The one change to the engine's source: what lies in a snapshot is not reference-counted, so that looking at it writes to no page.
 *
 * Objects of a snapshot are never freed. They are in no list of the collector, which takes them for roots: what they refer to had its
 * count raised when it was put there, and nobody lowers that while collecting. A rule that does not match exactly as often as it says
 * ends the build: another release of the engine has to be looked at first.
 */

interface Rule {
  readonly file: 'quickjs.c' | 'quickjs.h';
  readonly what: string;
  /** With the flags g and m. */
  readonly pattern: RegExp;
  readonly replacement: string;
  readonly count: number;
}

export const RULES: readonly Rule[] = [
  {
    file: 'quickjs.h',
    what: 'the macro, behind the header that counted values begin with',
    pattern: /^(typedef struct JSRefCountHeader \{\n {4}int ref_count;\n\} JSRefCountHeader;\n)/gm,
    replacement:
      '$1\n/* Bytes of the snapshot at SNAPSHOT_AT; 0 where there is none. */\nextern unsigned long js_frozen_size;\n#define JS_FROZEN(p) ((unsigned long)(p) - SNAPSHOT_AT < js_frozen_size)\n',
    count: 1,
  },
  {
    file: 'quickjs.h',
    what: 'values that are freed',
    pattern: /if \(--p->ref_count <= 0\)/g,
    replacement: 'if (!JS_FROZEN(p) && --p->ref_count <= 0)',
    count: 2,
  },
  {
    file: 'quickjs.h',
    what: 'values that are shared',
    pattern: /^( +)p->ref_count\+\+;$/gm,
    replacement: '$1if (!JS_FROZEN(p)) p->ref_count++;',
    count: 2,
  },
  {
    file: 'quickjs.c',
    what: 'counts that go up',
    pattern: /^( +)([\w>.-]+)->header\.ref_count\+\+;$/gm,
    replacement: '$1if (!JS_FROZEN($2)) $2->header.ref_count++;',
    count: 16,
  },
  {
    file: 'quickjs.c',
    what: 'counts that go down, and what is freed at the end',
    pattern: /--(\w+)->header\.ref_count (<= 0|== 0)/g,
    replacement: '!JS_FROZEN($1) && --$1->header.ref_count $2',
    count: 4,
  },
  {
    file: 'quickjs.c',
    what: 'counts that go down, and what stays',
    pattern: /if \(--(\w+)->header\.ref_count > 0\)/g,
    replacement: 'if (JS_FROZEN($1) || --$1->header.ref_count > 0)',
    count: 2,
  },
  {
    file: 'quickjs.c',
    what: 'a name that is known already',
    pattern: /^( +)str->header\.ref_count--;$/gm,
    replacement: '$1if (!JS_FROZEN(str)) str->header.ref_count--;',
    count: 1,
  },
  {
    file: 'quickjs.c',
    what: 'a text that is not appended to in place, since others have it',
    pattern: /if \(p1->header\.ref_count != 1\)/g,
    replacement: 'if (p1->header.ref_count != 1 || JS_FROZEN(p1))',
    count: 1,
  },
  {
    file: 'quickjs.c',
    what: 'the collector: references that are taken away for a trial, or given back',
    pattern: /^(static void gc_(?:decref|scan_incref)_child2?\(JSRuntime \*rt, JSGCObjectHeader \*p\)\n\{\n)/gm,
    replacement: '$1    if (JS_FROZEN(p))\n        return;\n',
    count: 3,
  },
];

/** Behind the source: what is done before memory is saved, and when a process starts with it. */
const ADDITION = `
unsigned long js_frozen_size;

/* Before memory is saved: takes all objects out of the collector's list. A shape that others find by its hash looks shared for good. */
void JS_Freeze(JSRuntime *rt)
{
    struct list_head *el, *next;
    list_for_each_safe(el, next, &rt->gc_obj_list) {
        JSGCObjectHeader *p = list_entry(el, JSGCObjectHeader, link);
        if (p->gc_obj_type != JS_GC_OBJ_TYPE_SHAPE || ((JSShape *)p)->is_hashed)
            p->ref_count++;
        init_list_head(el);
    }
    init_list_head(&rt->gc_obj_list);
    /* No address of this process's stack. */
    rt->stack_top = rt->stack_limit = 0;
    /* What is frozen does not count for the collector. */
    rt->malloc_state.malloc_size = 0;
    rt->malloc_gc_threshold = 1 << 20;
}

/* When a process starts: random numbers of its own. */
void JS_Renew(JSContext *ctx, uint64_t seed)
{
    ctx->random_state = seed ? seed : 1;
}
`;

export class FreezeError extends Error {}

/** The source with the change. @throws FreezeError where a rule does not match as often as it says. */
export function freeze(name: Rule['file'], source: string, rules: readonly Rule[] = RULES): string {
  let changed = source;
  for (const { file, what, pattern, replacement, count } of rules) {
    if (file !== name) continue;
    const found = [...changed.matchAll(pattern)].length;
    if (found !== count) throw new FreezeError(`${file}: ${what}: found ${found} times, expected ${count}`);
    changed = changed.replace(pattern, replacement);
  }
  return name === 'quickjs.c' ? changed + ADDITION : changed;
}
