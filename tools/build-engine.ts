/**
 * `npm run build:engine`: all tools as one static executable that starts like a C program, dist/engine/ts-tools.
 *
 *     npm run build:engine -- [--tool NAME] [--out FILE]
 *
 * With --tool, the file is that tool alone, whatever it is called by.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { MULTICALL, trailer } from '../packages/cli/src/build.ts';
import { compileHost, SNAPSHOT_AT } from './engine/compile.ts';
import { pack } from './engine/pack.ts';
import { engineScript } from './engine/script.ts';
import { engineSource, missingForEngine } from './engine/source.ts';
import { loadTools } from './tooling/load-tools.ts';

/** The engine's memory after the script's top level and a rehearsal of each tool; nothing of this machine's environment is in it. */
function snapshotOf(host: string, script: string): Buffer {
  const work = mkdtempSync(join(tmpdir(), 'ts-engine-'));
  try {
    writeFileSync(join(work, 'script'), script);
    // By the same words each time: they lie on the stack.
    for (const words of [
      ['--compile', 'script', 'code'],
      ['--snapshot', 'code', 'snapshot'],
    ])
      execFileSync(resolve(host), words, {
        cwd: work,
        env: {},
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    return readFileSync(join(work, 'snapshot'));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { out: { type: 'string' }, tool: { type: 'string' } } });
const name = values.tool ?? MULTICALL;
const out = values.out ?? `dist/engine/${name}`;

const missing = missingForEngine();
if (missing.length) {
  process.stderr.write(missing.map((line) => `${line}\n`).join(''));
  process.exit(1);
}
const all = readdirSync('packages')
  .filter((each) => each.startsWith('ts-'))
  .sort();
if (values.tool !== undefined && !all.includes(values.tool)) {
  process.stderr.write(`no such tool: ${values.tool}\n`);
  process.exit(1);
}
const tools = values.tool === undefined ? all : [values.tool];
const names = Object.fromEntries(
  (await loadTools(tools)).flatMap((tool) => [tool.name, ...tool.replaces].map((each) => [each, tool.name])),
);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const host = await compileHost(engineSource());
const { script, id } = await engineScript(tools, names, values.tool, version, (text) =>
  createHash('sha256').update(text).update(readFileSync(host)).digest('hex'),
);
const file = Buffer.concat([pack(readFileSync(host), snapshotOf(host, script), SNAPSHOT_AT), trailer(id, name)]);

mkdirSync(dirname(out), { recursive: true });
// Renamed into place: a file that is being executed cannot be written to, and nobody sees half of one.
writeFileSync(`${out}.${process.pid}`, file);
chmodSync(`${out}.${process.pid}`, 0o755);
renameSync(`${out}.${process.pid}`, out);
process.stdout.write(
  `${values.tool ?? `${tools.length} tools`} of build ${id.slice(0, 8)} in ${out} (${(file.length / 1e6).toFixed(1)} MB)\n`,
);
