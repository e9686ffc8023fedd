/** Documents made from the tools' tables, by path. */
import { readdirSync, readFileSync } from 'node:fs';
import { manPage, markdownPage } from '../../packages/cli/src/pages.ts';
import type { Tool } from '../../packages/cli/src/tool.ts';
import { loadTools } from '../tooling/load-tools.ts';

/** All that lies in these folders is generated. */
export const generatedFolders: readonly string[] = ['docs/tools', 'docs/man'];

const BEGIN = '<!-- tools -->';
const END = '<!-- /tools -->';

const row = (tool: Tool) =>
  `| [${tool.name}](docs/tools/${tool.name}.md) | ${tool.replaces.join(', ')} | ${tool.summary} |`;

function withTable(readme: string, tools: readonly Tool[]): string {
  const table = ['| tool | replaces | what it does |', '|---|---|---|', ...tools.map(row)].join('\n');
  const [before, rest] = readme.split(BEGIN) as [string, string | undefined];
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
}

export async function generatedDocuments(): Promise<Map<string, string>> {
  const names = readdirSync('packages')
    .filter((name) => name.startsWith('ts-'))
    .sort();
  const tools = await loadTools(names);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const pages = tools.flatMap((tool): [string, string][] => [
    [`docs/tools/${tool.name}.md`, markdownPage(tool)],
    [`docs/man/${tool.name}.${tool.section}`, manPage(tool, version)],
  ]);
  return new Map([...pages, ['README.md', withTable(readFileSync('README.md', 'utf8'), tools)]]);
}
