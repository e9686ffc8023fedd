/**
 * `npm run bench -- startup`: where the time of a start goes, part by part.
 *
 * The tools are built once more with their parts told to a clock (packages/sys/src/phase.ts), which Node loads first. The time of the
 * clock itself is in "Node".
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Row, rowsOf } from './measure.ts';

const CLOCK = `
const { writeSync } = require('fs');
const times = [];
globalThis.phase = (name) => {
  times.push([name, Number(process.hrtime.bigint()) / 1e6]);
  if (name === 'written') writeSync(2, JSON.stringify(times) + '\\n');
};
`;

/** What the clock calls the end of a part, and what the part is. */
const PARTS: Readonly<Record<string, string>> = {
  Node: 'Node, up to the loader',
  compiled: 'script read, code cache taken',
  loaded: 'top level of the script',
  environment: 'what was inherited',
  parsed: 'command line',
  planned: 'plan',
  koffi: 'koffi’s library, for the first call',
  recorded: 'calls recorded',
  'laid out': 'tape laid out',
  written: 'tape written into memory',
  end: 'execve, runner, program',
};

const now = () => Number(process.hrtime.bigint()) / 1e6;

const TOOLS: readonly (readonly [string, ...string[]])[] = [
  ['ts-unshare', '-u', '/bin/true'],
  ['ts-capsh', '--drop=cap_sys_chroot', '--', '-c', ':'],
];

export function startup(runs: number): Row[] {
  const folder = mkdtempSync(join(tmpdir(), 'ts-bench-'));
  try {
    writeFileSync(join(folder, 'clock.cjs'), CLOCK);
    const node = join(folder, 'node');
    writeFileSync(node, `#!/bin/sh\nexec '${process.execPath}' --require '${folder}/clock.cjs' "$@"\n`, {
      mode: 0o755,
    });
    execFileSync(process.execPath, ['tools/run.mjs', 'build', '--quiet', '--phases', '--out', folder]);
    const empty = () => {
      const start = now();
      spawnSync(process.execPath, ['-e', '0']);
      return now() - start;
    };
    const rows: Row[] = [];
    for (const [tool, ...argv] of TOOLS) {
      const times = new Map<string, number[]>();
      const add = (part: string, time: number) => times.set(part, [...(times.get(part) ?? []), time]);
      for (let run = 0; run < runs; run++) {
        add('node, empty script', empty());
        const start = now();
        const { stderr } = spawnSync(join(folder, tool), argv, {
          env: { ...process.env, TS_TOOLS_NODE: node },
          encoding: 'utf8',
        });
        const end = now();
        const line = stderr.split('\n').find((text) => text.startsWith('[['));
        if (line === undefined) throw new Error(`${tool} told nothing to the clock: ${stderr}`);
        let last = start;
        for (const [part, time] of [...(JSON.parse(line) as [string, number][]), ['end', end] as const]) {
          add(PARTS[part] ?? part, time - last);
          last = time;
        }
      }
      rows.push(
        ...rowsOf(
          tool,
          [...times].map(([who, values]) => ({ who, values })),
        ),
      );
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
