import { describe, expect, test } from 'vitest';
import { both, expectSame, type Parity } from '../harness/parity.ts';
import { isRoot, NOBODY } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** In a PID namespace with a /proc of its own nobody else starts or ends: what both see is the same, PIDs but for their own. */
const INSIDE = ['unshare', '-rpfmuinC', '--mount-proc', 'sh', '-c'];

/** A process tree with odd words in it, then `script` with FIND=the PID namespace, LSNS=the lister. */
const inside = (script: string) => [
  ...INSIDE,
  `sleep 61 & sh -c 'sleep 62; :' & sh -c 'exec sleep "$(printf "63\\\\t")" 2>/dev/null'; env -u LC_ALL LC_ALL=$LOCALE sh -c '${script}'; status=$?; kill -9 -1; exit $status`,
];

const withoutOwnPid = (text: string) => text.replaceAll(/\b\d{1,3}\b(?= +\d* *(root|nobody) .*lsns)/g, 'PID');

const inContainer = (words: string, options: Parity = {}, locale = 'C.UTF-8') =>
  both(inside(`lsns ${words}`), { normalise: withoutOwnPid, ...options, env: { LOCALE: locale } });

const FORMS = [
  '',
  '-l',
  '-n',
  '-r',
  '-J',
  '-u',
  '-W',
  '-T',
  '-Towner',
  '-Tparent',
  '-Tprocess',
  '-T=owner',
  '--tree=parent',
];
const CHOICES = [
  '',
  '-p 1',
  '-p 2 -o NS,TYPE,PATH,PID,PPID,COMMAND,UID,USER,PNS,ONS,NSFS',
  '-p 1 --output-all',
  '-t net -t user',
  '-t pid',
  '-p 1 -o +PATH,ns',
  '-p 1 -o COMMAND,PID',
  '-n -o PNS,ONS,NETNSID',
  '-p 999',
  '$(readlink /proc/1/ns/pid | tr -dc 0-9)',
  '-o COMMAND,PID,USER $(readlink /proc/1/ns/net | tr -dc 0-9)',
];

describe('in namespaces of their own', () => {
  for (const form of FORMS)
    test(`lsns ${form}`, (context) => {
      needs(context, needsRoot, needsProgram('lsns', 'unshare'));
      for (const choice of CHOICES) {
        // Ours leaves out kinds that were not asked for, as newer originals do.
        if (choice.startsWith('-t') && /^-(T|T=?owner|Tparent|-tree=parent)$/.test(form)) continue;
        for (const locale of ['C', 'C.UTF-8']) {
          const words = `${form} ${choice}`;
          const { original, ours } = inContainer(words, {}, locale);
          const numbers = (text: string) => text.replaceAll(/\b40265\d{5}\b/g, 'NAMESPACE');
          expect({ ...ours, stdout: numbers(ours.stdout) }, words).toEqual({
            ...original,
            stdout: numbers(original.stdout),
          });
          expect(original.status, words).toBe(0);
        }
      }
    });
});

test('namespaces that are mounted, in one line and in several', (context) => {
  needs(context, needsRoot, needsProgram('lsns', 'unshare'));
  const mounting =
    'mount -t tmpfs none /mnt; touch /mnt/a /mnt/b; mount --bind /proc/1/ns/uts /mnt/a; mount --bind /mnt/a /mnt/b;';
  for (const words of ['', '-W', '-r', '-J', '-T', '-J -W', '-T -o NSFS,NS'])
    for (const list of ['-o NS,NSFS', '-o NSFS,TYPE,NS', '--output-all']) {
      const numbers = (text: string) => withoutOwnPid(text).replaceAll(/\b40265\d{5}\b/g, 'NAMESPACE');
      const { original, ours } = both(inside(`${mounting} lsns -p 1 ${list} ${words}`), {
        normalise: numbers,
        env: { LOCALE: 'C.UTF-8' },
      });
      expect(ours, `${list} ${words}`).toEqual(original);
      expect(original.stdout).toContain('/mnt/b');
    }
});

describe('on a terminal', () => {
  for (const width of [20, 40, 60, 80, 200])
    test(`of ${width} columns`, (context) => {
      needs(context, needsRoot, needsProgram('lsns', 'unshare', 'script'));
      for (const words of ['-p 1', '-p 1 -u', '-p 1 -o COMMAND,NS,USER', '-p 1 -o NS,COMMAND,UID', '-p 1 -T']) {
        const command = `script -qec "stty cols ${width}; lsns ${words}" /dev/null`;
        const numbers = (text: string) => withoutOwnPid(text).replaceAll(/\b40265\d{5}\b/g, 'NAMESPACE_');
        const { original, ours } = both(inside(command), { normalise: numbers, env: { LOCALE: 'C.UTF-8' } });
        expect(ours, words).toEqual(original);
        expect(original.stdout).toContain('NAMESPACE_');
      }
    });
});

describe('wrong usage', () => {
  const users = isRoot ? [0, NOBODY] : [undefined];
  for (const uid of users)
    for (const argv of [
      ['abc'],
      ['4'],
      ['1', '2'],
      [''],
      ['0x10'],
      ['-p', 'abc'],
      ['-p', '12x'],
      ['-p', ''],
      ['-p', '99999999999'],
      ['-p', '999999999'],
      ['-p', '999999999', '-J'],
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
