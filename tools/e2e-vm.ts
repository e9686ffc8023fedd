// Runs the end-to-end tests that need cgroup v2 alone, AppArmor or SELinux: npm run e2e:vm [-- ARGUMENTS OF VITEST]
//
// They run in small virtual machines (tools/vm/vm-run) on what is built already (npm run build). Without KVM for the
// machines' kernel they are emulated: a few minutes. What is missing for it is told and counted as a skip.
import { machineStep, runSteps } from './testing/steps.ts';
import { summaryLines } from './testing/tally.ts';

const tally = await runSteps([machineStep], process.argv.slice(2));
console.log(`\n${summaryLines(tally).join('\n')}`);
process.exitCode = tally.failed.length === 0 ? 0 : 1;
