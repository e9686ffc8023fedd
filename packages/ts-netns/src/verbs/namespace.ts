/** `ip netns add|attach|del|list|list-id|set|identify|pids|monitor`; `exec` is in ../exec.ts. */
import { readdirSync, statSync } from 'node:fs';
import { getNamespaceId, inNewNamespace, listNamespaceIds, openNamespace, setNamespaceId } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, parseDecimal } from '@ts/sys';
import type { Context } from '../context.ts';
import { Entry, render } from '../entry.ts';
import { namesHint, processHint } from '../hints.ts';
import { checkNamespace, pathOf, RUN } from '../namespaces.ts';
import { Usage } from '../usage.ts';
import { FAILED, numberIn, type Words, wrong } from '../words.ts';
import { idOf, namesOfIds, namespaceNames } from './ids.ts';

const fails = (message: string, error: unknown, status = FAILED): never => {
  if (!(error instanceof sys.SysError)) throw error;
  throw new Failure(`${message}: ${sys.strerror(error.errno)}`, status, remedyOf(error));
};

const remedyOf = ({ code }: sys.SysError): string | undefined =>
  code === 'EPERM' || code === 'EACCES' ? namesHint() : undefined;

function nameOf(words: Words): string {
  const name = words.take();
  if (name === undefined) throw new Failure('No netns name specified', FAILED);
  return checkNamespace(name);
}

function alone(words: Words): void {
  if (words.next !== undefined) throw new Failure('extra arguments specified', FAILED);
}

/** The folder as a mount that other mount namespaces share, so that names made here are seen there, and go there. */
function shareFolder({ sys: kernel }: Context): void {
  try {
    kernel.or(`mkdir ${RUN} failed`).ignoring(sys.errnoOf('EEXIST')).mkdir(RUN, 0o755);
    const lock = kernel.ignoring().look('openat', -100, RUN, sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC, 0);
    try {
      if (lock >= 0) kernel.ignoring().flock(lock, sys.LOCK_EX);
      share(kernel);
    } finally {
      if (lock >= 0) kernel.look('close', lock);
    }
  } catch (error) {
    if (!(error instanceof sys.SysError)) throw error;
    fails(error.context ?? error.call, error);
  }
}

function share(kernel: sys.LiveSys): void {
  const EINVAL = sys.errnoOf('EINVAL');
  const shared = sys.MS_SHARED | sys.MS_REC;
  const refusal = kernel.or(`mount --make-shared ${RUN} failed`).ignoring(EINVAL).mount('', RUN, 'none', shared);
  if (refusal !== -EINVAL) return;
  kernel.or(`mount --bind ${RUN} ${RUN} failed`).mount(RUN, RUN, 'none', sys.MS_BIND | sys.MS_REC);
  kernel.or(`mount --make-shared ${RUN} failed`).mount('', RUN, 'none', shared);
}

/** An empty file that the namespace is mounted on. */
function makeFile({ sys: kernel }: Context, name: string): string {
  const path = `${RUN}/${name}`;
  try {
    const fd = kernel.open(path, sys.O_RDONLY | sys.O_CREAT | sys.O_EXCL, 0);
    kernel.close(fd);
  } catch (error) {
    fails(`Cannot create namespace file "${path}"`, error);
  }
  return path;
}

function bindTo(context: Context, source: string, path: string): void {
  try {
    context.sys.mount(source, path, 'none', sys.MS_BIND);
  } catch (error) {
    context.sys.ignoring().unlink(path);
    fails(`Bind ${source} -> ${path} failed`, error);
  }
}

export function add(context: Context, words: Words): void {
  make(context, nameOf(words));
}

/** A new namespace under a name; nothing of it stays where a step fails. */
export function make(context: Context, name: string): void {
  shareFolder(context);
  const path = makeFile(context, name);
  try {
    inNewNamespace(context.sys, () => bindTo(context, '/proc/self/ns/net', path));
  } catch (error) {
    if (error instanceof sys.SysError) {
      context.sys.ignoring().umount2(path, sys.MNT_DETACH);
      context.sys.ignoring().unlink(path);
    }
    fails(`Failed to create a new network namespace "${name}"`, error);
  }
}

export function attach(context: Context, words: Words): void {
  const [name, pid] = words.rest();
  if (name === undefined || pid === undefined) throw new Failure('No netns name and PID specified', FAILED);
  checkNamespace(name);
  if (!parseDecimal(pid, 0x7fff_ffff)) throw new Failure(`Invalid PID: ${pid}`, FAILED);
  shareFolder(context);
  bindTo(context, `/proc/${pid}/ns/net`, makeFile(context, name));
}

export function remove(context: Context, words: Words): void {
  if (context.settings.all) {
    removeAll(context);
    return;
  }
  unname(context, nameOf(words));
}

/** Every one that can be; what cannot is said, and makes a failure of it. */
function removeAll(context: Context): void {
  const failures: Failure[] = [];
  for (const name of namespaceNames())
    try {
      unname(context, name);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
    }
  const last = failures.pop();
  for (const { said } of failures) context.world.warn(said);
  if (last) throw last;
}

/** Takes a name away; the namespace lives on while somebody else keeps it. */
export function unname({ sys: kernel }: Context, name: string): void {
  const path = `${RUN}/${name}`;
  kernel.ignoring().umount2(path, sys.MNT_DETACH);
  try {
    kernel.unlink(path);
  } catch (error) {
    fails(`Cannot remove namespace file "${path}"`, error);
  }
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
  let fd = -1;
  try {
    fd = openNamespace(context.sys, pathOf(name));
  } catch (error) {
    fails(`Cannot open network namespace "${name}"`, error);
  }
  try {
    context.route.request(setNamespaceId({ nsid, fd }), `netns set ${name}`);
  } finally {
    context.sys.look('close', fd);
  }
}

interface Inode {
  readonly dev: number;
  readonly ino: number;
}
const same = (a: Inode, b: Inode) => a.dev === b.dev && a.ino === b.ino;

const inodeOf = (path: string): Inode | undefined => {
  try {
    return statSync(sys.encode(path));
  } catch {
    return undefined; // gone meanwhile, or nothing that we may look at
  }
};

function notOpened(error: unknown): Failure {
  const { errno = 0, code } = error as NodeJS.ErrnoException;
  const remedy = code === 'EACCES' ? processHint() : undefined;
  return new Failure(`Cannot open network namespace: ${sys.strerror(-errno)}`, FAILED, remedy);
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
    own = statSync(`/proc/${pid}/ns/net`);
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
  const target = statSync(sys.encode(path));
  return readdirSync('/proc')
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
  shareFolder(context);
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
