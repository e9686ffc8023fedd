/** What a build may take in the place of a module has the same exports. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '..');
const { imports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
  imports: Record<string, Record<string, string>>;
};
const exportsOf = async (path: string) => {
  const module = (await import(join(folder, path))) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(module).map(([name, value]) => [name, typeof value]));
};

test.each(Object.entries(imports))('%s', async (_, { default: usual, ...others }) => {
  expect(Object.keys(others).length).toBeGreaterThan(0);
  for (const path of Object.values(others)) expect(await exportsOf(path)).toEqual(await exportsOf(usual as string));
});

test('nothing names these modules by their paths, which no condition would change', () => {
  const modules = Object.values(imports).flatMap((each) =>
    Object.values(each).map((path) => path.replace(/^.*\//, '')),
  );
  const sources = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' });
  const found = sources
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .filter((path) => {
      const text = readFileSync(join(folder, 'src', path), 'utf8');
      return modules.some((module) => new RegExp(`from '[./]*/${module.replace('.', '\\.')}'`).test(text));
    });
  expect(found).toEqual([]);
});
