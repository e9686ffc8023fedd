/**
 * `npm run soak`: forking chains by the thousand, on each Node.
 *
 *     npm run soak -- [--count 20000] [--bin dist/bin] [--node PATH]…
 *
 * Without --node: the one that runs this, and those of TS_TEST_NODES. Exit status 1 if any run failed.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { soak } from './soak/chains.ts';
import { testNodes, versionOf } from './soak/nodes.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    bin: { type: 'string', default: 'dist/bin' },
    node: { type: 'string', multiple: true },
  },
});

const SHOWN = 10;
const rows: string[][] = [['Node', 'runs', 'failures', 'minimum ms', 'median ms']];
let failed = false;

for (const node of values.node ?? testNodes()) {
  const version = versionOf(node);
  const result = await soak({
    bin: resolve(values.bin),
    node: resolve(node),
    count: Number(values.count),
    progress: (done, failures) => {
      if (done % 1000 === 0) process.stderr.write(`Node ${version}: ${done} runs, ${failures} failures\n`);
    },
  });
  for (const failure of result.failures.slice(0, SHOWN)) process.stderr.write(`Node ${version}: ${failure}\n`);
  failed ||= result.failures.length > 0 || result.count === 0;
  rows.push([
    version,
    String(result.count),
    String(result.failures.length),
    result.minimum.toFixed(1),
    result.median.toFixed(1),
  ]);
}

const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
for (const row of rows)
  process.stdout.write(`${row.map((cell, column) => cell.padStart(widths[column] as number)).join('  ')}\n`);
process.exit(failed ? 1 : 0);
