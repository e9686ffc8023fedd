/** Runs a program under a seccomp filter. */
import { candidates, defineTool, type Outcome, type World } from '@ts/cli';
import { encodeProgram, formatAction, formatProfile, type Policy } from '@ts/seccomp';
import { AT_FDCWD, errnoOf, type LiveSys, type Recording } from '@ts/sys';
import { causes } from './causes.ts';
import { options } from './options.ts';
import { type Plan, plan } from './plan.ts';
import { checkJson, checkText, dumpJson, dumpRaw, dumpText } from './report.ts';

const X_OK = 1;

/**
 * Ends where none of the paths is a program, as execvp(3) would: for filters under which it could not be said afterwards.
 */
function findProgram(sys: Recording, paths: readonly string[], name: string): void {
  const saying = sys.or(`failed to execute ${name}`, { status: 126, statusMissing: 127 });
  const look = (on: Recording, path: string) => {
    on.do('faccessat2', AT_FDCWD, path, X_OK, 0);
  };
  const [last = name] = paths.slice(-1);
  /** The first of them that passes is enough; then that one may not be executed is said before that there is none. */
  const tryEach = ([path, ...others]: readonly string[], end: () => void, passing?: number): void => {
    if (path === undefined) end();
    else
      saying.tryElse(
        (on) => look(on, path),
        () => tryEach(others, end, passing),
        passing,
      );
  };
  tryEach(paths, () => tryEach(paths, () => look(saying, last), errnoOf('ENOENT')));
}

/** The kernel takes it from whoever has CAP_SYS_ADMIN, and otherwise where no execve can gain privileges any more. */
function setFilter(sys: Recording, { compiled, policy, noNewPrivs }: Plan): void {
  const program = encodeProgram(compiled);
  const filtering = sys.or('cannot set the seccomp filter').explaining('filter');
  const withoutPrivileges = () => {
    filtering.setNoNewPrivs();
    filtering.setSeccompFilter(program, policy.flags);
  };
  if (noNewPrivs) withoutPrivileges();
  else filtering.tryElse((on) => on.setSeccompFilter(program, policy.flags), withoutPrivileges, errnoOf('EACCES'));
}

function apply(plan: Plan, sys: Recording, world: World): Outcome {
  const { program } = plan;
  const [name = ''] = program;
  if (!plan.speaks) findProgram(sys, candidates(name, world.environment), name);
  setFilter(sys, plan);
  return { become: program, changes: ['filter'] };
}

function act({ policy, profile, compiled, checks, dump, json }: Plan, _: LiveSys, world: World): Outcome {
  if (checks.length) world.print(json ? checkJson(policy, checks) : checkText(policy, checks));
  else if (dump === 'raw') world.print(dumpRaw(compiled));
  else if (dump === 'profile') world.print(formatProfile(profile));
  else world.print(json ? dumpJson(policy, compiled) : dumpText(compiled));
  return { exit: 0 };
}

/** For --dry-run. */
function describe({ policy, compiled }: Plan): string {
  const names = ({ architectures }: Policy) =>
    architectures.map(({ name }) => name.replace('SCMP_ARCH_', '').toLowerCase());
  return `filter: ${compiled.length} instructions for ${names(policy).join(', ')}; ${formatAction(policy.defaultAction)} unless a rule says otherwise\n`;
}

export const tool = defineTool({
  name: 'ts-seccomp',
  replaces: [],
  section: 1,
  summary: 'Run a program under a seccomp filter.',
  synopsis: [
    '[--profile <file>|default|strict] [--deny <call>[=<error>],...] [options] <program> [<argument>...]',
    '[--profile <file>|default|strict] [options] --dump|--check <call>',
  ],
  options,
  causes,
  reads: ({ file, bounding }: Plan) => [
    ...(file ? (['root'] as const) : []),
    ...(bounding ? (['credentials'] as const) : []),
  ],
  files: ({ file }) => (file ? [file] : []),
  description:
    'Compiles a profile to a filter that decides on each system call, by its number and arguments, sets it as the last step, and becomes the program. The filter stays for the program and all that it starts. All architectures that the profile names are filtered; calls of others kill the process. Of several rules for a call one without conditions counts first, then those whose conditions hold; conditions of one rule on the same argument are alternatives, on different ones all must hold.',
  differences: [
    'No tool of the system does this by itself; profiles mean what they mean to container engines (libseccomp).',
    'Rules of a profile are chosen for the 14 capabilities of a container, whoever runs it: --caps changes that.',
    'In the default profile adjtimex(2) and clock_adjtime(2) need CAP_SYS_TIME.',
    'A profile with keys, actions, calls, architectures or capabilities that nobody knows is refused, unless --ignore-unknown is given; so are listeners (SCMP_ACT_NOTIFY).',
    'Where defaultAction is an error, a call that is newer than all that the profile names does not exist (ENOSYS), as runc has it: programs then go without it. Private calls of ARM and the numbers that only x32 has do not count.',
    'Without CAP_SYS_ADMIN, no_new_privs is set: otherwise the kernel takes no filter.',
    'Arguments of a socket or IPC call that 32-bit x86 makes through socketcall(2) or ipc(2) cannot be looked at: under conditions it is never allowed there, and always refused.',
    '`--dry-run` and `--trace` are ours.',
  ],
  exitStatuses: [
    ['1', 'the filter cannot be made or set, or wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-seccomp --profile default /bin/true', says: 'as container engines run it' },
    {
      command: 'ts-seccomp --deny clock_settime,reboot=EPERM sh',
      says: 'a shell that can neither set the clock nor reboot',
    },
    { command: 'ts-seccomp --profile default --check clone', says: 'what the profile says of a call' },
    { command: 'ts-seccomp --profile strict --dump', says: 'the filter as the kernel runs it' },
    { command: 'ts-seccomp --profile default --dump=profile', says: 'a profile to begin one’s own with' },
  ],
  plan,
  becomes: ({ program }) => program.length > 0,
  apply,
  act,
  describe,
});
