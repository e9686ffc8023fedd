// Checks that every tool is whole: npm run check, or node tools/run.mjs completeness
//
//   each row of its option table is read by something, or marked as ignored
//   its page, its man page and its row of README.md are there and current (npm run docs)
//   it has a unit test, and an end-to-end test runs it
//
// Reading is told from the text of the sources, so a name in a string counts as read: this finds what was forgotten, and
// is no proof of use.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMON_OPTIONS } from '../packages/cli/src/option.ts';
import { type Words, wordsIn } from './completeness/reads.ts';
import { documentFaults, rowFaults, type ToolFacts, testFaults } from './completeness/rules.ts';
import { generatedDocuments, generatedFolders } from './docs/documents.ts';
import { loadTools } from './tooling/load-tools.ts';
import { workspaceRoot } from './workspace.ts';

process.chdir(workspaceRoot);

const isSpec = (path: string): boolean => path.endsWith('.spec.ts');

function filesIn(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];
}

const isSource = (path: string): boolean => path.endsWith('.ts') && !path.includes('/node_modules/');
const read = (path: string): string => readFileSync(path, 'utf8');

const known = new Map<string, Words>();
function words(path: string): Words {
  const found = known.get(path) ?? wordsIn(path, read(path));
  known.set(path, found);
  return found;
}

const sourcesOf = (folder: string): Words[] =>
  filesIn(join(folder, 'src'))
    .filter((path) => isSource(path) && !isSpec(path))
    .map(words);

/** The folders of the libraries that a package declares. The command line and the system calls know no options of a tool. */
function librariesOf(folder: string): string[] {
  const { dependencies = {} } = JSON.parse(read(join(folder, 'package.json'))) as {
    dependencies?: Record<string, string>;
  };
  return Object.keys(dependencies)
    .filter((name) => name.startsWith('@ts/') && name !== '@ts/cli' && name !== '@ts/sys')
    .map((name) => join('packages', name.slice('@ts/'.length)));
}

const names = readdirSync('packages')
  .filter((name) => name.startsWith('ts-'))
  .sort();
const tools = (await loadTools(names)).map(({ name, replaces, options }): ToolFacts => {
  const folder = join('packages', name);
  return {
    name,
    replaces,
    options,
    own: sourcesOf(folder),
    libraries: librariesOf(folder).flatMap(sourcesOf),
    unitTests: filesIn(folder).filter((path) => isSource(path) && isSpec(path)),
  };
});
const answered = new Set(['help', 'version', ...COMMON_OPTIONS.map(({ long }) => long)]);
const endToEnd = ['chains', 'parity', 'v2'].flatMap((folder) =>
  filesIn(join('e2e', folder))
    .filter((path) => isSource(path) && isSpec(path))
    .map(words),
);
const wanted = await generatedDocuments();
const present = new Map(
  [...new Set([...wanted.keys(), ...generatedFolders.flatMap(filesIn)])]
    .filter((path) => existsSync(path))
    .map((path) => [path, read(path)]),
);
const faults = [
  ...tools.flatMap((tool) => [...rowFaults(tool, answered), ...testFaults(tool, endToEnd)]),
  ...documentFaults(wanted, present),
];
for (const fault of faults) console.log(fault);
console.log(`completeness: ${tools.length} tools, ${wanted.size} documents, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
