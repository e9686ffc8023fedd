/** `npm run docs`: writes docs/tools, docs/man and the tool table of README.md from the option tables. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generatedDocuments, generatedFolders } from './docs/documents.ts';

for (const folder of generatedFolders) rmSync(folder, { recursive: true, force: true });
const documents = await generatedDocuments();
for (const [path, text] of documents) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
process.stdout.write(`${documents.size} files\n`);
