/** `ip netns exec`: another network namespace, a mount namespace in which /sys and files of /etc are those of it. */
import { candidates, type Outcome, type World } from '@ts/cli';
import { checkNamespace, ETC, pathOf } from '@ts/network';
import {
  CLONE_NEWNET,
  CLONE_NEWNS,
  Failure,
  list,
  MNT_DETACH,
  MS_BIND,
  MS_RDONLY,
  MS_REC,
  MS_SLAVE,
  O_RDONLY,
  type Recording,
  unlessRefused,
} from '@ts/sys';
import { namespaceNames } from './verbs/ids.ts';
import { FAILED, WRONG } from './words.ts';

/** Files that take the place of those in /etc. */
interface Replacement {
  readonly source: string;
  readonly target: string;
}

export interface Execution {
  readonly names: readonly string[];
  /** Each one in a child of its own, one after the other. */
  readonly all: boolean;
  readonly program: readonly string[];
  readonly replacements: Readonly<Record<string, readonly Replacement[]>>;
}

/** Most namespaces have none. */
const namesIn = (folder: string): string[] => unlessRefused(() => list(folder)) ?? [];

/** What /etc/netns/NAME has; a file that /etc itself lacks is said, and left out. */
function replacementsOf(name: string, world: World): Replacement[] {
  return namesIn(`${ETC}/${name}`).flatMap((entry) => {
    const pair = { source: `${ETC}/${name}/${entry}`, target: `/etc/${entry}` };
    if (world.exists(pair.target)) return [pair];
    world.warn(`Bind ${pair.source} -> ${pair.target} failed: No such file or directory`);
    return [];
  });
}

export function planExec(words: readonly string[], all: boolean, world: World): Execution {
  const [first, ...rest] = words;
  if (first === undefined && !all) throw new Failure('No netns name specified', FAILED);
  const program = all ? words : rest;
  if (!program.length) throw new Failure('No command specified', FAILED);
  const names = all ? namespaceNames() : [checkNamespace(first as string)];
  return {
    names,
    all,
    program,
    replacements: Object.fromEntries(names.map((name) => [name, replacementsOf(name, world)])),
  };
}

/** The network namespace behind a descriptor or a path, and what a program sees of it in /sys and /etc. */
export function enter(sys: Recording, name: string, replacements: readonly Replacement[], readOnly: number): void {
  const fd = sys
    .or(`Cannot open network namespace "${name}"`, { status: WRONG })
    .explaining(`open ${name}`)
    .open(pathOf(name), O_RDONLY);
  sys
    .or(`setting the network namespace "${name}" failed`, { status: WRONG })
    .explaining(`setns ${name}`)
    .setns(fd, CLONE_NEWNET);
  sys.close(fd);
  separate(sys, name, replacements, readOnly);
}

/** `before`: what is done in the new mount namespace before /sys is mounted. */
export function separate(
  sys: Recording,
  name: string,
  replacements: readonly Replacement[],
  readOnly: number,
  before: () => void = () => {},
): void {
  const step = (message: string) => sys.or(message, { status: WRONG }).explaining('mount');
  step('unshare failed').unshare(CLONE_NEWNS);
  step('"mount --make-rslave /" failed').mount('', '/', 'none', MS_SLAVE | MS_REC);
  before();
  sys.ignoring().umount2('/sys', MNT_DETACH);
  step('mount of /sys failed').mount(name, '/sys', 'sysfs', readOnly);
  for (const { source, target } of replacements)
    sys.tryElse(
      (attempt) => attempt.mount(source, target, 'none', MS_BIND),
      (otherwise) => otherwise.print(2, [`Bind ${source} -> ${target} failed\n`]),
    );
}

export const failureOf = (program: readonly string[]) => ({
  message: `exec of "${program[0]}" failed`,
  status: FAILED,
  statusMissing: FAILED,
});

export function applyExec({ names, all, program, replacements }: Execution, sys: Recording, world: World): Outcome {
  const readOnly = sysReadOnly(world);
  if (!all) {
    const [name = ''] = names;
    const own = replacements[name] ?? [];
    enter(sys, name, own, readOnly);
    return {
      become: program,
      failure: failureOf(program),
      mounted: ['/sys', ...own.map(({ target }) => target)],
    };
  }
  for (const name of names) {
    sys.print(1, [`\nnetns: ${name}\n`]);
    const pid = sys.or('fork failed').fork((child) => {
      enter(child, name, replacements[name] ?? [], readOnly);
      child
        .or(failureOf(program).message, failureOf(program))
        .become(candidates(program[0] as string, world.environment), program);
    });
    sys.wait(pid);
  }
  return { exit: 0 };
}

/** /sys stays read-only where it was. */
const sysReadOnly = (world: World): number => {
  const line = (world.read('/proc/self/mountinfo') ?? '').split('\n').findLast((each) => each.split(' ')[4] === '/sys');
  const [, , , , , options = ''] = line?.split(' ') ?? [];
  const superOptions = line?.split(' ').at(-1) ?? '';
  return [options, superOptions].some((text) => text.split(',').includes('ro')) ? MS_RDONLY : 0;
};
