/** Before all e2e tests: the links with the originals' names. The single files are there already (`npm run build`), and where
 * TS_TEST_LINKED says so, the links, too. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { bin, compat, root, standalone } from './harness/run.ts';

export default function setup(): void {
  if (standalone) {
    for (const [folder, ...options] of [[bin], [compat, '--originals']] as const) {
      mkdirSync(folder, { recursive: true });
      execFileSync(standalone, ['--install', folder, ...options]);
    }
    return;
  }
  if (!existsSync(bin)) throw new Error('the tools are not built: npm run build');
  if (process.env.TS_TEST_LINKED) return;
  execFileSync(process.execPath, ['tools/run.mjs', 'compat', compat], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
