import { describe, expect, test } from 'vitest';
import { KINDS, type Kind } from './kinds.ts';
import { formatHolders, type NamespaceReader, type Opened, parseNamespaceLink, surveyNamespaces } from './survey.ts';

const kindOf = (file: string) => KINDS.find((kind) => kind.file === file) as Kind;

/** Namespaces above one, by link text. */
interface Above {
  readonly parent?: string;
  readonly owner?: string;
  readonly uid?: number;
}

/** A made-up /proc: links by path, and what the kernel says of each namespace. Counts what is left open. */
function made(links: Readonly<Record<string, string>>, above: Readonly<Record<string, Above>>) {
  let open = 0;
  const opened = (text: string | undefined): Opened | undefined => {
    const read = text === undefined ? undefined : parseNamespaceLink(text);
    if (!read || text === undefined) return undefined;
    open += 1;
    return {
      ...read,
      parent: () => opened(above[text]?.parent),
      owner: () => opened(above[text]?.owner),
      ownerUid: () => above[text]?.uid,
      netnsid: () => 7,
      nsid: () => 1000 + read.id,
      keep: () => read.id,
      close: () => {
        open -= 1;
      },
    };
  };
  const reader: NamespaceReader = {
    names: (path) => [
      ...new Set(
        Object.keys(links)
          .filter((link) => link.startsWith(`${path}/`))
          .map((link) => link.slice(path.length + 1).split('/')[0] as string),
      ),
    ],
    link: (path) => links[path],
    descriptor: (path) => links[path],
    open: (path) => opened(links[path]),
    ofSocket: (pid, fd) => opened(links[`socket of ${pid}/${fd}`]),
    idOfSocket: (pid, fd) => parseNamespaceLink(links[`socket of ${pid}/${fd}`] ?? '')?.id,
  };
  return { reader, left: () => open };
}

const process = (pid: number, net: number, user = 1) => ({
  [`/proc/${pid}/ns/user`]: `user:[${user}]`,
  [`/proc/${pid}/ns/net`]: `net:[${net}]`,
});
const OWNED = { owner: 'user:[1]' };

test('processes by namespace, lowest PID first, whatever the order of /proc', () => {
  const { reader, left } = made(
    { ...process(10, 5), ...process(9, 5), ...process(100, 6), '/proc/self/ns/net': 'net:[5]', '/proc/77/stat': '' },
    { 'net:[5]': OWNED, 'net:[6]': OWNED },
  );
  const { namespaces, pids } = surveyNamespaces(reader, { mounts: [] });
  expect([...namespaces.keys()]).toEqual([1, 5, 6]);
  expect(namespaces.get(5)).toMatchObject({ kind: kindOf('net'), pids: [9, 10], owner: 1, parent: 0 });
  expect(namespaces.get(1)?.children).toEqual([5, 6]);
  // 77 may not be looked into, yet it is a process.
  expect([...pids]).toEqual([9, 10, 77, 100]);
  expect(left()).toBe(0);
});

describe('no process in it', () => {
  const links = {
    ...process(9, 5),
    '/proc/9/fd/0': '/dev/null',
    '/proc/9/fd/1': 'socket:[44]',
    '/proc/9/fd/12': 'net:[20]',
    '/run/netns/a': 'net:[21]',
  };
  const mount = { root: 'net:[21]', target: '/run/netns/a', path: '/run/netns/a' };

  test('an open descriptor', () => {
    const { namespaces } = surveyNamespaces(made(links, {}).reader, { mounts: [] });
    expect([...namespaces.keys()]).toEqual([1, 5, 20]);
    expect(namespaces.get(20)).toMatchObject({ pids: [], descriptors: [{ pid: 9, fd: 12 }] });
    expect(formatHolders(namespaces.get(20) as never)).toBe('fd:9/12');
  });

  test('a socket of a process that is elsewhere, each looked at once', () => {
    const sockets = {
      ...process(8, 5),
      ...links,
      '/proc/8/fd/3': 'socket:[50]',
      '/proc/9/fd/3': 'socket:[50]',
      '/proc/9/fd/4': 'socket:[51]',
      '/proc/9/fd/5': 'socket:[52]',
      'socket of 8/3': 'net:[30]',
      'socket of 9/4': 'net:[5]',
    };
    const { reader, left } = made(sockets, { 'net:[30]': OWNED });
    const { namespaces } = surveyNamespaces(reader, { mounts: [] });
    expect(namespaces.get(30)).toMatchObject({
      pids: [],
      owner: 1,
      sockets: [
        { pid: 8, fd: 3 },
        { pid: 9, fd: 3 },
      ],
    });
    expect(namespaces.get(5)).toMatchObject({ sockets: [] });
    expect(formatHolders(namespaces.get(30) as never)).toBe('socket:8/3+1');
    expect(left()).toBe(0);
    const others = surveyNamespaces(reader, { mounts: [], kinds: new Set(['user']) }).namespaces;
    expect([...others.keys()]).toEqual([1]);
  });

  test('mounts, each target once', () => {
    const other = { ...mount, target: '/b' };
    const { namespaces } = surveyNamespaces(made(links, {}).reader, { mounts: [mount, mount, other], netnsid: true });
    expect(namespaces.get(21)).toMatchObject({ pids: [], mounts: ['/run/netns/a', '/b'], netnsid: 7 });
    expect(formatHolders(namespaces.get(21) as never)).toBe('mount:/run/netns/a+1');
  });

  test('a mount that is covered is opened at its other place', () => {
    const covered = { ...links, '/run/netns/a': 'net:[99]', '/b': 'net:[21]' };
    const mounts = [mount, { ...mount, target: '/b', path: '/b' }];
    const { reader, left } = made(covered, { 'net:[21]': OWNED });
    expect(surveyNamespaces(reader, { mounts }).namespaces.get(21)).toMatchObject({ owner: 1 });
    expect(left()).toBe(0);
  });

  test('a child, and its parent in turn', () => {
    const { reader, left } = made(process(9, 5, 3), {
      'net:[5]': { owner: 'user:[3]' },
      'user:[3]': { parent: 'user:[2]', owner: 'user:[2]' },
      'user:[2]': { parent: 'user:[1]', owner: 'user:[1]', uid: 1000 },
    });
    const { namespaces } = surveyNamespaces(reader, { mounts: [] });
    expect([...namespaces.keys()]).toEqual([1, 2, 3, 5]);
    expect(namespaces.get(2)).toMatchObject({ parent: 1, owner: 1, ownerUid: 1000, children: [3], pids: [] });
    expect(namespaces.get(1)).toMatchObject({ parent: 0, children: [2] });
    expect(left()).toBe(0);
  });

  test('kinds that are not asked for are neither read nor followed', () => {
    const { reader, left } = made(process(9, 5), { 'net:[5]': OWNED });
    const { namespaces } = surveyNamespaces(reader, { mounts: [mount], kinds: new Set(['net']) });
    expect([...namespaces.keys()]).toEqual([5, 21]);
    expect(namespaces.get(5)?.owner).toBe(1);
    expect(left()).toBe(0);
  });
});

test('each namespace is shown once while it is open, those above included', () => {
  const { reader, left } = made(process(9, 5, 3), { 'net:[5]': { owner: 'user:[2]' }, 'user:[3]': {} });
  const seen: [number, number | undefined][] = [];
  const visit = ({ id, nsid }: { id: number; nsid?: number }) => seen.push([id, nsid]);
  surveyNamespaces(reader, { mounts: [], nsid: true, visit });
  expect(seen.sort()).toEqual([
    [2, 1002],
    [3, 1003],
    [5, 1005],
  ]);
  expect(left()).toBe(0);
});

test('a descriptor that has become another namespace meanwhile says nothing about the first', () => {
  const { reader } = made(process(9, 5), { 'net:[5]': OWNED, 'net:[8]': OWNED });
  const changing = { ...reader, open: () => made({ x: 'net:[8]' }, { 'net:[8]': OWNED }).reader.open('x') };
  expect(surveyNamespaces(changing, { mounts: [] }).namespaces.get(5)).toMatchObject({ owner: 0 });
});

test('what links say', () => {
  expect(parseNamespaceLink('net:[4026531833]')).toEqual({ kind: kindOf('net'), id: 4026531833 });
  for (const other of ['socket:[5]', 'net:[x]', 'net:5', '/dev/null', '', 'net:[5'])
    expect(parseNamespaceLink(other), other).toBeUndefined();
});

test('holders of every sort', () => {
  const holders = {
    pids: [3, 4],
    descriptors: [{ pid: 1, fd: 2 }],
    sockets: [{ pid: 6, fd: 7 }],
    mounts: ['/a'],
    children: [5, 6, 7],
  };
  expect(formatHolders({ ...holders } as never)).toBe('process:3+1,fd:1/2,socket:6/7,mount:/a,child:5+2');
});
