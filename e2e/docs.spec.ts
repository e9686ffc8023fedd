import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generatedDocuments } from '../tools/docs/documents.ts';
import { root } from './harness/run.ts';

test('the pages and the README’s table are those of the option tables: `npm run docs` writes them', async () => {
  process.chdir(root);
  const current = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined);
  const different = [...(await generatedDocuments())].filter(([path, text]) => current(path) !== text);
  expect(different.map(([path]) => path)).toEqual([]);
});
