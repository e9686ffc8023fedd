import { parse } from '@ts/cli';
import { KINDS, type Kind, type Namespace, type Survey } from '@ts/namespaces';
import { describe, expect, test } from 'vitest';
import type { Details } from './columns.ts';
import { plan, rowsOf, tool } from './lsns.ts';

const planned = (words: string) => plan(parse(tool.options, words.split(' ').filter(Boolean), tool.grammar));
const columns = (words: string) => planned(words).columns.map(({ name }) => name);

describe('what the command line asks for', () => {
  test('columns', () => {
    expect(columns('')).toEqual(['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'COMMAND']);
    expect(columns('-t mnt -t net')).toContain('NETNSID');
    expect(columns('4026531832')).toEqual(['PID', 'PPID', 'USER', 'COMMAND']);
    expect(columns('-o ns,Holders')).toEqual(['NS', 'HOLDERS']);
    expect(columns('-o +path').at(-1)).toBe('PATH');
    expect(columns('--output-all')).toHaveLength(13);
    expect(columns('-o NS,,PID')).toEqual([]);
  });

  test('the list of columns: only what stands before it counts', () => {
    expect(planned('-J -H -o nope -t nope')).toMatchObject({ listColumns: true, format: 'json' });
    expect(planned('-H -J -Q x==')).toMatchObject({ listColumns: true, format: 'table' });
    expect(planned('-o nope -H')).toMatchObject({ listColumns: true });
    expect(() => planned('-t nope -H')).toThrow('unknown namespace type: nope');
  });

  test('an empty expression is none', () => {
    expect(plan(parse(tool.options, ['-Q', ''], tool.grammar)).filter).toBeUndefined();
  });

  test('trees', () => {
    for (const [words, tree] of [
      ['', 'process'],
      ['-l', undefined],
      ['--output-all', undefined],
      ['-T', 'owner'],
      ['-T=parent', 'parent'],
      ['--tree=process', 'process'],
      ['-l 5', undefined],
      ['--output-all 5', 'process'],
    ] as const)
      expect(planned(words).tree, words).toBe(tree);
  });

  test.each([
    ['-J -r', 'mutually exclusive arguments: --json --raw'],
    ['-P -p 1', 'mutually exclusive arguments: --persistent --task'],
    ['-T -l', 'mutually exclusive arguments: --list --tree'],
    ['-p 0', "invalid PID argument: '0': Numerical result out of range"],
    ['-p x', "invalid PID argument: 'x'"],
    ['-t x', 'unknown namespace type: x'],
    ['-Tx', 'unknown tree type: x'],
    ['-T=', 'unknown tree type: '],
    ['--tree=', 'unknown tree type: '],
    ['-p 99999999999999999999', "invalid PID argument: '99999999999999999999': Numerical result out of range"],
    ['1e3', "invalid namespace argument: '1e3'"],
    ['99999999999999999999', "invalid namespace argument: '99999999999999999999': Numerical result out of range"],
    ['-o a,NS', 'unknown column: a,NS'],
    ['-p 1 5', '--task is mutually exclusive with <namespace>'],
    ['-Q PID==', 'failed to parse "PID==": syntax error, unexpected end of file'],
    ['-Q NOPE', 'unknown column: NOPE'],
    ['-Q NS=~"("', 'failed to parse "NS=~"("": Invalid regular expression'],
  ])('%s', (words, message) => {
    expect(() => planned(words)).toThrow(message);
  });
});

const namespace = (file: string, id: number, pids: number[], above: Partial<Namespace> = {}): Namespace => ({
  kind: KINDS.find((kind) => kind.file === file) as Kind,
  id,
  pids,
  descriptors: [],
  sockets: [],
  mounts: [],
  children: [],
  parent: 0,
  owner: 0,
  ownerUid: 0,
  ...above,
});

/** init (1) in user 50 and net 20; below it 7 and its child 8 in net 10, owned by user 5, a child of 50 without processes. */
const survey: Survey = {
  pids: new Set([1, 7, 8]),
  namespaces: new Map(
    [
      namespace('user', 5, [], { parent: 50, owner: 50, ownerUid: 1000 }),
      namespace('net', 10, [7, 8], { owner: 5 }),
      namespace('net', 20, [1], { owner: 50, mounts: ['/a', '/b'] }),
      namespace('user', 50, [1, 7, 8]),
    ].map((one) => [one.id, one]),
  ),
};
const details: Details = {
  ppid: (pid) => ({ 1: 0, 7: 1, 8: 7 })[pid],
  command: (pid) => `program ${pid}`,
  uid: () => 0,
  userName: (uid) => (uid === 0 ? 'root' : `user ${uid}`),
};
const rows = (words: string) => rowsOf(planned(words), survey, details);
const cells = (words: string) => rows(words).map((row) => row.cells.join(' '));

describe('rows', () => {
  test('by id; the process is the lowest', () => {
    expect(cells('-l')).toEqual([
      '5 user 0  user 1000 ',
      '10 net 2 7 root program 7',
      '20 net 1 1 root program 1',
      '50 user 3 1 root program 1',
    ]);
  });

  test('owners come before what they own, and hold it', () => {
    const made = rows('-T -o NS');
    expect(made.map(({ cells: [id], parent }) => [id, parent?.cells[0]])).toEqual([
      ['50', undefined],
      ['5', '50'],
      ['10', '5'],
      ['20', '50'],
    ]);
  });

  test('processes of one namespace hang below each other', () => {
    const made = rows('-o PID 50');
    expect(made.map(({ cells: [id], parent }) => [id, parent?.cells[0]])).toEqual([
      ['1', undefined],
      ['7', '1'],
      ['8', '7'],
    ]);
  });

  test('of one process, without any, by an expression', () => {
    expect(cells('-l -p 8 -o NS')).toEqual(['10', '50']);
    expect(cells('-p 999')).toEqual([]);
    expect(cells('-P -o NS')).toEqual(['5']);
    expect(rows('-l -o NS -Q UID==1000||PID==7').map(({ cells: [id] }) => id)).toEqual(['5', '10']);
  });

  test('several mounts in one cell', () => {
    expect(cells('-l -o NSFS -p 1')).toEqual(['/a\n/b', '']);
    expect(cells('-l -W -o NSFS -p 1')).toEqual(['/a,/b', '']);
  });
});
