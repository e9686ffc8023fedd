import { describe, expect, test } from 'vitest';
import { expectSame, originals } from '../harness/parity.ts';
import { compatPath, isRoot, NOBODY, run } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** The original's and our output for each list of words. */
type Pair = readonly [original: string, ours: string];

/**
 * Both listers in one PID namespace with a /proc of its own, in which nobody else starts or ends: the same system at the same
 * moment. TREE is a process tree in a UTS namespace of its own, where the lister itself does not show.
 */
function sideBySide(
  lists: readonly string[],
  { locale = 'C.UTF-8', before = '', wrap = (command: string) => command } = {},
) {
  const listing = lists.flatMap((words) =>
    [originals(), compatPath].map(
      (path) => `PATH=${path}; ${wrap(`lsns ${words}`)} 2>&1; echo "status $?"; printf '\\f'`,
    ),
  );
  const script = [
    `unshare -u sh -c 'sleep 61 & sh -c "sleep 62; :" "$ODD" & exec sleep 63' & TREE=$!`,
    `export LC_ALL=${locale}; ${before}`,
    'sleep 0.3',
    ...listing,
  ].join('\n');
  const { status, stdout, stderr } = run(['unshare', '-rpfmuinC', '--mount-proc', 'sh', '-c', script], {
    env: { ODD: 'a\tb "c" \\x41\\y é \u{1}' },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const outputs = stdout.split('\f');
  return lists.map((_, index): Pair => [outputs[2 * index] as string, outputs[2 * index + 1] as string]);
}

/** Older originals fill columns up to headings that they do not print. */
const withoutFilling = (text: string) => text.replace(/^ +/gm, '').replace(/ +/g, ' ');

function expectSameSideBySide(lists: readonly string[], options: Parameters<typeof sideBySide>[1] = {}): string {
  const pairs = sideBySide(lists, options);
  for (const [index, [original, ours]] of pairs.entries()) {
    const clean = /-n\b/.test(lists[index] as string) ? withoutFilling : (text: string) => text;
    expect(clean(ours), lists[index]).toBe(clean(original));
  }
  return pairs.map(([original]) => original).join('');
}

const FORMS = ['', '-l', '-n', '-r', '-J', '-u', '-W', '-T', '-Towner', '-Tparent', '-Tprocess'];
/** Forms that change little: a few choices do. */
const SMALL = ['-n', '-u', '-W', '-Tprocess', '-Towner', '-Tparent'];
/** Forms that draw lines, which differ where the locale has no more than ASCII. */
const DRAWN = ['', '-T', '-J'];
const CHOICES = [
  '',
  '-p 1',
  '-p $TREE -o NS,TYPE,PATH,PID,PPID,COMMAND,UID,USER,PNS,ONS,NSFS',
  '-p 1 --output-all',
  '-t net -t user',
  '-t pid',
  '-t uts',
  '-p 1 -o +PATH,ns',
  '-p 1 -o COMMAND,PID',
  '-n -o PNS,ONS,NETNSID',
  '-p 999',
  '4',
  '1 2',
  '$(readlink /proc/$TREE/ns/uts | tr -dc 0-9)',
  '-o COMMAND,PID,USER $(readlink /proc/$TREE/ns/uts | tr -dc 0-9)',
];

describe('in namespaces of their own', () => {
  for (const form of FORMS)
    for (const locale of DRAWN.includes(form) ? ['C', 'C.UTF-8'] : ['C.UTF-8'])
      test(`lsns ${form} in ${locale}`, (context) => {
        needs(context, needsRoot, needsProgram('lsns', 'unshare'));
        const byRelation = form.startsWith('-T') || form.startsWith('--tree');
        // Of kinds that were not asked for newer originals, and ours, show no ancestors either.
        const choices = SMALL.includes(form) || locale === 'C' ? CHOICES.slice(0, 5) : CHOICES;
        const lists = choices
          .filter((choice) => !(byRelation && choice.startsWith('-t')))
          .map((choice) => `${form} ${choice}`);
        const said = expectSameSideBySide(lists, { locale });
        expect(said).toContain('status 0');
        expect(said).toContain('sleep');
      });
});

test('other spellings of a tree', (context) => {
  needs(context, needsRoot, needsProgram('lsns', 'unshare'));
  const lists = ['-T=owner', '--tree=parent', '--tree', '--tree=process', '--tr=owner'].map(
    (words) => `${words} -p $TREE`,
  );
  expect(expectSameSideBySide(lists)).toContain('sleep');
});

test('itself, as it was called', (context) => {
  needs(context, needsRoot, needsProgram('lsns', 'unshare'));
  const before = 'ns=$(readlink /proc/self/ns/pid | tr -dc 0-9)';
  const lists = ['-l', '-J', '-r', '', '-u', '-T=process'].map((words) => `${words} -n -o COMMAND "$ns"`);
  expect(expectSameSideBySide(lists, { before })).toMatch(/lsns -r -n -o COMMAND|lsns\\x20-r/);
});

test('namespaces that are mounted, in one line and in several', (context) => {
  needs(context, needsRoot, needsProgram('lsns', 'unshare'));
  const before =
    'mount -t tmpfs none /mnt; touch /mnt/a /mnt/b; mount --bind /proc/1/ns/uts /mnt/a; mount --bind /mnt/a /mnt/b';
  const lists = ['', '-W', '-r', '-T', '-J -W', '-T -W'].flatMap((words) =>
    ['-o NS,NSFS', '-o NSFS,TYPE,NS', '--output-all'].map((list) => `-p 1 ${list} ${words}`),
  );
  expect(expectSameSideBySide(lists, { before })).toContain('/mnt/b');
});

describe('on a terminal', () => {
  for (const width of [20, 40, 60, 80, 200])
    test(`of ${width} columns`, (context) => {
      needs(context, needsRoot, needsProgram('lsns', 'unshare', 'script'));
      const wrap = (command: string) => `script -qec "stty cols ${width}; ${command}" /dev/null </dev/null`;
      const lists = ['', '-u', '-o COMMAND,NS,USER', '-o NS,COMMAND,UID', '-T', '-o COMMAND,COMMAND,UID'].map(
        (list) => `-p 1 ${list}`,
      );
      expect(expectSameSideBySide(lists, { wrap })).toContain('40265');
    });
});

describe('wrong usage', () => {
  const users = isRoot ? [0, NOBODY] : [undefined];
  for (const uid of users)
    for (const argv of [
      ['abc'],
      [''],
      ['0x10'],
      ['-p', 'abc'],
      ['-p', '12x'],
      ['-p', ''],
      ['-p', '99999999999'],
      ['-J', '-r'],
      ['-t', 'foo'],
      ['-t', ''],
      ['-t'],
      ['-o', 'foo'],
      ['-o', 'foo,NS'],
      ['-o', 'NS,,PID'],
      ['-o', 'NS,'],
      ['-o', '+'],
      ['-o', ''],
      ['-p', '1', '4026531832'],
      ['--bogus'],
      ['-Tx'],
      ['--tree=bad'],
    ])
      test(`lsns ${argv.map((word) => word || "''").join(' ')} as ${uid}`, (context) => {
        needs(context, needsProgram('lsns'));
        expectSame(['lsns', ...argv], { uid });
      });
});

test('closed and full outputs', (context) => {
  needs(context, needsProgram('lsns'));
  expectSame(['sh', '-c', 'lsns -p $$ > /dev/full'], {
    normalise: (text) => text.replace(/write error.*/, 'write error'),
  });
});
