/** The change to the engine's source: what it does to lines as the engine has them, and that it refuses any others. */
import { describe, expect, test } from 'vitest';
import { FreezeError, freeze, RULES } from './freeze.ts';

const rule = (what: string) => {
  const found = RULES.find((each) => each.what.startsWith(what));
  if (!found) throw new Error(what);
  return { ...found, count: 1 };
};

describe('freeze', () => {
  test.each([
    ['counts that go up', '    sh->header.ref_count++;\n', '    if (!JS_FROZEN(sh)) sh->header.ref_count++;\n'],
    [
      'counts that go up',
      '        pr->u.var_ref->header.ref_count++;\n',
      '        if (!JS_FROZEN(pr->u.var_ref)) pr->u.var_ref->header.ref_count++;\n',
    ],
    [
      'counts that go down, and what is freed',
      '    if (unlikely(--sh->header.ref_count <= 0)) {\n',
      '    if (unlikely(!JS_FROZEN(sh) && --sh->header.ref_count <= 0)) {\n',
    ],
    [
      'counts that go down, and what stays',
      '    if (--p->header.ref_count > 0)\n',
      '    if (JS_FROZEN(p) || --p->header.ref_count > 0)\n',
    ],
    [
      'the collector',
      'static void gc_scan_incref_child2(JSRuntime *rt, JSGCObjectHeader *p)\n{\n    p->ref_count++;\n',
      'static void gc_scan_incref_child2(JSRuntime *rt, JSGCObjectHeader *p)\n{\n    if (JS_FROZEN(p))\n        return;\n    p->ref_count++;\n',
    ],
  ])('%s', (what, before, after) => {
    expect(freeze('quickjs.c', before, [rule(what)]).startsWith(after)).toBe(true);
  });

  test('a line that is there another number of times ends the build', () => {
    const line = '    sh->header.ref_count++;\n';
    for (const source of ['', line + line])
      expect(() => freeze('quickjs.c', source, [rule('counts that go up')])).toThrow(FreezeError);
  });

  test('rules of one file do nothing to the other', () => {
    expect(freeze('quickjs.h', '', [rule('counts that go up')])).toBe('');
  });
});
