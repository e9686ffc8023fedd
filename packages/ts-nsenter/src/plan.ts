/** From the command line to what is to be done: nothing is changed, and all that can be checked is checked here. */

import { kernelCapabilities } from '@ts/capabilities';
import { type Parsed, parseDescriptor, parseId, type Step, shellOr, type World } from '@ts/cli';
import { KINDS, type Kind } from '@ts/namespaces';
import { Failure } from '@ts/sys';
import { fileOfNetns, holdNamespace, targetOfGroup } from './named.ts';
import type { options } from './options.ts';
import { contextOf, environmentOf, groupsOf, held, idOf, isOwn, parseTarget, type Target } from './target.ts';

type Input = Parsed<typeof options>;

/** What is opened before anything is entered: a namespace, the new root, the new working directory. */
export interface Source {
  readonly what: Kind | 'root' | 'wd';
  readonly path: string;
  /** A descriptor of it that is open already. */
  readonly fd?: number;
  /** The caller is in it already, and was not asked to name it: where it may not enter it again, nothing is missing. */
  readonly own?: boolean;
}

export interface Plan {
  readonly target?: Target;
  readonly sources: readonly Source[];
  readonly socket?: number;
  readonly userParent: boolean;
  /** A user namespace is entered. */
  readonly intoUser: boolean;
  readonly preserve: boolean;
  readonly uid?: number;
  readonly gid?: number;
  /** How many capabilities the kernel has, where all are to be kept. */
  readonly keepCaps?: number;
  readonly directoryInside?: string;
  readonly fork: boolean;
  readonly groups: readonly string[];
  readonly context?: string;
  readonly environment?: readonly string[];
  readonly statusFd?: number;
  /** The plan came from what /proc says of the target. */
  readonly looked: boolean;
  readonly program: readonly string[];
  readonly argv0?: string;
}

const kindOf = (long: string) => KINDS.find(({ name }) => name === long);

/** `-u=FILE` is taken for `-uFILE`, as newer originals do (but for the root). */
const withoutEquals = (path: string) => path.replace(/^=/, '');

/** What an option names that takes a file, and where that is. An empty name is one, and there is no such file. */
function namedBy({ option, value }: Step): Source | undefined {
  if (option.long === 'netns') return { what: kindOf('net') as Kind, path: fileOfNetns(value ?? '') };
  if (value === undefined) return undefined;
  const what = option.long === 'root' || option.long === 'wd' ? option.long : kindOf(option.long);
  return what && { what, path: what === 'root' ? value : withoutEquals(value) };
}

/** Files that were named are opened first, in the order given, as the original does; then what is the target's. */
function sourcesOf({ values, steps }: Input, target: Target | undefined, world: World): Source[] {
  const all = steps.flatMap((step) => namedBy(step) ?? []);
  // The last one counts.
  const named = all
    .filter(({ what }, index) => !all.slice(index + 1).some((later) => later.what === what))
    .map((source) =>
      typeof source.what === 'object' && source.path.startsWith(':')
        ? { ...source, fd: holdNamespace(source.path.slice(1), world) }
        : source,
    );
  const isNamed = (what: Source['what']) => named.some((source) => source.what === what);
  if (values.all && !target) throw new Failure('no target PID specified for --all');
  const ofTarget = (what: Source['what'], name: string, own = false): Source => ({
    what,
    path: `/proc/${demand(target, typeof what === 'string' ? name : undefined).pid}/${name}`,
    own,
  });
  const namespaces = KINDS.flatMap((kind): Source[] => {
    if (isNamed(kind)) return [];
    // What is above the user namespace of the target is reached through that.
    const isAsked = values[kind.name] !== undefined || (kind.name === 'user' && values['user-parent']);
    if (isAsked) return [ofTarget(kind, `ns/${kind.file}`)];
    if (!values.all || !target || (kind.name === 'net' && values['net-socket'] !== undefined)) return [];
    const own = isOwn(target.pid, kind.file);
    // A second setns would give back capabilities that were dropped, and the kernel refuses it.
    return kind.name === 'user' && own ? [] : [ofTarget(kind, `ns/${kind.file}`, own)];
  });
  const folders = (
    [
      ['root', 'root'],
      ['wd', 'cwd'],
    ] as const
  ).flatMap(([what, name]) => (values[what] === undefined || isNamed(what) ? [] : [ofTarget(what, name)]));
  return [...named, ...namespaces, ...folders];
}

const descriptor = (text: string | undefined) => (text === undefined ? undefined : parseDescriptor(text));

/** A process is needed for options that take something from one. `what`: what else could have been named by a file. */
function demand(target: Target | undefined, what?: string): Target {
  if (target) return target;
  throw new Failure(
    what === undefined ? 'no target PID specified' : `neither filename nor target pid supplied for ${what}`,
  );
}

function credentialsOf({ values }: Input, target: Target | undefined, intoUser: boolean, world: World) {
  const byDefault = intoUser && !values['preserve-credentials'] ? 0 : undefined;
  const id = (option: 'setuid' | 'setgid', which: 'uid' | 'gid') => {
    const text = values[option];
    if (text === undefined) return byDefault;
    if (text === 'follow') return idOf(demand(target, `--${option}=follow`).pid, which, intoUser, world);
    return parseId(text, which, () => undefined);
  };
  return { uid: id('setuid', 'uid'), gid: id('setgid', 'gid') };
}

/** The process that is named by its number or by its control group. */
function targetOf(values: Input['values'], world: World): Target | undefined {
  const group = values['target-cgroup'];
  if (group === undefined) return parseTarget(values.target);
  if (values.target !== undefined) throw new Failure('mutually exclusive arguments: --target --target-cgroup');
  // Of a file that was named the group need not be a member.
  const isOfTarget = ({ name }: Kind) =>
    values[name] === true ||
    (Boolean(values.all) && values[name] === undefined && !(name === 'net' && values.netns)) ||
    (Boolean(values['user-parent']) && name === 'user' && values.user === undefined);
  return targetOfGroup(group, KINDS.filter(isOfTarget), world);
}

export function plan(input: Input, world: World): Plan {
  const { values, operands } = input;
  const follows = values.setuid === 'follow' || values.setgid === 'follow';
  const takes = values.all || values.env || follows || values['join-cgroup'] || values['follow-context'];
  const named = targetOf(values, world);
  // What is read of it now and what is opened of it later are then of one process.
  const target = named && takes && named.pidfd === undefined ? (held(named.pid) ?? named) : named;
  if (values.wd !== undefined && values.wdns !== undefined)
    throw new Failure('mutually exclusive arguments: --wdns --wd');
  const sources = sourcesOf(input, target, world);
  const kinds = sources.flatMap(({ what }) => (typeof what === 'string' ? [] : [what.name]));
  const socket = descriptor(values['net-socket']);
  if (socket !== undefined) demand(target);
  const intoUser = kinds.includes('user');
  const environment = values.env ? environmentOf(demand(target, 'environ').pid, world) : undefined;
  const groups = values['join-cgroup'] ? groupsOf(demand(target, 'cgroup').pid, world) : [];
  const credentials = credentialsOf(input, target, intoUser, world);
  if (!kinds.length && socket === undefined) throw new Failure('no namespace specified');
  return {
    target,
    sources,
    socket,
    userParent: Boolean(values['user-parent']),
    intoUser,
    preserve: Boolean(values['preserve-credentials']),
    ...credentials,
    keepCaps: values['keep-caps'] && intoUser ? kernelCapabilities(world) : undefined,
    directoryInside: values.wdns === undefined || values.wdns === true ? undefined : withoutEquals(values.wdns),
    fork: kinds.includes('pid') && !values['no-fork'],
    groups,
    context: values['follow-context'] ? contextOf(demand(target, 'attr/current').pid, world) : undefined,
    environment,
    statusFd: descriptor(values['status-fd']),
    looked: Boolean(takes || values['target-cgroup'] || sources.some(({ fd }) => fd !== undefined)),
    ...shellOr(operands, environment ?? world.environment),
  };
}
