/** What every tool must have: a reader for each row of its option table, its documents, and tests of both kinds. */
import type { Words } from './reads.ts';

/** A row of an option table, as far as it matters here (packages/cli/src/option.ts). */
export interface Row {
  readonly long: string;
  readonly ignored?: true;
}

export interface ToolFacts {
  readonly name: string;
  /** Names of the original. */
  readonly replaces: readonly string[];
  readonly options: readonly Row[];
  /** Its own sources, without tests. */
  readonly own: readonly Words[];
  /** Those of the libraries that it declares. */
  readonly libraries: readonly Words[];
  /** Its specs, as paths. */
  readonly unitTests: readonly string[];
}

/** What the command line of every tool answers by itself. */
export type Answered = ReadonlySet<string>;

/** Tables spell a name as the kernel does: redirect_dir, NOFILE. */
const spelled = (name: string): string => name.toLowerCase().replaceAll('_', '-');

function readsOf({ own, libraries }: ToolFacts): (long: string) => boolean {
  const exact = new Set([...own, ...libraries].flatMap(({ values }) => [...values]));
  const named = new Set(
    [
      ...own.flatMap(({ strings }) => [...strings].map((text) => text.replace(/^--?(?=.)/, ''))),
      ...[...own, ...libraries].flatMap(({ keys }) => [...keys]),
    ].map(spelled),
  );
  const prefixes = own.flatMap((words) => [...words.prefixes]).filter((prefix) => /^[a-z].*-$/.test(prefix));
  return (long) => exact.has(long) || named.has(spelled(long)) || prefixes.some((prefix) => long.startsWith(prefix));
}

/** Rows that nothing reads, and rows that are said to be ignored but are read. */
export function rowFaults(tool: ToolFacts, answered: Answered): string[] {
  const isRead = readsOf(tool);
  return tool.options.flatMap(({ long, ignored }) => {
    if (answered.has(long)) return [];
    if (!isRead(long)) return ignored ? [] : [`${tool.name}: nothing reads the option '${long}'`];
    return ignored ? [`${tool.name}: the option '${long}' is marked as ignored, but something reads it`] : [];
  });
}

/** Whether a text is a command line, or a part of one, of this tool or of what it replaces. */
function runs({ name, replaces }: ToolFacts): (text: string) => boolean {
  const anywhere = new RegExp(`(?<![\\w-])${name}(?![\\w-])`);
  return (text) => anywhere.test(text) || replaces.includes(text.trimStart().split(/\s/, 1)[0] as string);
}

/** @param endToEnd The strings of the end-to-end tests. */
export function testFaults(tool: ToolFacts, endToEnd: readonly Words[]): string[] {
  const isRun = runs(tool);
  return [
    ...(tool.unitTests.length ? [] : [`${tool.name}: there is no unit test in packages/${tool.name}`]),
    ...(endToEnd.some(({ strings }) => [...strings].some(isRun))
      ? []
      : [`${tool.name}: there is no end-to-end test that runs it`]),
  ];
}

/**
 * @param wanted What `npm run docs` would write, by path. @param present What is there, by path: all that is wanted and all else in
 * the folders of generated documents.
 */
export function documentFaults(wanted: ReadonlyMap<string, string>, present: ReadonlyMap<string, string>): string[] {
  return [
    ...[...wanted].flatMap(([path, text]) => {
      const found = present.get(path);
      if (found === text) return [];
      return [`${path}: ${found === undefined ? 'is missing' : 'is not what the tools say'}: npm run docs writes it`];
    }),
    ...[...present.keys()].filter((path) => !wanted.has(path)).map((path) => `${path}: belongs to no tool`),
  ];
}
