/** `ip netns add|attach|del|list|list-id|set|identify|pids|monitor`; `exec` is in ../exec.ts. */
import { getNamespaceId, listNamespaceIds, openNamespace, setNamespaceId } from '@ts/netlink';
import { because, checkNamespace, makeNamed, nameThatOf, pathOf, RUN, shareFolder, unname } from '@ts/network';
import * as sys from '@ts/sys';
import { Failure, parseDecimal } from '@ts/sys';
import type { Context } from '../context.ts';
import { Entry, render } from '../entry.ts';
import { processHint } from '../hints.ts';
import { Usage } from '../usage.ts';
import { FAILED, numberIn, type Words, wrong } from '../words.ts';
import { idOf, namesOfIds, namespaceNames } from './ids.ts';

function nameOf(words: Words): string {
  const name = words.take();
  if (name === undefined) throw new Failure('No netns name specified', FAILED);
  return checkNamespace(name);
}

function alone(words: Words): void {
  if (words.next !== undefined) throw new Failure('extra arguments specified', FAILED);
}

export function add(context: Context, words: Words): void {
  makeNamed(context.sys, nameOf(words));
}

export function attach(context: Context, words: Words): void {
  const [name, pid] = words.rest();
  if (name === undefined || pid === undefined) throw new Failure('No netns name and PID specified', FAILED);
  checkNamespace(name);
  const number = parseDecimal(pid, 0x7fff_ffff);
  if (!number) throw new Failure(`Invalid PID: ${pid}`, FAILED);
  nameThatOf(context.sys, number, name);
}

export function remove(context: Context, words: Words): void {
  if (context.settings.all) {
    removeAll(context);
    return;
  }
  unname(context.sys, nameOf(words));
}

/** Every one that can be; what cannot is said, and makes a failure of it. */
function removeAll(context: Context): void {
  const failures: Failure[] = [];
  for (const name of namespaceNames())
    try {
      unname(context.sys, name);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
    }
  const last = failures.pop();
  for (const { said } of failures) context.world.warn(said);
  if (last) throw last;
}

export function list(context: Context): void {
  const entries = namespaceNames().map((name) => {
    const entry = new Entry('\n');
    entry.both('name', name, name);
    const id = idOf(context, name);
    if (id !== undefined) entry.both('id', id, ` (id: ${id})`);
    entry.say('\n');
    return entry;
  });
  context.print(render(entries, context.settings));
}

function nsidOf(key: string, text: string): number {
  const value = numberIn(text, -0x8000_0000, 0x7fff_ffff, () => wrong(text, `"${key}" value is invalid`));
  if (value < 0) throw wrong(text, `"${key}" value should be >= 0`);
  return value;
}

export function listIds(context: Context, words: Words): void {
  let target: number | undefined;
  let only: number | undefined;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'target-nsid') target = nsidOf(word, words.argument());
    else if (word === 'nsid') only = nsidOf(word, words.argument());
    else throw new Usage('netns');
  }
  const found =
    only === undefined
      ? listNamespaceIds(context.route, { target })
      : [getNamespaceId(context.route, { nsid: only, target })];
  const names = namesOfIds(context);
  const entries = found
    .filter(({ nsid = -1 }) => nsid >= 0)
    .map(({ nsid = -1, current = -1 }) => {
      const entry = new Entry('\n');
      entry.both('nsid', nsid, `nsid ${nsid} `);
      if (target !== undefined && current >= 0) entry.both('current-nsid', current, `current-nsid ${current} `);
      const name = names.get(target === undefined ? nsid : current);
      if (name !== undefined) entry.both('name', name, `(iproute2 netns name: ${name})`);
      entry.say('\n');
      return entry;
    });
  context.print(render(entries, context.settings));
}

export function setId(context: Context, words: Words): void {
  const name = nameOf(words);
  const text = words.take();
  if (text === undefined) throw new Failure('No nsid specified', FAILED);
  const fail = () => wrong(text, 'Invalid "netnsid" value');
  const nsid = text === 'auto' ? -1 : numberIn(text, -0x8000_0000, 0x7fff_ffff, fail);
  if (nsid < 0 && text !== 'auto') throw wrong(text, '"netnsid" value should be >= 0');
  let fd: number;
  try {
    fd = openNamespace(context.sys, pathOf(name));
  } catch (error) {
    throw because('file', `Cannot open network namespace "${name}"`, error);
  }
  try {
    context.route.request(setNamespaceId({ nsid, fd }), `netns set ${name}`);
  } finally {
    context.sys.look('close', fd);
  }
}

interface Inode {
  readonly dev: number;
  readonly ino: bigint;
}
const same = (a: Inode, b: Inode) => a.dev === b.dev && a.ino === b.ino;

/** Undefined where it has gone meanwhile, or is nothing that we may look at. */
const inodeOf = (path: string): Inode | undefined => sys.unlessRefused(() => sys.stat(path));

function notOpened(error: unknown): unknown {
  if (!(error instanceof sys.SysError)) return error;
  const remedy = error.code === 'EACCES' ? processHint() : undefined;
  return new Failure(`Cannot open network namespace: ${sys.strerror(error.errno)}`, FAILED, remedy);
}

/** The name of the namespace that a process is in, the caller's where none is named. */
export function identify(context: Context, words: Words): void {
  const given = words.take();
  const pid = given ?? 'self';
  checkNamespace(pid);
  alone(words);
  if (given !== undefined && !/^\d+$/.test(given)) throw new Failure(`Specified string '${pid}' is not a pid`, FAILED);
  let own: Inode;
  try {
    own = sys.stat(`/proc/${pid}/ns/net`);
  } catch (error) {
    throw notOpened(error);
  }
  const found = namespaceNames().find((name) => {
    const inode = inodeOf(`${RUN}/${name}`);
    return inode !== undefined && same(inode, own);
  });
  context.print(`${found ?? ''}\n`);
}

/** Processes in a namespace, in ascending order. */
const processesIn = (path: string): number[] => {
  const target = sys.stat(path);
  return sys
    .list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const inode = inodeOf(`/proc/${pid}/ns/net`);
      return inode !== undefined && same(inode, target);
    })
    .sort((a, b) => a - b);
};

export function pids(context: Context, words: Words): void {
  const name = nameOf(words);
  alone(words);
  let found: number[];
  try {
    found = processesIn(pathOf(name));
  } catch (error) {
    throw notOpened(error);
  }
  context.print(found.map((pid) => `${pid}\n`).join(''));
}

const EVENT = 16;

/** Tells of names as they come and go, until it is ended. */
export function monitor(context: Context): void {
  const { sys: kernel } = context;
  const fd = kernel.or('inotify_init failed').inotify_init();
  shareFolder(context.sys);
  kernel.or('inotify_add_watch failed').inotify_add_watch(fd, RUN, sys.IN_CREATE | sys.IN_DELETE);
  const buffer = Buffer.alloc(4096);
  for (;;) {
    const length = kernel.or('read failed').read(fd, buffer);
    if (length === 0) return;
    for (let at = 0; at + EVENT <= length; at += EVENT + buffer.readUInt32LE(at + 12)) {
      const mask = buffer.readUInt32LE(at + 4);
      const bytes = buffer.subarray(at + EVENT, at + EVENT + buffer.readUInt32LE(at + 12));
      const name = sys.decode(bytes.subarray(0, bytes.indexOf(0)));
      if (mask & sys.IN_CREATE) context.print(`add ${name}\n`);
      if (mask & sys.IN_DELETE) context.print(`delete ${name}\n`);
    }
  }
}
