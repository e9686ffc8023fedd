/** What each option does, in words of @ts/capabilities. An action is made from its text first, and done when its turn comes. */
import {
  ambientSet,
  type Bearer,
  boundingSet,
  CAPABILITY_MEANINGS,
  CAPABILITY_NAMES,
  capabilitiesAbout,
  capabilityName,
  capabilityNumber,
  describeMask,
  explainCapability,
  firstCapabilities,
  has,
  lackingIn,
  licenseText,
  MODES,
  type Mode,
  members,
  nearestCapability,
  parseCapabilityList,
  parseCapabilitySets,
  parseIab,
  parseMask,
  SECUREBITS_PURE,
  SETTABLE_MODES,
  UnknownCapability,
} from '@ts/capabilities';
import { type Facet, groupList, type Step, type World } from '@ts/cli';
import {
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SYS_CHROOT,
  Failure,
  ID_MAX,
  type LiveSys,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  parseCNumber,
  type Recording,
  type Ref,
  SysError,
  U32_MAX,
} from '@ts/sys';
import { UNKNOWN } from './options.ts';
import { currentObject, formatCurrent, formatState, modeOf, stateObject } from './state.ts';
import { usage } from './usage.ts';

/** What an action works on. */
export interface Scene {
  readonly bearer: Bearer;
  readonly world: World;
  /** Number of capabilities of the kernel. */
  readonly count: number;
  /** For what looks: calls made now. */
  readonly live?: LiveSys;
  /** For what forks. */
  readonly recording?: Recording;
  /** The sleeping child of --forkfor. */
  child?: Ref;
  /** Environment of the program at the end. */
  environment: readonly string[];
}

export interface Action {
  /** Looks at the state, or needs to: it cannot be recorded. */
  readonly looks?: true;
  /** Depends on the accounts of /etc. */
  readonly named?: true;
  /** Needs another process: it can only be recorded. */
  readonly forks?: true;
  readonly changes?: readonly Facet[];
  run(scene: Scene): void;
}

/** What options before this one have set. */
export interface Settings {
  /** The root directory has changed, and with it the accounts. */
  readonly elsewhere: boolean;
  readonly strict: boolean;
  readonly keepEnvironment: boolean;
  /** A child of --forkfor sleeps. */
  readonly forked: boolean;
  /** What prints, prints JSON. */
  readonly json: boolean;
}

const UNLISTED = 'unable to raise CAP_SETPCAP for changes of the bounding set';
const FINAL = 1;

/** Ends with status 1 and one line, as a test that has failed. */
const fail = (message: string, hint?: string): never => {
  throw new Failure(message, FINAL, hint);
};

function number(step: Step): number {
  const value = step.value ?? '';
  const parsed = parseCNumber(value.replace(/^[\t-\r ]*\+?/, ''), U32_MAX);
  if (parsed !== undefined) return parsed;
  return fail(`invalid --${step.option.long} value: want non-negative integer, got "${value}"`);
}

function unknown(word: string): never {
  const near = nearestCapability(word);
  return fail(`unknown capability: ${word}`, near && `did you mean '${near}'?`);
}

const capability = (text: string): number => capabilityNumber(text) ?? unknown(text);

function list(text: string, count: number): number[] {
  try {
    return parseCapabilityList(text, count);
  } catch (error) {
    if (error instanceof UnknownCapability) return unknown(error.word);
    throw error;
  }
}

/** As messages name a capability: `cap_kill=5`. */
const shown = (each: number) => `${capabilityName(each)}=${each}`;

const change = (facets: readonly Facet[], run: (scene: Scene) => void): Action => ({ changes: facets, run });
const capabilities = (run: (scene: Scene) => void) => change(['credentials'], run);
const ids = (run: (scene: Scene) => void) => change(['credentials', 'ids'], run);
/** There is nothing to look at where calls are only written down, for --dry-run. */
const look = (run: (scene: Scene & { live: LiveSys }) => void): Action => ({
  looks: true,
  run: (scene) => {
    if (scene.live) run({ ...scene, live: scene.live });
  },
});

interface Printed {
  readonly text: string;
  readonly object: object;
}

/** Prints what is found: the text of the original, or one line of JSON. */
const tell = (
  { json }: Settings,
  find: (live: LiveSys, count: number, world: World) => { [K in keyof Printed]: () => Printed[K] },
) =>
  look(({ live, count, world }) => {
    const { text, object } = find(live, count, world);
    world.print(json ? `${JSON.stringify(object())}\n` : text());
  });

const meaningOf = (each: number) => ({
  capability: capabilityName(each),
  number: each,
  mask: `0x${(1n << BigInt(each)).toString(16).padStart(16, '0')}`,
  meaning: CAPABILITY_NAMES[each] === undefined ? null : CAPABILITY_MEANINGS[CAPABILITY_NAMES[each]],
});

const forking = (run: (sys: Recording, scene: Scene) => void): Action => ({
  forks: true,
  run: (scene) => {
    if (!scene.recording)
      throw new Failure('--forkfor and --killit cannot stand beside options that print or test', FINAL);
    run(scene.recording, scene);
  },
});

/** Why a capability cannot become ambient, as far as the sets tell. */
function ambientObstacle({ sets }: Bearer, each: number): string {
  const missing = (['permitted', 'inheritable'] as const).filter((set) => !has(sets[set], each));
  return `ambient ${capabilityName(each)} ${missing.join(' ')}`;
}

function raiseAmbient({ bearer }: Scene, each: number): void {
  bearer.sys
    .or(`failed to raise ambient [${shown(each)}]`)
    .explaining(ambientObstacle(bearer, each))
    .changeAmbient(PR_CAP_AMBIENT_RAISE, each);
}

function dropAll({ bearer }: Scene, capabilities: readonly number[]): void {
  for (const each of capabilities)
    lackingIn(bearer.sys.or(`failed to drop [${shown(each)}]`), bearer.sets, CAP_SETPCAP).dropBounding(each);
}

function drop(text: string, strict: boolean, count: number): Action {
  const wanted = list(text, count);
  return capabilities((scene) => {
    if (!wanted.length) return;
    if (strict) dropAll(scene, wanted);
    else scene.bearer.with(CAP_SETPCAP, UNLISTED, () => dropAll(scene, wanted));
  });
}

function caps(text: string, strict: boolean, count: number): Action {
  const wanted = parseCapabilitySets(text, count);
  if (!wanted) {
    const word = text
      .split(/[\s,=+-]+/)
      .find((each) => each.startsWith('cap_') && capabilityNumber(each) === undefined);
    const near = word && nearestCapability(word);
    return fail(`unable to interpret [--caps=${text}]`, near && `unknown capability ${word}: did you mean '${near}'?`);
  }
  const says = `unable to set capabilities [--caps=${text}]`;
  return capabilities(({ bearer }) => {
    const { effective, permitted } = bearer.sets;
    // Needed for inheritable capabilities that are not permitted.
    if (!strict && has(permitted, CAP_SETPCAP) && !has(effective, CAP_SETPCAP))
      bearer.capset({ ...bearer.sets, effective: effective | (1n << BigInt(CAP_SETPCAP)) }, says);
    bearer.capset(wanted, says);
  });
}

function inheritable(text: string, strict: boolean, count: number): Action {
  const words = text === '' ? [] : text.split(',');
  if (words.includes('')) return fail(`--inh=${text} names no capability between its commas`);
  const wanted = text === 'none' ? [] : list(text, count);
  const set = wanted.reduce((bits, each) => bits | (1n << BigInt(each)), 0n);
  const says = 'unable to set inheritable capabilities';
  return capabilities(({ bearer }) => {
    const work = () => bearer.capset({ ...bearer.sets, inheritable: set }, says);
    if (strict) work();
    else bearer.withIfPermitted(CAP_SETPCAP, says, work);
  });
}

function iab(text: string, count: number): Action {
  const { inheritable: kept, ambient, blocked } = parseIab(text) ?? fail(`iab: '${text}' malformed`);
  // Of a number beyond them the kernel has neither.
  const known = (set: bigint) => members(set & firstCapabilities(count));
  return capabilities((scene) => {
    const { bearer } = scene;
    bearer.with(CAP_SETPCAP, `unable to set IAB vectors [${text}]`, () => {
      bearer.capset({ ...bearer.sets, inheritable: kept }, `unable to set IAB vectors [${text}]`);
      bearer.sys.or('failed to reset ambient set').changeAmbient(PR_CAP_AMBIENT_CLEAR_ALL);
      for (const each of known(ambient)) raiseAmbient(scene, each);
      dropAll(scene, known(blocked));
    });
  });
}

function mode(name: string, count: number): Action {
  const wanted = SETTABLE_MODES.find((each) => each === name);
  if (!wanted) throw new Failure(`unsupported mode: ${name}`, FINAL, `modes: ${SETTABLE_MODES.join(' ')}`);
  const says = `failed to set mode [${name}]`;
  return capabilities((scene) => {
    const { bearer } = scene;
    bearer.with(CAP_SETPCAP, says, () => {
      if (wanted !== 'HYBRID') bearer.sys.or(says).changeAmbient(PR_CAP_AMBIENT_CLEAR_ALL);
      bearer.setSecurebits(wanted === 'HYBRID' ? 0 : SECUREBITS_PURE, says);
      if (wanted === 'NOPRIV') {
        dropAll(scene, members(firstCapabilities(count)));
        bearer.sys.or(says).setNoNewPrivs();
      }
    });
    const { permitted, inheritable: kept } = bearer.sets;
    if (wanted === 'NOPRIV') bearer.capset({ effective: 0n, permitted: 0n, inheritable: 0n }, says);
    else bearer.capset({ effective: 0n, permitted, inheritable: wanted === 'PURE1E_INIT' ? 0n : kept }, says);
  });
}

/** A change that names accounts: looked up now, or when its turn comes where the root will be another by then. */
function named(settings: Settings, world: World, make: (world: World) => Action): Action {
  if (!settings.elsewhere) return { ...make(world), named: true };
  return { ...ids((scene) => make(scene.world).run(scene)), looks: true };
}

function groups(text: string, world: World): Action {
  const wanted = text
    .split(',')
    .filter(Boolean)
    .map((word) => {
      const id = parseCNumber(word, ID_MAX) ?? world.group(word)?.gid;
      return id !== undefined ? id : fail(`no such group: ${word}`);
    });
  return ids(({ bearer }) => {
    lackingIn(bearer.sys.or('failed to set the supplementary groups'), bearer.sets, CAP_SETGID).setgroups(wanted);
  });
}

/** HOME and USER become those of the user where the environment has them. */
const fixUp = (environment: readonly string[], home: string, user: string) =>
  environment.map((entry) => {
    if (entry.startsWith('HOME=')) return `HOME=${home}`;
    return entry.startsWith('USER=') ? `USER=${user}` : entry;
  });

function user(name: string, keepEnvironment: boolean, world: World): Action {
  const account = world.user(name);
  if (!account) return fail(`no such user: ${name}`);
  const { uid, gid, home } = account;
  const supplementary = groupList(world, name, gid);
  return ids((scene) => {
    const { bearer } = scene;
    const says = `unable to set the groups of ${name}`;
    bearer.with(CAP_SETGID, says, () => {
      bearer.sys.or(says).setgid(gid);
      bearer.sys.or(says).setgroups(supplementary);
    });
    bearer.setuidKeeping(uid, `unable to set uid=${uid} of ${name}`);
    if (!keepEnvironment) scene.environment = fixUp(scene.environment, home, name);
  });
}

/** Tests of one capability in one set. */
const MEMBERSHIP: Readonly<Record<string, { where: string; set(scene: Scene & { live: LiveSys }): bigint }>> = {
  'has-p': { where: 'permitted', set: ({ live }) => live.capget().permitted },
  'has-i': { where: 'inheritable', set: ({ live }) => live.capget().inheritable },
  'has-a': { where: 'in ambient vector', set: ({ live, count }) => ambientSet(live, count) },
  'has-b': { where: 'in bounding vector', set: ({ live, count }) => boundingSet(live, count) },
};

function isMember(long: string, text: string): Action {
  const each = capability(text);
  const { where, set } = MEMBERSHIP[long] as (typeof MEMBERSHIP)[string];
  return look((scene) => {
    if (!has(set(scene), each)) fail(`cap[${text}] not ${where}`);
  });
}

const isEqual = (what: string, want: number, get: (live: LiveSys) => number) =>
  look(({ live }) => {
    const got = get(live);
    if (got !== want) fail(`${what}: got=${got}, want=${want}`);
  });

function forkFor(seconds: number, forked: boolean): Action {
  if (seconds === 0) fail('--forkfor wants a number of seconds that is not 0');
  if (forked) fail('already forked');
  const time = Buffer.alloc(16);
  time.writeBigInt64LE(BigInt(seconds));
  return forking((sys, scene) => {
    scene.child = sys.or('unable to fork').fork((child) => {
      child.do('ppoll', null, 0, time, null, 8);
    });
  });
}

/** Bit of a status of wait(2): there is a core file. */
const CORE = 0x80;

function killIt(signal: number, forked: boolean): Action {
  if (!forked) fail('no forked process to kill');
  return forking((sys, { child, world }) => {
    if (child === undefined) throw new TypeError('the child was forked by an action before this one');
    sys.or('unable to kill child process').kill(child, signal);
    const status = sys.wait(child);
    sys.when(status, 'notEqual', signal, () =>
      sys.when(status, 'notEqual', signal | CORE, () => {
        sys.print(2, [`${world.prog}: child ended otherwise than by signo=${signal}\n`]);
        sys.end(1);
      }),
    );
  });
}

/** Makes the action of an option. Throws Failure where its text is wrong. */
export function makeAction(step: Step, settings: Settings, count: number, world: World): Action {
  const { option, value = '' } = step;
  const { strict, keepEnvironment } = settings;
  switch (option.long) {
    case 'addamb': {
      const wanted = list(value, count);
      return capabilities((scene) => {
        for (const each of wanted) raiseAmbient(scene, each);
      });
    }
    case 'delamb': {
      const wanted = list(value, count);
      return capabilities(({ bearer }) => {
        for (const each of wanted)
          bearer.sys.or(`failed to lower ambient [${shown(each)}]`).changeAmbient(PR_CAP_AMBIENT_LOWER, each);
      });
    }
    case 'noamb':
      return capabilities(({ bearer }) => {
        bearer.sys.or('failed to reset ambient set').changeAmbient(PR_CAP_AMBIENT_CLEAR_ALL);
      });
    case 'drop':
      return drop(value, strict, count);
    case 'caps':
      return caps(value, strict, count);
    case 'inh':
      return inheritable(value, strict, count);
    case 'iab':
      return iab(value, count);
    case 'keep': {
      const wanted = number(step);
      return capabilities(({ bearer }) => bearer.keepCaps(wanted, `prctl(PR_SET_KEEPCAPS, ${wanted}) failed`));
    }
    case 'secbits': {
      const wanted = number(step);
      const says = `failed to set securebits to 0${wanted.toString(8)}/0x${wanted.toString(16)}`;
      return capabilities(({ bearer }) => bearer.setSecurebits(wanted, says));
    }
    case 'no-new-privs':
      return capabilities(({ bearer }) => {
        bearer.sys.or('unable to set no-new-privs').setNoNewPrivs();
      });
    case 'forkfor':
      return forkFor(number(step), settings.forked);
    case 'killit':
      return killIt(number(step), settings.forked);
    case 'uid': {
      const wanted = number(step);
      return ids(({ bearer }) => bearer.setuid(wanted, `failed to set uid=${wanted}`));
    }
    case 'cap-uid': {
      const wanted = number(step);
      return ids(({ bearer }) => bearer.setuidKeeping(wanted, `failed to cap_setuid(${wanted})`));
    }
    case 'gid': {
      const wanted = number(step);
      return ids(({ bearer }) => {
        lackingIn(bearer.sys.or(`failed to set gid=${wanted}`), bearer.sets, CAP_SETGID).setgid(wanted);
      });
    }
    case 'groups':
      return named(settings, world, (now) => groups(value, now));
    case 'user':
      return named(settings, world, (now) => user(value, keepEnvironment, now));
    case 'chroot':
      return change(['root'], ({ bearer }) => {
        const says = `unable to chroot/chdir to [${value}]`;
        bearer.with(CAP_SYS_CHROOT, 'unable to raise CAP_SYS_CHROOT', () => {
          bearer.sys.or(says).chroot(value);
        });
        bearer.sys.or(says).chdir('/');
      });
    case 'mode':
      return step.value === undefined
        ? tell(settings, (live, all) => ({
            text: () => `Mode: ${modeOf(live, all)}\n`,
            object: () => ({ mode: modeOf(live, all) }),
          }))
        : mode(value, count);
    case 'modes':
      return tell(settings, () => ({
        text: () => `Supported modes: ${SETTABLE_MODES.join(' ')}\n`,
        object: () => ({ modes: SETTABLE_MODES }),
      }));
    case 'license':
      return look(({ world: now }) => now.print(licenseText(now.prog)));
    case 'inmode':
      return look(({ live, count: all }) => {
        const got: Mode = modeOf(live, all);
        if (got !== value)
          fail(
            `mismatched mode got=${got} want=${value}`,
            value in MODES ? undefined : `modes: ${Object.keys(MODES).join(' ')}`,
          );
      });
    case 'print':
      return tell(settings, (live, all, now) => ({
        text: () => formatState(live, now, all),
        object: () => stateObject(live, now, all),
      }));
    case 'current':
      return tell(settings, (live, all) => ({
        text: () => formatCurrent(live, all),
        object: () => currentObject(live, all),
      }));
    case 'decode': {
      const mask = parseMask(value);
      return tell(settings, () => ({
        text: () => `${describeMask(mask)}\n`,
        object: () => ({
          mask: `0x${mask.toString(16).padStart(16, '0')}`,
          capabilities: members(mask).map(capabilityName),
        }),
      }));
    }
    case 'explain': {
      const each = capability(value);
      return tell(settings, () => ({ text: () => explainCapability(each), object: () => meaningOf(each) }));
    }
    case 'suggest':
      return tell(settings, () => ({
        text: () => capabilitiesAbout(value).map(explainCapability).join('\n'),
        object: () => capabilitiesAbout(value).map(meaningOf),
      }));
    case 'has-p':
    case 'has-i':
    case 'has-a':
    case 'has-b':
      return isMember(option.long, value);
    case 'has-ambient':
      return look(({ live }) => {
        try {
          live.hasAmbient(0);
        } catch (error) {
          if (!(error instanceof SysError)) throw error;
          fail('ambient set not supported');
        }
      });
    case 'has-no-new-privs':
      return look(({ live }) => {
        if (!live.getNoNewPrivs()) fail('no-new-privs not set');
      });
    case 'is-uid':
      return isEqual('uid', number(step), (live) => live.look('getuid'));
    case 'is-gid':
      return isEqual('gid', number(step), (live) => live.look('getgid'));
    case 'supports': {
      const each = capability(value);
      return look(({ count: all }) => {
        if (each >= all) fail(`cap[${shown(each)}] not supported by kernel`);
      });
    }
    case UNKNOWN:
      return look(({ world: now }) => {
        now.print(usage(now.prog));
        fail(`not an option: ${value}`);
      });
    default:
      return change([], () => undefined);
  }
}
