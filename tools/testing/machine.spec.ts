import { expect, it } from 'vitest';
import { sumOfMachines } from './machine.ts';

const machine = (option: string, files: string[]) => ({ options: [option], files });
const tally = (passed: number, ...skipped: string[]) => ({
  passed,
  failed: [],
  skipped: skipped.map((name) => ({ name, reason: 'not here' })),
});

it('counts a test as skipped only where no machine has run it', () => {
  const labels = 'e2e/chains/labels.spec.ts > ';
  const all = machine('--apparmor', ['v2/', 'chains/labels']);
  const one = machine('--selinux', ['chains/labels']);
  const first = tally(5, 'e2e/v2/a.spec.ts > needs io', `${labels}SELinux`, `${labels}both`);
  expect(
    sumOfMachines([
      [all, first],
      [one, tally(3, `${labels}AppArmor`, `${labels}both`)],
    ]),
  ).toEqual(tally(8, 'e2e/v2/a.spec.ts > needs io', `${labels}both`));
  // A machine that could not be made has run nothing.
  expect(
    sumOfMachines([
      [all, first],
      [one, tally(0, 'machine')],
    ]).skipped,
  ).toHaveLength(4);
});
