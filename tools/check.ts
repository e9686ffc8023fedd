// Types, lint, boundaries and what every tool must have, without any test: npm run check
import { checkSteps, runSteps } from './testing/steps.ts';
import { summaryLines } from './testing/tally.ts';

const tally = await runSteps(checkSteps);
console.log(`\n${summaryLines(tally).join('\n')}`);
process.exitCode = tally.failed.length === 0 ? 0 : 1;
