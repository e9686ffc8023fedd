/** What the command line asks for, checked as far as it can be before anything changes. */
import { type Change, kernelCapabilities, parseDelta } from '@ts/capabilities';
import { type Account, groupList, INT_MAX, type Parsed, parseId, parseInteger, type World } from '@ts/cli';
import { isRunning, type Module, whyNot } from '@ts/labels';
import { parseRights, RESTRICT_FLAGS, type Restriction, restrictionOf, versionOf } from '@ts/landlock';
import {
  closeFile,
  errnoOf,
  Failure,
  ID_MAX,
  type LiveSys,
  live,
  openFile,
  readOpen,
  saying,
  signalNumber,
} from '@ts/sys';
import type { options } from './options.ts';
import { changeSecureBits } from './securebits.ts';

/** Status of a step that fails: the program is not run. */
export const PRIVILEGE = 127;

/** What the tool shows instead of running a program. */
export type Question =
  | { readonly show: 'state'; readonly level: number }
  | { readonly show: 'capabilities' | 'landlock' | 'landlock-access' | 'landlock-flags' }
  | { readonly show: 'landlock-rights'; readonly access: string };

export interface Plan {
  readonly question?: Question;
  readonly json: boolean;
  readonly program: readonly string[];
  readonly environment?: readonly string[];
  readonly noNewPrivs: boolean;
  readonly ruid?: number;
  readonly euid?: number;
  readonly rgid?: number;
  readonly egid?: number;
  readonly groups?: readonly number[];
  readonly inheritable?: readonly Change[];
  readonly ambient?: readonly Change[];
  readonly bounding?: readonly Change[];
  readonly securebits?: number;
  /** 0 clears it. */
  readonly parentDeathSignal?: number;
  /** The signal is the one that was found. */
  readonly keepsSignal?: boolean;
  /** -1 is any, 0 none. */
  readonly tracer?: number;
  readonly selinux?: string;
  readonly apparmor?: string;
  readonly seccomp?: Buffer;
  readonly landlock?: Restriction;
  readonly landlockFlags: number;
  readonly fileLabels: readonly { readonly label: string; readonly tree: string }[];
  /** Number of capabilities of the kernel. */
  readonly count: number;
  /** Files that it came from. */
  readonly files: readonly string[];
}

type Values = Parsed<typeof options>['values'];

/** Options that may be given once, and how the original names a second one; with other names for the same. */
const ONCE: Readonly<Record<string, readonly [noun: string, ...others: string[]]>> = {
  nnp: ['--no-new-privs option', 'no-new-privs'],
  'no-new-privs': ['--no-new-privs option', 'nnp'],
  ruid: ['ruid', 'reuid'],
  euid: ['euid', 'reuid'],
  reuid: ['ruid or euid', 'ruid', 'euid'],
  rgid: ['rgid', 'regid'],
  egid: ['egid', 'regid'],
  regid: ['rgid or egid', 'rgid', 'egid'],
  pdeathsig: ['--keep-pdeathsig option'],
  ...Object.fromEntries(
    [
      'clear-groups',
      'keep-groups',
      'init-groups',
      'groups',
      'ptracer',
      'inh-caps',
      'ambient-caps',
      'bounding-set',
      'securebits',
      'selinux-label',
      'apparmor-profile',
      'seccomp-filter',
    ].map((name) => [name, [`--${name} option`]]),
  ),
};

const GROUPS = ['clear-groups', 'keep-groups', 'init-groups', 'groups'] as const;

function checkOccurrences({ steps }: Parsed<typeof options>): void {
  const seen = new Set<string>();
  for (const { option } of steps) {
    const { long } = option;
    if ((GROUPS as readonly string[]).includes(long) && GROUPS.some((other) => other !== long && seen.has(other)))
      throw new Failure(`mutually exclusive arguments: ${GROUPS.map((name) => `--${name}`).join(' ')}`);
    const [noun, ...others] = ONCE[long] ?? [];
    if (noun && [long, ...others].some((name) => seen.has(name))) throw new Failure(`duplicate ${noun}`);
    seen.add(long);
  }
}

/** What is asked instead of a program. Each question stands alone. */
function questionOf({ steps, values, operands }: Parsed<typeof options>): Question | undefined {
  const given = steps.filter(({ option }) => option.long !== 'json');
  const alone = (long: string) => {
    const is = long === 'dump' ? 'is incompatible with all other options' : 'must be specified alone';
    const same = given.filter(({ option }) => option.long === long).length;
    if (operands.length || given.length !== (long === 'dump' ? same : 1)) throw new Failure(`--${long} ${is}`);
    return same;
  };
  if (values.dump) return { show: 'state', level: alone('dump') };
  if (values['list-caps'] && alone('list-caps')) return { show: 'capabilities' };
  if (values['landlock-support'] && alone('landlock-support')) return { show: 'landlock' };
  if (values['list-landlock-access'] && alone('list-landlock-access')) return { show: 'landlock-access' };
  const access = values['list-landlock-rights'];
  if (access !== undefined && alone('list-landlock-rights')) return { show: 'landlock-rights', access };
  const flags = 'list-landlock-restrict-self-flags';
  return values[flags] && alone(flags) ? { show: 'landlock-flags' } : undefined;
}

interface Identity {
  readonly ids: Pick<Plan, 'ruid' | 'euid' | 'rgid' | 'egid'>;
  /** Of the real user that is asked for. */
  readonly account?: Account;
}

function identityOf(values: Values, world: World): Identity {
  const user = (name: 'ruid' | 'euid' | 'reuid') => {
    const text = values[name];
    return text === undefined ? undefined : parseId(text, name, (each) => world.user(each)?.uid);
  };
  const group = (name: 'rgid' | 'egid' | 'regid') => {
    const text = values[name];
    return text === undefined ? undefined : parseId(text, name, (each) => world.group(each)?.gid);
  };
  const [both, bothGroups] = [user('reuid'), group('regid')];
  const [real, ruid] = [values.reuid ?? values.ruid, both ?? user('ruid')];
  return {
    ids: { ruid, euid: both ?? user('euid'), rgid: bothGroups ?? group('rgid'), egid: bothGroups ?? group('egid') },
    account: real === undefined || ruid === undefined ? undefined : (world.user(real) ?? world.user(ruid)),
  };
}

function groupsOf(values: Values, { ids, account }: Identity, world: World): readonly number[] | undefined {
  if ((ids.rgid !== undefined || ids.egid !== undefined) && GROUPS.every((name) => values[name] === undefined))
    throw new Failure('--[re]gid requires --keep-groups, --clear-groups, --init-groups, or --groups');
  if (values['clear-groups']) return [];
  if (values.groups !== undefined) return values.groups.split(',').map((word) => groupNamed(word, world));
  if (!values['init-groups']) return undefined;
  if (ids.ruid === undefined) throw new Failure('--init-groups requires --ruid or --reuid');
  if (!account)
    throw new Failure(`uid ${ids.ruid} not found, --init-groups requires an user that can be found on the system`);
  return groupList(world, account.name, account.gid);
}

function groupNamed(word: string, world: World): number {
  return world.group(word)?.gid ?? parseInteger(word, 'Invalid supplementary group id', 0, ID_MAX);
}

const KEPT = ['TERM', 'COLORTERM', 'NO_COLOR'];
const LOGIN_DEFAULTS = '/etc/login.defs';

/** What a name of login.defs(5) has last been given there; undefined where nothing. */
function loginDefault(name: string, world: World): string | undefined {
  const values = (world.read(LOGIN_DEFAULTS) ?? '').split('\n').flatMap((line) => {
    const [, key, value = ''] = /^\s*([^\s=]+)(.*)$/.exec(line.replace(/#.*/, '')) ?? [];
    return key?.toUpperCase() === name ? [value.replace(/^[\s="]+|[\s"]+$/g, '')] : [];
  });
  return values.at(-1) || undefined;
}

/** PATH of a new session: by login.defs, whose values may have "PATH=" before them. */
function sessionPath({ uid }: Account, world: World): string {
  const value =
    uid === 0
      ? (loginDefault('ENV_SUPATH', world) ?? loginDefault('ENV_ROOTPATH', world))
      : loginDefault('ENV_PATH', world);
  const otherwise =
    uid === 0 ? '/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin' : '/usr/local/bin:/bin:/usr/bin';
  return value?.replace(/^PATH="?/, '') || otherwise;
}

function resetEnvironment(account: Account | undefined, world: World): string[] {
  const user = account ?? world.user(world.uid);
  if (!user)
    throw new Failure(`uid ${world.uid} not found, --reset-env requires an user that can be found on the system`);
  const kept = KEPT.flatMap((name) => world.environment.find((entry) => entry.startsWith(`${name}=`)) ?? []);
  return [
    ...kept,
    `SHELL=${user.shell || '/bin/sh'}`,
    `HOME=${user.home}`,
    `USER=${user.name}`,
    `LOGNAME=${user.name}`,
    `PATH=${sessionPath(user, world)}`,
  ];
}

function changes(text: string | undefined, count: number): readonly Change[] | undefined {
  return text === undefined ? undefined : parseDelta(text, count);
}

function parentDeathSignal(text: string | undefined, sys: LiveSys): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'clear') return 0;
  if (text === 'keep') return sys.getParentDeathSignal() || undefined;
  const number = signalNumber(text);
  if (number === undefined) throw new Failure(`unknown signal: ${text}`, 1, 'signals are given by name: TERM, KILL');
  return number;
}

function tracer(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'any') return -1;
  if (text === 'none') return 0;
  return parseInteger(text, 'failed to parse ptracer pid', 1, INT_MAX);
}

function label(text: string | undefined, module: Module, world: World): string | undefined {
  if (text !== undefined && !isRunning(module, world))
    throw new Failure(`${module} is not running`, PRIVILEGE, whyNot(module, world));
  return text;
}

/** Bytes of one `struct sock_filter`. */
export const INSTRUCTION = 8;
const MOST_INSTRUCTIONS = 4096;

function seccompFilter(path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  const fd = saying(`cannot open ${path}`, () => openFile(path), PRIVILEGE);
  let filter: Buffer;
  try {
    filter = saying(`cannot read ${path}`, () => readOpen(fd, (MOST_INSTRUCTIONS + 1) * INSTRUCTION), PRIVILEGE);
  } finally {
    closeFile(fd);
  }
  const instructions = filter.length / INSTRUCTION;
  if (!Number.isInteger(instructions) || instructions === 0 || instructions > MOST_INSTRUCTIONS)
    throw new Failure(
      'invalid filter',
      PRIVILEGE,
      `a filter is 1 to ${MOST_INSTRUCTIONS} instructions of ${INSTRUCTION} bytes; ${path} has ${filter.length > MOST_INSTRUCTIONS * INSTRUCTION ? 'more' : `${filter.length} bytes`}`,
    );
  return filter;
}

/** Version of Landlock, where the options need one. */
export function landlockVersion(sys: LiveSys): number {
  const version = versionOf(sys);
  if (version > 0) return version;
  throw version === -errnoOf('EOPNOTSUPP')
    ? new Failure('Landlock is supported but currently disabled', 1, 'boot the kernel with lsm=landlock,…')
    : new Failure(
        'Landlock is not supported',
        1,
        'the kernel must be Linux 5.13 or later, with CONFIG_SECURITY_LANDLOCK',
      );
}

function landlockOf(values: Values): Pick<Plan, 'landlock' | 'landlockFlags'> {
  const accesses = values['landlock-access'] ?? [];
  const rules = values['landlock-rule'] ?? [];
  const flags = values['landlock-restrict-self'] ?? [];
  if (!accesses.length && !rules.length && !flags.length) return { landlockFlags: 0 };
  const bestEffort = Boolean(values['landlock-best-effort']);
  const version = versionOf(live());
  if (version <= 0 && bestEffort) return { landlockFlags: 0 };
  const abilities = { version: landlockVersion(live()), bestEffort };
  return {
    landlock: restrictionOf(accesses, rules, abilities),
    landlockFlags: flags.reduce(
      (bits, text) => bits | parseRights(text, RESTRICT_FLAGS, 'restrict-self flag', abilities),
      0,
    ),
  };
}

function fileLabel(text: string, world: World): Plan['fileLabels'][number] {
  const equals = text.indexOf('=');
  if (equals < 1 || equals === text.length - 1)
    throw new Failure(`invalid file label: '${text}'`, 1, 'it is <label>=<tree>, as in container_file_t=/srv/rootfs');
  return { label: label(text.slice(0, equals), 'SELinux', world) as string, tree: text.slice(equals + 1) };
}

export function plan(parsed: Parsed<typeof options>, world: World): Plan {
  const { values, operands } = parsed;
  const count = kernelCapabilities(world);
  checkOccurrences(parsed);
  const question = questionOf(parsed);
  const none = { json: Boolean(values.json), program: operands, noNewPrivs: false, landlockFlags: 0, count, files: [] };
  if (question) return { ...none, question, fileLabels: [] };
  const fileLabels = (values['file-label'] ?? []).map((text) => fileLabel(text, world));
  if (!operands.length && !fileLabels.length) throw new Failure('No program specified');

  const identity = identityOf(values, world);
  const { securebits } = values;
  const sys = live();
  return {
    ...none,
    ...identity.ids,
    ...landlockOf(values),
    fileLabels,
    noNewPrivs: Boolean(values.nnp || values['no-new-privs']),
    groups: groupsOf(values, identity, world),
    environment: values['reset-env'] ? resetEnvironment(identity.account, world) : undefined,
    inheritable: changes(values['inh-caps'], count),
    ambient: changes(values['ambient-caps'], count),
    bounding: changes(values['bounding-set'], count),
    securebits:
      securebits === undefined
        ? undefined
        : changeSecureBits(world.credentials?.securebits ?? sys.getSecurebits(), securebits),
    parentDeathSignal: parentDeathSignal(values.pdeathsig, sys),
    keepsSignal: values.pdeathsig === 'keep',
    tracer: tracer(values.ptracer),
    selinux: label(values['selinux-label'], 'SELinux', world),
    apparmor: label(values['apparmor-profile'], 'AppArmor', world),
    seccomp: seccompFilter(values['seccomp-filter']),
    files: [
      '/etc/passwd',
      '/etc/group',
      ...(values['reset-env'] ? [LOGIN_DEFAULTS] : []),
      ...(values['seccomp-filter'] === undefined ? [] : [values['seccomp-filter']]),
    ],
  };
}
