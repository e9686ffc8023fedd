/** setpriv(1): runs a program with other privileges. */
import {
  applyDelta,
  bit,
  type Change,
  capabilityName,
  firstCapabilities,
  has,
  lackingIn,
  members,
  readCredentials,
} from '@ts/capabilities';
import { candidates, defineTool, exit, type Facet, findProgram, type Outcome, type World } from '@ts/cli';
import { labelNextExec, labelTree } from '@ts/labels';
import { openRules, restrict } from '@ts/landlock';
import {
  BPF_RET,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  type CapabilitySets,
  LANDLOCK_ACCESS_FS_EXECUTE,
  type LiveSys,
  live,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_SET_PTRACER,
  type Recording,
  SECBIT_KEEP_CAPS,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  type Sys,
} from '@ts/sys';
import { causes } from './causes.ts';
import { options } from './options.ts';
import { INSTRUCTION, type Plan, PRIVILEGE, plan } from './plan.ts';
import { show } from './show.ts';

const status = { status: PRIVILEGE };

const changesIds = ({ ruid, euid, rgid, egid, groups }: Plan) =>
  [ruid, euid, rgid, egid, groups].some((each) => each !== undefined);

/** Steps that need capabilities, or change them. */
const changesCredentials = (plan: Plan) =>
  changesIds(plan) ||
  [plan.inheritable, plan.ambient, plan.bounding, plan.securebits].some((each) => each !== undefined);

/** The last instruction is a return: offset of its code in `struct sock_filter`, class of the code. */
const endsInReturn = (filter: Buffer) => ((filter.at(-INSTRUCTION) ?? 0) & BPF_CLASS) === BPF_RET;
const BPF_CLASS = 7;

/** Capabilities that cannot become inheritable without CAP_SETPCAP, since they are neither permitted nor inheritable. */
const unreachable = ({ effective, permitted, inheritable }: CapabilitySets, wanted: bigint): number[] =>
  has(effective, CAP_SETPCAP) ? [] : members(wanted & ~(permitted | inheritable));

/** Speculative execution stays as it is. */
function filterCalls(sys: Sys, filter: Buffer): void {
  sys.or('Could not run prctl(PR_SET_NO_NEW_PRIVS)', status).setNoNewPrivs();
  sys
    .or('Could not load seccomp filter', status)
    .explaining(endsInReturn(filter) ? 'seccomp' : 'seccomp endless')
    .setSeccompFilter(filter, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

/** The sets with what the steps below need made effective, as far as it is permitted. */
function activated({ effective, permitted, inheritable }: CapabilitySets): CapabilitySets {
  const needed = [CAP_SETPCAP, CAP_SETUID, CAP_SETGID].filter((capability) => has(permitted, capability));
  return {
    permitted,
    inheritable,
    effective: needed.reduce((set, capability) => set | bit(capability), effective),
  };
}

function setIds(plan: Plan, sys: Sys, sets: CapabilitySets, world: World): void {
  const { ruid, euid, rgid, egid, groups } = plan;
  if (ruid !== undefined || euid !== undefined) {
    const effective = euid ?? world.euid;
    lackingIn(sys.or('setresuid failed', status), sets, CAP_SETUID).setresuid(ruid ?? world.uid, effective, effective);
    // Keep-capabilities keep the permitted set; the effective one is gone with user 0.
    sys.or('reactivate capabilities', status).capset(sets);
  }
  // -1 leaves the real id; the saved one is always that of the effective one.
  if (rgid !== undefined || egid !== undefined) {
    const effective = egid ?? world.egid;
    lackingIn(sys.or('setresgid failed', status), sets, CAP_SETGID).setresgid(rgid ?? -1, effective, effective);
  }
  const held = has(sets.effective, CAP_SETGID) ? 'held' : 'lacking';
  if (groups) sys.or('setgroups failed', status).explaining(`setgroups ${held}`).setgroups(groups);
}

/** In order. A name that cannot be raised is an error; of all, those are raised that can be. */
function changeAmbientSet(sys: Sys, changes: readonly Change[], sets: CapabilitySets, count: number): void {
  for (const { add, capability } of changes) {
    const wanted = capability === undefined ? members(firstCapabilities(count)) : [capability];
    for (const each of wanted) {
      const name = capabilityName(each);
      const missing = (['permitted', 'inheritable'] as const).filter((set) => !has(sets[set], each));
      const named = sys.or(`cannot ${add ? 'raise' : 'lower'} ambient capability ${name}`, status);
      const one =
        capability === undefined ? named.ignoring() : named.explaining(`ambient ${name} ${missing.join(' ')}`);
      if (capability === undefined && add && missing.length) continue;
      one.changeAmbient(add ? PR_CAP_AMBIENT_RAISE : PR_CAP_AMBIENT_LOWER, each);
    }
  }
}

function changeCapabilities(plan: Plan, sys: Sys, before: CapabilitySets): void {
  const { inheritable, ambient, bounding, count } = plan;
  if (bounding)
    for (const dropped of members(firstCapabilities(count) & ~applyDelta(firstCapabilities(count), bounding, count)))
      lackingIn(sys.or('apply bounding set', status), before, CAP_SETPCAP).dropBounding(dropped);
  const sets = inheritable ? { ...before, inheritable: applyDelta(before.inheritable, inheritable, count) } : before;
  if (inheritable)
    sys
      .or('apply capabilities', status)
      .explaining(`inheritable ${unreachable(before, sets.inheritable).map(capabilityName).join(' ')}`)
      .capset(sets);
  if (ambient) changeAmbientSet(sys, ambient, sets, count);
}

/** The calls, in the order of the original. */
function steps(plan: Plan, sys: Sys, world: World): void {
  const rules = openRules(sys, plan.landlock?.rules ?? []);
  if (plan.noNewPrivs) sys.or('disallow granting new privileges failed').setNoNewPrivs();
  if (plan.selinux !== undefined) labelNextExec(sys, 'SELinux', plan.selinux, world, PRIVILEGE);
  if (plan.apparmor !== undefined) labelNextExec(sys, 'AppArmor', plan.apparmor, world, PRIVILEGE);
  if (plan.seccomp) filterCalls(sys, plan.seccomp);

  if (changesCredentials(plan)) {
    const { sets } = world.credentials ?? readCredentials(live());
    const active = activated(sets);
    sys.or('keep process capabilities failed').setKeepCaps(true);
    sys.or('activate capabilities', status).capset(active);
    setIds(plan, sys, active, world);
    if (plan.securebits !== undefined)
      lackingIn(sys.or('set process securebits failed', status), active, CAP_SETPCAP).setSecurebits(
        plan.securebits | SECBIT_KEEP_CAPS,
      );
    changeCapabilities(plan, sys, active);
  }

  if (plan.parentDeathSignal !== undefined)
    sys.or('set parent death signal failed', status).setParentDeathSignal(plan.parentDeathSignal);
  if (plan.tracer !== undefined)
    sys
      .or('set ptracer', status)
      .explaining(`ptracer ${plan.tracer}`)
      .do('prctl', PR_SET_PTRACER, plan.tracer, 0, 0, 0);
  if (plan.landlock) restrict(sys, plan.landlock, rules, plan.landlockFlags, PRIVILEGE);
}

/** A label waits for the next execve, and a rule may refuse it: the next tool must be executed, too. */
function changed(plan: Plan): Facet[] {
  const isBound = plan.selinux ?? plan.apparmor ?? plan.landlock;
  return [
    ...(isBound !== undefined || changesCredentials(plan) ? (['credentials'] as const) : []),
    ...(changesIds(plan) ? (['ids'] as const) : []),
    ...(plan.seccomp ? (['filter'] as const) : []),
  ];
}

/** Where the program itself falls under the restriction, what is said when that refuses it. */
function refused({ program, environment, landlock }: Plan, world: World) {
  if (!landlock || !(landlock.fs & LANDLOCK_ACCESS_FS_EXECUTE)) return undefined;
  const file = findProgram(candidates(program[0] ?? '', environment ?? world.environment));
  return file === undefined
    ? undefined
    : {
        file,
        line: `Landlock refuses it: a rule must let '${file}' be executed, and its loader or interpreter, too: --landlock-rule path-beneath:execute:<folder>`,
      };
}

function become(plan: Plan, world: World): Outcome {
  const { program, environment } = plan;
  return program.length
    ? { become: program, environment, changes: changed(plan), refused: refused(plan, world) }
    : exit(0);
}

function apply(plan: Plan, sys: Recording, world: World): Outcome {
  steps(plan, sys, world);
  return become(plan, world);
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  if (plan.question) return show(plan.question, plan, sys, world);
  for (const { label, tree } of plan.fileLabels) labelTree(sys, tree, label);
  steps(plan, sys, world);
  return become(plan, world);
}

export const tool = defineTool({
  name: 'ts-setpriv',
  replaces: ['setpriv'],
  section: 1,
  summary: 'Run a program with other ids, capabilities and confinement.',
  synopsis: ['[options] <program> [<argument>...]', '--dump', '--list-caps'],
  options,
  causes,
  reads: (plan) => (changesCredentials(plan) ? ['credentials', 'ids'] : plan.environment ? ['ids'] : []),
  files: ({ files }) => files,
  momentary: ({ keepsSignal }) => (keepsSignal ? 'the parent death signal to keep is that of this process' : undefined),
  description:
    'Changes ids, capabilities and confinement of the process, and becomes the program. All is checked before anything is changed, and where a step fails, the program is not run. The steps come in this order, whatever the order of the options: no-new-privs, labels, the seccomp filter, user ids, group ids, secure bits, bounding set, inheritable and ambient capabilities, parent death signal, tracer, Landlock. Capabilities are written without "cap_", each behind + or -; "all" means all of them.',
  differences: [
    'Who may not change the bounding set gets an error (the original runs the program with the whole set).',
    '--ambient-caps with a name that cannot be raised is an error (the original runs the program without it); of "+all", those are raised that can be.',
    'A Landlock rule for a right that --landlock-access does not restrict is refused while the command line is read.',
    'An id of 4294967295 or less than 0, or one that does not fit into 32 bits, is refused: to the kernel it means that nothing changes, or another user. A line of /etc/passwd or /etc/group with such an id is no account.',
    '--reset-env for a user without an account is an error; an empty PATH of /etc/login.defs counts as none.',
    '--landlock-best-effort, --file-label, --json, --dry-run and --trace are ours; --file-label may stand without a program.',
  ],
  exitStatuses: [
    ['1', 'wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'a step failed, or the program was not found'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-setpriv --reuid 1000 --regid 1000 --clear-groups id', says: 'as user 1000, without groups' },
    { command: 'ts-setpriv --bounding-set -all,+chown --nnp /bin/sh', says: 'a root that can do little' },
    {
      command:
        'ts-setpriv --landlock-access fs --landlock-rule path-beneath:read-file,read-dir,execute:/ --landlock-rule path-beneath::/tmp /bin/sh',
      says: 'a shell that changes nothing but /tmp',
    },
    {
      command: 'ts-setpriv --landlock-access net --landlock-rule net-port:connect-tcp:443 curl https://example.org',
      says: 'no TCP but to port 443',
    },
    { command: 'ts-setpriv --dump', says: 'the current state' },
  ],
  plan,
  becomes: ({ question, fileLabels }) => question === undefined && !fileLabels.length,
  apply,
  act,
});
