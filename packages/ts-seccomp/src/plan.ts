/** From the command line to a policy and its program. */
import { nearestCapability, parseCapabilityList, setInStatus, UnknownCapability } from '@ts/capabilities';
import { type Parsed, UsageError, type World } from '@ts/cli';
import {
  AARCH64,
  type Action,
  type Architecture,
  actionWord,
  allowOnly,
  architectureNamed,
  compilePolicy,
  DEFAULT_PROFILE,
  dated,
  familyOf,
  formatAction,
  kindOf,
  lets,
  logging,
  open,
  overrule,
  type Policy,
  type Profile,
  ProfileError,
  type Program,
  parseCalls,
  parseDeny,
  parseProfile,
  possibleActions,
  resolveProfile,
  STRICT_PROFILE,
  UnknownWord,
  X86_64,
} from '@ts/seccomp';
import {
  arm64,
  Failure,
  parseDecimal,
  readBytes,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_TRACE,
  SysError,
  strerror,
} from '@ts/sys';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

const FORMS = ['text', 'raw', 'profile'] as const;

export interface Plan {
  readonly policy: Policy;
  readonly compiled: Program;
  readonly noNewPrivs: boolean;
  /** Under the filter it can still be said that the program cannot be executed. */
  readonly speaks: boolean;
  /** Empty where something is printed instead. */
  readonly program: readonly string[];
  /** The profile's file, where it is one. */
  readonly file?: string;
  /** The process's own bounding set has chosen the rules. */
  readonly bounding: boolean;
  /** What is asked of the filter. */
  readonly checks: readonly string[];
  readonly dump?: (typeof FORMS)[number];
  readonly profile: Profile;
  readonly json: boolean;
}

/** Of a container, unless its engine is told otherwise. */
const ENGINE_CAPABILITIES = 0xa80425fbn;

const BUILT_IN: ReadonlyMap<string, Profile> = new Map([
  ['default', DEFAULT_PROFILE],
  ['strict', STRICT_PROFILE],
]);

/** Libraries say what is wrong; here it becomes one line of the tool. */
function reading<Value>(says: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProfileError) throw new Failure(`${says}: ${error.message}`, 1, error.remedy);
    if (error instanceof UnknownWord)
      throw new Failure(
        `${says}: unknown ${error.what} '${error.word}'`,
        1,
        error.near && `did you mean '${error.near}'?`,
      );
    if (error instanceof UnknownCapability) {
      const near = nearestCapability(error.word);
      throw new Failure(`${says}: ${error.message}`, 1, near && `did you mean '${near}'?`);
    }
    throw error;
  }
}

/** Bytes of the largest profile that is read. */
const LARGEST = 16 * 1024 * 1024;

/** Why a file that is there is not taken for a profile. */
function whyUnreadable(name: string): string {
  try {
    return readBytes(name, LARGEST + 1).length > LARGEST ? `it is larger than ${LARGEST} bytes` : 'it has changed';
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return strerror(error.errno);
  }
}

function readProfile(name: string, lenient: boolean, world: World): Profile {
  const builtIn = BUILT_IN.get(name);
  if (builtIn) return dated(builtIn);
  const text = world.read(name);
  if (text !== undefined) return reading(name, () => dated(parseProfile(text, lenient)));
  const known = [...BUILT_IN.keys()].join(', ');
  const hint = name.includes('/') ? undefined : `profiles without a file: ${known}`;
  throw new Failure(
    `cannot read ${name}: ${world.exists(name) ? whyUnreadable(name) : 'No such file or directory'}`,
    1,
    hint,
  );
}

function nativeArchitecture(name: string | undefined): Architecture {
  if (name === undefined) return arm64 ? AARCH64 : X86_64;
  const architecture = architectureNamed(name);
  if (!architecture) throw new Failure(`unknown architecture '${name}'`, 1, 'known: x86_64, x86, x32, aarch64, arm');
  return architecture;
}

/** `capabilities`: by which rules are chosen. */
function capabilitiesOf(list: string | undefined, world: World): bigint {
  if (list === undefined) return ENGINE_CAPABILITIES;
  if (list === 'none') return 0n;
  if (list === 'bounding') {
    const bounding = setInStatus(world.read('/proc/self/status'), 'Bnd');
    if (bounding === undefined) throw new Failure('--caps bounding: cannot read /proc/self/status', 1, 'mount /proc');
    return bounding;
  }
  const numbers = reading('--caps', () => parseCapabilityList(list, 64));
  return numbers.reduce((set, number) => set | (1n << BigInt(number)), 0n);
}

function kernelOf(world: World): readonly [number, number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(world.read('/proc/sys/kernel/osrelease') ?? '') ?? [];
  // Where /proc is missing: all that rules ask for has long been there.
  return [parseDecimal(major ?? '') ?? 99, parseDecimal(minor ?? '') ?? 0];
}

/** What --log names; without an argument it names nothing. */
const loggedCalls = ({ log = [] }: Input['values']) => log.filter((text) => text !== true);

function profileOf({ values }: Input, native: Architecture, world: World): Profile {
  const family = familyOf(native).map(({ name }) => name);
  const only = values['allow-only']?.flatMap((text) => reading('--allow-only', () => parseCalls(text)));
  const base =
    values.profile !== undefined
      ? readProfile(values.profile, Boolean(values['ignore-unknown']), world)
      : only
        ? allowOnly(family, only)
        : open(family);
  const refused = (values.deny ?? []).flatMap((text) => reading('--deny', () => parseDeny(text)));
  const logged = loggedCalls(values).flatMap((text) => reading('--log', () => parseCalls(text)));
  const rules = logged.length ? [...refused, logging(logged)] : refused;
  if (values.profile === undefined && !only && !rules.length)
    throw new UsageError('no filter: name a profile, or calls to --deny, --allow-only or --log');
  const flags = (base.flags ?? 0) | (values.log?.includes(true) ? SECCOMP_FILTER_FLAG_LOG : 0);
  return { ...overrule(base, rules), flags };
}

/** A rule in short that would do nothing on this machine is a mistake. */
function checkNames({ values }: Input, policy: Policy): void {
  const named = [
    ...(values['allow-only'] ?? []).flatMap(parseCalls),
    ...loggedCalls(values).flatMap(parseCalls),
    ...(values.deny ?? []).flatMap(parseDeny).flatMap(({ names }) => names),
  ];
  const missing = named.find((name) => !policy.architectures.some((each) => possibleActions(policy, each, name)));
  if (missing) throw new Failure(`no architecture of this filter has the system call '${missing}'`);
}

/** The kernel must know the actions: one that it does not know kills. */
function checkKernel(policy: Policy, world: World): void {
  const known = world.read('/proc/sys/kernel/seccomp/actions_avail')?.split(/\s+/);
  const used = new Set<Action>([policy.defaultAction]);
  for (const decisions of policy.decisions.values())
    for (const { clauses, otherwise } of decisions.values())
      for (const action of [otherwise, ...clauses.map((clause) => clause.action)]) used.add(action);
  const unknown = known && [...used].find((action) => !known.includes(actionWord(action)));
  if (unknown !== undefined) throw new Failure(`this kernel does not have the action ${actionWord(unknown)}`);
}

/** Calls that return an error, however often they are made. */
const returns = (action: Action) => [SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE].includes(kindOf(action));

/** The filter is in force when the program is executed, so that it must be executable, and have an end. */
function checkStart(policy: Policy): void {
  const [native] = policy.architectures as [Architecture];
  const execve = possibleActions(policy, native, 'execve') ?? [];
  if (!execve.some(lets))
    throw new Failure(
      `the program could not be started: the filter has ${formatAction(execve[0] ?? policy.defaultAction)} for execve`,
      1,
      'allow execve, and what the program and its loader call: strace -c shows it',
    );
  const exit = possibleActions(policy, native, 'exit_group') ?? [];
  if (exit.every(returns))
    throw new Failure(
      `the program could not end: the filter has ${formatAction(exit[0] ?? policy.defaultAction)} for exit_group`,
      1,
      'allow exit_group',
    );
}

export function plan(input: Input, world: World): Plan {
  const { values, operands } = input;
  const checks = values.check ?? [];
  const prints = values.dump !== undefined || checks.length > 0;
  if (values.dump !== undefined && checks.length) throw new UsageError('--dump and --check cannot be combined');
  if (values.profile !== undefined && values['allow-only'])
    throw new UsageError('--profile and --allow-only cannot be combined');
  if (values['ignore-unknown'] && values.profile === undefined)
    throw new UsageError('--ignore-unknown is for --profile');
  if (prints && operands.length) throw new UsageError('with --dump and --check no program is run');
  if (!prints && (values.arch !== undefined || values.json))
    throw new UsageError('--arch and --json are for --dump and --check');
  if (!prints && !operands.length) throw new UsageError('no program given');
  const dump =
    values.dump === undefined
      ? undefined
      : FORMS.find((form) => form === (values.dump === true ? 'text' : values.dump));
  if (values.dump !== undefined && !dump)
    throw new UsageError(`unknown form of --dump: '${values.dump}'`, false, `known: ${FORMS.join(', ')}`);

  const native = nativeArchitecture(values.arch);
  const profile = profileOf(input, native, world);
  const policy = resolveProfile(profile, {
    native,
    capabilities: capabilitiesOf(values.caps, world),
    kernel: kernelOf(world),
  });
  checkNames(input, policy);
  const compiled = reading('', () => compilePolicy(policy));
  if (!prints) {
    checkKernel(policy, world);
    checkStart(policy);
  }
  const isFile = values.profile !== undefined && !BUILT_IN.has(values.profile);
  return {
    policy,
    compiled,
    speaks: (possibleActions(policy, policy.architectures[0] as Architecture, 'writev') ?? []).every(lets),
    noNewPrivs: Boolean(values['no-new-privs']),
    program: operands,
    file: isFile ? values.profile : undefined,
    bounding: values.caps === 'bounding',
    checks,
    dump,
    profile,
    json: Boolean(values.json),
  };
}
