/**
 * `npm run build:standalone`: all tools as one executable for hosts without Node, dist/standalone/ts-tools.
 *
 *     npm run build:standalone -- [--platform linux-x64|linux-arm64|…] [--out FILE]
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { MULTICALL } from '../packages/cli/src/build.ts';
import { BUN_PLATFORMS, bunPlatform } from './build/bun.ts';
import { standaloneScript } from './build/bundle.ts';
import { hostPlatform } from './build/platform.ts';
import { compileWithBun, standaloneFile } from './build/standalone.ts';
import { loadTools } from './tooling/load-tools.ts';

const { values } = parseArgs({
  options: {
    platform: { type: 'string', default: hostPlatform().name },
    out: { type: 'string', default: `dist/standalone/${MULTICALL}` },
  },
});

const platform = bunPlatform(values.platform);
const tools = readdirSync('packages')
  .filter((name) => name.startsWith('ts-'))
  .sort();
const names = Object.fromEntries(
  (await loadTools(tools)).flatMap(({ name, replaces }) => [name, ...replaces].map((each) => [each, name])),
);
const { script, id } = await standaloneScript(tools, names, (text) =>
  createHash('sha256').update(text).update(platform.integrity).digest('hex').slice(0, 32),
);
const file = standaloneFile(platform.arch, id, compileWithBun(script, platform, bunPlatform(hostPlatform().name)));

mkdirSync(dirname(values.out), { recursive: true });
// Renamed into place: a file that is being executed cannot be written to, and nobody sees half of one.
writeFileSync(`${values.out}.${process.pid}`, file);
chmodSync(`${values.out}.${process.pid}`, 0o755);
renameSync(`${values.out}.${process.pid}`, values.out);
const known = Object.keys(BUN_PLATFORMS).find((name) => BUN_PLATFORMS[name] === platform);
process.stdout.write(
  `${tools.length} tools of build ${id.slice(0, 8)} for ${known} in ${values.out} (${Math.round(file.length / 1e6)} MB)\n`,
);
