/**
 * `npm run bench`: times against the originals, A B A B in one run.
 *
 *     npm run bench -- [--runs 15] [--only NAME] [--json FILE]
 *
 * Machines are noisy: read the ratios of one run. An original that is not installed is left out by name.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { comparisons } from './bench/comparisons.ts';
import { existing, measure, type Row } from './bench/measure.ts';
import { NAMESPACES, namespaces } from './bench/namespaces.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '15' }, only: { type: 'string' }, json: { type: 'string' } },
});

const isWanted = (name: string) => values.only === undefined || name.startsWith(values.only);

const rows: Row[] = [];
for (const comparison of comparisons()) {
  if (!isWanted(comparison.name)) continue;
  if (comparison.around && process.getuid?.() !== 0) {
    process.stdout.write(`${comparison.name}: left out (needs root)\n`);
    continue;
  }
  const { present, missing } = existing(comparison);
  if (missing.length) process.stdout.write(`${comparison.name}: without ${missing.join(', ')} (not installed)\n`);
  using _around = comparison.around?.() ?? { [Symbol.dispose]: () => undefined };
  rows.push(...measure(comparison.name, present, Number(values.runs)));
}
const scale = isWanted(NAMESPACES) ? await namespaces(Math.max(1, Math.round(Number(values.runs) / 5))) : [];
rows.push(...scale);
const cell = (value: number) => value.toFixed(1).padStart(8);
process.stdout.write(`${'what'.padEnd(22)}${'who'.padEnd(26)}  min ms   median   ratio\n`);
for (const { what, who, minimum, median, ratio } of rows)
  process.stdout.write(
    `${what.padEnd(22)}${who.padEnd(26)}${cell(minimum)} ${cell(median)} ${ratio.toFixed(2).padStart(7)}\n`,
  );
for (const { what, who, peak } of scale)
  process.stdout.write(`${what}, ${who}: at most ${(peak / 1024).toFixed(1)} MB in one process\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
