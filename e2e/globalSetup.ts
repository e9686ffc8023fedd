/**
 * Before all e2e tests: the links with the originals' names. The single files are there already (`npm run build`), and where TS_TEST_LINKED
 * says so, the links, too. Tests that become another user need all of it where that user can reach it: in a clone below a home directory
 * that nobody else may enter, they get copies.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unpackNewest } from '../tools/testing/originals.ts';
import { bin, compat, newest, root, standalone } from './harness/run.ts';

const SEARCH_BY_OTHERS = 0o001;

const isReachable = (folder: string): boolean =>
  (statSync(folder).mode & SEARCH_BY_OTHERS) !== 0 && (folder === '/' || isReachable(dirname(folder)));

/** Copies of what is built, in a folder that everybody may enter. */
function copyOut(): string {
  const place = mkdtempSync(join(tmpdir(), 'ts-e2e-built-'));
  chmodSync(place, 0o755);
  for (const folder of [bin, compat].filter((each) => existsSync(each)))
    cpSync(folder, join(place, folder.slice(join(root, 'dist/').length)), { recursive: true, verbatimSymlinks: true });
  if (existsSync(newest)) unpackNewest(join(place, 'newest'));
  return place;
}

function makeLinks(): void {
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

export default function setup(): (() => void) | undefined {
  makeLinks();
  if (process.getuid?.() !== 0 || isReachable(root)) return undefined;
  const place = copyOut();
  process.env.TS_TEST_PLACE = place;
  return () => rmSync(place, { recursive: true, force: true });
}
