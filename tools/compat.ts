/** `npm run compat -- DIR`: links with the originals' names (unshare, cgexec, capsh, mount …) to the built tools. */
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { loadTools } from './tooling/load-tools.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: npm run compat -- DIR\n');
  process.exit(2);
}
const bin = resolve('dist/bin');
const target = resolve(folder);
mkdirSync(target, { recursive: true });
const names: string[] = [];
for (const tool of await loadTools(readdirSync(bin).filter((name) => name.startsWith('ts-')))) {
  for (const name of tool.replaces) {
    rmSync(join(target, name), { force: true });
    symlinkSync(relative(target, join(bin, tool.name)), join(target, name));
    names.push(name);
  }
}
process.stdout.write(`${names.length} links in ${folder}: ${names.sort().join(' ')}\n`);
