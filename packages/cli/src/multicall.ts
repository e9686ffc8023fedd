/** ts-tools: the stand-alone executable that is all tools, called by the name of one or with one as first word. */
import { basename, dirname, join, resolve } from 'node:path';
import {
  atOnce,
  canonicalPath,
  Failure,
  type Inherited,
  type LiveSys,
  lstatIfThere,
  readLink,
  unlessRefused,
} from '@ts/sys';
import { type Build, calledOf, MULTICALL } from './build.ts';
import { UsageError } from './errors.ts';
import { HELP_OPTIONS, type Option, type Parsed } from './option.ts';
import { main } from './run.ts';
import { defineTool, exit, type Outcome, type Tool } from './tool.ts';
import type { World } from './world.ts';

const options = [
  { long: 'install', arg: 'directory', help: 'make a link for each tool there', group: 'Installing' },
  { long: 'originals', help: "with --install: the originals' names, too", group: 'Installing' },
  { long: 'json', help: 'print the tools as JSON', group: 'Listing' },
  ...HELP_OPTIONS,
] as const satisfies readonly Option[];

type Plan = { readonly text: string } | { readonly links: readonly string[]; readonly target: string };

/** The shell's status for a program that is not there. */
const NOT_FOUND = 127;

function listOf(tools: readonly Tool[], asJson: boolean): string {
  if (asJson) {
    const rows = tools.map(({ name, replaces, summary }) => ({ name, replaces, summary }));
    return `${JSON.stringify({ tools: rows }, null, 3)}\n`;
  }
  const width = Math.max(...tools.map(({ name }) => name.length));
  return tools.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`).join('');
}

/** Whether there is something that may be replaced: nothing, or a link that was made by an earlier --install. */
function isFree(path: string): boolean {
  const found = lstatIfThere(path);
  return found === undefined || (found.type === 'link' && basename(readLink(path)) === MULTICALL);
}

function install(directory: string, names: readonly string[], file: string | undefined): Plan {
  if (file === undefined) throw new Failure('its own file cannot be found: is /proc mounted?');
  const folder = resolve(directory);
  const real = unlessRefused(() => canonicalPath(folder));
  if (real === undefined) throw new Failure(`${directory}: not a directory`);
  const links = names.map((name) => join(folder, name)).sort();
  const taken = links.filter((link) => !isFree(link));
  if (taken.length)
    throw new Failure(`not replaced: ${taken.join(', ')}`, undefined, 'nothing was installed; remove them first');
  return { links, target: real === dirname(file) ? basename(file) : file };
}

function toolFor(build: Build, file: string | undefined): Tool<typeof options, Plan> {
  const tools = () => Object.keys(build.tools).map((name) => (build.tools[name] as () => Tool)());

  function plan({ operands, values }: Parsed<typeof options>): Plan {
    const [word] = operands;
    if (word !== undefined)
      throw new Failure(`no such tool: ${word}`, NOT_FOUND, `${MULTICALL} without arguments lists them`);
    if (values.originals && values.install === undefined) throw new UsageError('--originals belongs to --install');
    if (values.install === undefined) return { text: listOf(tools(), values.json === true) };
    const names = Object.keys(values.originals ? (build.names ?? {}) : build.tools);
    return install(values.install, names, file);
  }

  function act(plan: Plan, sys: LiveSys, world: World): Outcome {
    if ('text' in plan) {
      world.print(plan.text);
      return exit(0);
    }
    atOnce(sys, (steps) => {
      for (const link of plan.links) {
        sys.ignoring().unlink(link);
        sys.or(`cannot make ${link}`).symlink(plan.target, link);
        steps.undo((back) => back.unlink(link));
      }
    });
    return exit(0);
  }

  return defineTool({
    name: MULTICALL,
    replaces: [],
    section: 8,
    summary: 'All tools in one executable that needs no Node.',
    synopsis: ['[options]', '<tool> [<argument>...]'],
    options,
    description:
      "Called by a tool's name or an original's (a link of that name), it is that tool; so it is with such a name as first word. Without arguments it lists the tools.",
    exitStatuses: [
      ['0', 'success'],
      ['1', 'the links cannot be made: none is left'],
      ['127', 'no such tool'],
    ],
    examples: [
      { command: 'ts-tools unshare -Ur id -u', says: 'a tool by its name' },
      { command: 'ts-tools --install /usr/local/bin', says: 'links for all tools' },
    ],
    plan,
    act,
  });
}

/** Runs what was called, which ends the process. `executed`: the path by which; `file`: that of the executable itself. */
export function multicall(build: Build, inherited: Inherited, executed: string, file: string | undefined): void {
  const whole: Build = {
    ...build,
    tools: { ...build.tools, [MULTICALL]: () => toolFor(build, file) as unknown as Tool },
  };
  const { tool, argv } = calledOf(whole, executed, inherited.argv);
  main(whole, tool, { ...inherited, argv }, file);
}
