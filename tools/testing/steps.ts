import { setUpEnvironment } from './environment.ts';
import { machinePackages, runMachineTests } from './machine.ts';
import { runNode, runTool } from './process.ts';
import { countsLine, nothing, sum, type Tally, tallyOfCheck } from './tally.ts';
import { runEndToEndTests, runUnitTests } from './vitest.ts';

export interface Step {
  name: string;
  run: (vitestArgs: string[]) => Promise<Tally>;
}

function programStep(name: string, script: string, args: string[]): Step {
  return { name, run: async () => tallyOfCheck(name, await runNode(script, args)) };
}

function toolStep(name: string): Step {
  return { name, run: async () => tallyOfCheck(name, await runTool(name)) };
}

/** The virtual machines are for those who ask for them: they take minutes. */
const withMachines = process.env.TEST_IN_VM === '1';

async function runSetup(): Promise<Tally> {
  await setUpEnvironment(withMachines ? machinePackages : [], withMachines);
  return nothing;
}

/** Over the whole workspace at once. */
export const checkSteps: readonly Step[] = [
  programStep('typecheck', 'typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.json']),
  programStep('lint', '@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']),
  toolStep('boundaries'),
  toolStep('completeness'),
];

export const machineStep: Step = { name: 'vm', run: runMachineTests };

export const testSteps: readonly Step[] = [
  { name: 'setup', run: runSetup },
  ...checkSteps,
  { name: 'unit', run: runUnitTests },
  toolStep('build'),
  { name: 'e2e', run: runEndToEndTests },
  ...(withMachines ? [machineStep] : []),
];

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function runStep({ name, run }: Step, vitestArgs: string[]): Promise<Tally> {
  console.log(`\n=== ${name} ===`);
  const start = performance.now();
  const tally = await run(vitestArgs).catch((error: unknown) => {
    console.error(messageOf(error));
    return { ...nothing, failed: [`${name}: the step itself failed`] };
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`--- ${name}: ${countsLine(tally)} (${seconds} s)`);
  return tally;
}

/** Goes on after a failed step, so that one run tells everything. */
export async function runSteps(steps: readonly Step[], vitestArgs: string[] = []): Promise<Tally> {
  const tallies: Tally[] = [];
  for (const step of steps) tallies.push(await runStep(step, vitestArgs));
  return sum(tallies);
}
