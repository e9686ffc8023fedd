/**
 * `npm run bench`: times against the originals, A B A B in one run.
 *
 *     npm run bench -- [--runs 15] [--only NAME]… [--json FILE] [--plot FILE.svg]
 *     npm run bench -- startup [--runs 15]
 *
 * `--only` takes what begins with NAME: "chain", "container", "memory", "lsns" … (`--list` names all). The second form
 * shows where the time of a start goes. Machines are noisy: read the ratios of one run. An original that is not installed is left out by
 * name; what needs root is, without it.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { chainBenches } from './bench/chains.ts';
import { filterBenches } from './bench/filters.ts';
import { gateBenches } from './bench/gate.ts';
import { type Row, say } from './bench/measure.ts';
import { memoryBenches } from './bench/memory.ts';
import { namespaceBenches } from './bench/namespaces.ts';
import { overlayBenches } from './bench/overlay.ts';
import { plot } from './bench/plot.ts';
import { scaleBenches } from './bench/scale.ts';
import { startup } from './bench/startup.ts';
import { toolBenches } from './bench/tools.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '15' },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    plot: { type: 'string' },
    list: { type: 'boolean' },
  },
});
const runs = Number(values.runs);

const benches = [
  ...toolBenches(),
  ...chainBenches(),
  ...filterBenches(),
  ...scaleBenches(),
  ...namespaceBenches(),
  ...overlayBenches(),
  ...memoryBenches(),
  ...gateBenches(),
].filter(({ name }) => values.only === undefined || values.only.some((wanted) => name.startsWith(wanted)));

if (values.list) {
  for (const { name } of benches) say(name);
  process.exit();
}

const rows: Row[] = [];
if (positionals[0] === 'startup') rows.push(...startup(runs));
else
  for (const bench of benches)
    try {
      rows.push(...(await bench.run(runs)));
    } catch (error) {
      // The others are measured all the same.
      say(`${bench.name}: ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
    }

const cell = (value: number) => value.toFixed(value < 1000 ? 1 : 0).padStart(9);
say(`${'what'.padEnd(24)}${'who'.padEnd(36)}  minimum    median   ratio`);
for (const { what, who, minimum, median, ratio, unit = 'ms' } of rows)
  say(`${what.padEnd(24)}${who.padEnd(36)}${cell(minimum)} ${cell(median)} ${ratio.toFixed(2).padStart(7)}  ${unit}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
if (values.plot !== undefined) {
  const machine = `Node ${process.version}, ${cpus().length} processors`;
  writeFileSync(values.plot, plot(`Milliseconds, minimum of ${runs} runs (line: median); ${machine}`, rows));
}
