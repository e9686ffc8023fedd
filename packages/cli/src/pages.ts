/** A tool's page, as Markdown and for man(1): all from its table. */
import { optionWords } from './help.ts';
import { COMMON_OPTIONS, type Option } from './option.ts';
import type { Tool } from './tool.ts';

interface Section {
  readonly title: string;
  readonly body: readonly Block[];
}

type Block =
  | { readonly text: string }
  | { readonly code: string }
  | { readonly items: readonly (readonly [term: string, says: string])[] };

const sentence = (text: string) => (/[.!?:]$/.test(text) ? text : `${text}.`);

function optionItem(option: Option): readonly [string, string] {
  const implied = option.implies?.length ? ` Implies ${option.implies.map((long) => `--${long}`).join(', ')}.` : '';
  const again = option.repeat ? ' May be given several times.' : '';
  const details = option.details ? ` ${sentence(option.details)}` : '';
  return [optionWords(option).trim(), `${sentence(option.help)}${details}${implied}${again}`];
}

function sections(tool: Tool): Section[] {
  const rows = [
    ...tool.options,
    ...COMMON_OPTIONS.filter(({ long }) => !tool.options.some((option) => option.long === long)),
  ];
  const shown = (rows as readonly Option[]).filter((option) => !option.hidden);
  const of = (ours: boolean) => shown.filter((option) => Boolean(option.ours) === ours).map(optionItem);
  const list: Section[] = [
    { title: 'Synopsis', body: tool.synopsis.map((synopsis) => ({ code: `${tool.name} ${synopsis}` })) },
    { title: 'Description', body: (tool.description ?? tool.summary).split('\n\n').map((text) => ({ text })) },
    { title: 'Options', body: [{ items: of(false) }] },
    { title: 'Options beyond the original', body: [{ items: of(true) }] },
    {
      title: 'Differences from the original',
      body: (tool.differences ?? []).map((text) => ({ items: [['•', text] as const] })),
    },
    { title: 'Exit status', body: [{ items: tool.exitStatuses ?? [] }] },
    {
      title: 'Examples',
      body: (tool.examples ?? []).flatMap(({ command, says }) => [{ text: sentence(says) }, { code: command }]),
    },
  ];
  return list.filter(({ body }) => body.some((block) => !('items' in block) || block.items.length));
}

const markdownBlock = (block: Block): string => {
  if ('text' in block) return block.text;
  if ('code' in block) return `    ${block.code}`;
  return block.items.map(([term, says]) => (term === '•' ? `- ${says}` : `- \`${term}\`: ${says}`)).join('\n');
};

/** docs/tools/NAME.md */
export function markdownPage(tool: Tool): string {
  const names = tool.replaces.map((name) => `\`${name}\``).join(', ');
  const replaced = names ? ` Replaces ${names}.` : '';
  const head = `# ${tool.name}\n\n${sentence(tool.summary)}${replaced}\n`;
  const parts = sections(tool).map(({ title, body }) => {
    const join = body.every((block) => 'items' in block) ? '\n' : '\n\n';
    return `\n## ${title}\n\n${body.map(markdownBlock).join(join)}\n`;
  });
  return head + parts.join('');
}

const roff = (text: string) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1')
    .replaceAll('`', '');

const roffBlock = (block: Block): string => {
  if ('text' in block) return `.PP\n${roff(block.text)}\n`;
  if ('code' in block) return `.PP\n.nf\n${roff(block.code)}\n.fi\n`;
  return block.items
    .map(([term, says]) => `.TP\n.B "${roff(term).replaceAll('"', '\\(dq')}"\n${roff(says)}\n`)
    .join('');
};

/** docs/man/NAME.SECTION */
export function manPage(tool: Tool, version: string): string {
  const head = `.TH ${tool.name.toUpperCase()} ${tool.section} "" "container\\-microtools ${version}"\n.SH NAME\n${roff(tool.name)} \\- ${roff(tool.summary)}\n`;
  return (
    head +
    sections(tool)
      .map(({ title, body }) => `.SH ${title.toUpperCase()}\n${body.map(roffBlock).join('')}`)
      .join('')
  );
}
