/** What is shown instead of running a program. */
import { ambientSet, boundingSet, firstCapabilities, readCredentials, shortNames } from '@ts/capabilities';
import { exit, type Outcome, type World } from '@ts/cli';
import { currentLabel, type Module } from '@ts/labels';
import { type Category, errataOf, known, RESTRICT_FLAGS, RIGHTS } from '@ts/landlock';
import { Failure, type LiveSys, signalName } from '@ts/sys';
import { landlockVersion, type Plan, type Question } from './plan.ts';
import { secureBitNames } from './securebits.ts';

interface Line {
  readonly words: string;
  readonly key: string;
  readonly value: number | string | readonly (number | string)[];
}

const shown = (value: Line['value']): string =>
  typeof value === 'object' ? value.join(',') || '[none]' : value === '' ? '[none]' : String(value);

function labelLine(module: Module, noun: string, world: World): Line[] {
  const label = currentLabel(module, world);
  return label === undefined
    ? []
    : [{ words: `${module} ${noun}`, key: `${module.toLowerCase()}-${noun}`, value: label }];
}

function stateLines(level: number, { count }: Plan, sys: LiveSys, world: World): Line[] {
  const { uids, sets, securebits } = readCredentials(sys);
  const gids = sys.getresgid();
  const signal = sys.getParentDeathSignal();
  const id = (name: string, value: number): Line => ({ words: name, key: name, value });
  const list = (words: string, key: string, value: Line['value']): Line => ({ words, key, value });
  return [
    id('uid', uids.real),
    id('euid', uids.effective),
    ...(level >= 3 ? [id('suid', uids.saved)] : []),
    id('gid', gids.real),
    id('egid', gids.effective),
    ...(level >= 3 ? [id('sgid', gids.saved)] : []),
    list('Supplementary groups', 'groups', sys.getgroups()),
    id('no_new_privs', Number(sys.getNoNewPrivs())),
    ...(level >= 2
      ? [
          list('Effective capabilities', 'effective', shortNames(sets.effective)),
          list('Permitted capabilities', 'permitted', shortNames(sets.permitted)),
        ]
      : []),
    list('Inheritable capabilities', 'inheritable', shortNames(sets.inheritable)),
    list('Ambient capabilities', 'ambient', shortNames(ambientSet(sys, count))),
    list('Capability bounding set', 'bounding', shortNames(boundingSet(sys, count))),
    list('Securebits', 'securebits', secureBitNames(securebits)),
    list('Parent death signal', 'pdeathsig', signal ? (signalName(signal) ?? String(signal)) : ''),
    ...labelLine('SELinux', 'label', world),
    ...labelLine('AppArmor', 'profile', world),
  ];
}

const names = (rights: readonly { readonly name: string }[]) => rights.map(({ name }) => name);

function landlockLines(sys: LiveSys): Line[] {
  const version = landlockVersion(sys);
  const of = (category: Category) => names(known(RIGHTS[category], version));
  const categories = (['fs', 'net', 'scope'] as const).filter((category) => of(category).length);
  const line = (words: string, key: string, value: Line['value']): Line => ({ words, key, value });
  return [
    line('ABI version', 'abi', version),
    line('ABI errata', 'errata', errataOf(sys)),
    line('access', 'access', categories),
    line('fs rights', 'fs', of('fs')),
    line('fs rules', 'fs-rules', ['path-beneath']),
    ...(of('net').length ? [line('net rights', 'net', of('net')), line('net rules', 'net-rules', ['net-port'])] : []),
    ...(of('scope').length ? [line('scope restrictions', 'scope', of('scope'))] : []),
  ];
}

/** Words of a list, one a line. */
function listOf(question: Question, plan: Plan, sys: LiveSys): string[] {
  if (question.show === 'capabilities') return shortNames(firstCapabilities(plan.count));
  const version = landlockVersion(sys);
  if (question.show === 'landlock-flags') return names(known(RESTRICT_FLAGS, version));
  const categories = Object.keys(RIGHTS).filter((category) => known(RIGHTS[category as Category], version).length);
  if (question.show !== 'landlock-rights') return categories;
  const { access } = question;
  if (!Object.hasOwn(RIGHTS, access))
    throw new Failure(`unknown Landlock access: ${access}`, 1, 'it is fs, net or scope');
  return names(known(RIGHTS[access as Category], version));
}

const jsonOf = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

export function show(question: Question, plan: Plan, sys: LiveSys, world: World): Outcome {
  if (question.show === 'state' || question.show === 'landlock') {
    const isState = question.show === 'state';
    const lines = isState ? stateLines(question.level, plan, sys, world) : landlockLines(sys);
    const line = ({ words, value }: Line) =>
      isState
        ? `${words}: ${shown(value)}\n`
        : `${words}:${[value]
            .flat()
            .map((word) => ` ${word}`)
            .join('')}\n`;
    world.print(
      plan.json ? jsonOf(Object.fromEntries(lines.map(({ key, value }) => [key, value]))) : lines.map(line).join(''),
    );
    return exit(0);
  }
  const list = listOf(question, plan, sys);
  world.print(plan.json ? jsonOf(list) : list.map((word) => `${word}\n`).join(''));
  return exit(0);
}
