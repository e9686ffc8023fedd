/** Commands by the originals and by ours, each in a network of its own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { PRIVATE, withoutChance } from './network.ts';
import { originals } from './parity.ts';
import { compatPath, shell, temporaryFolder } from './run.ts';

const END = '\f';

/** Output and status of each command by either, in networks of their own at the same time; `setup` is always the original's. */
export function sideBySide(setup: string, commands: readonly string[]): { theirs: string[]; ours: string[] } {
  using folder = temporaryFolder();
  const outputs = [originals(), compatPath].map((path, index) => {
    const steps = commands.map((command) => `( PATH=${path}; ${command} ) 2>&1; echo "status $?"; printf '\\f'`);
    writeFileSync(join(folder.path, `script${index}`), `${PRIVATE}\n${setup}\n${steps.join('\n')}\n`);
    return join(folder.path, `output${index}`);
  });
  const { status, stderr } = shell(
    `cd ${folder.path}; unshare -n -m sh script0 >output0 & unshare -n -m sh script1 >output1; wait`,
    { timeout: 240_000 },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [theirs = [], ours = []] = outputs.map((file) =>
    withoutChance(readFileSync(file, 'utf8')).split(END).slice(0, -1),
  );
  return { theirs, ours };
}
