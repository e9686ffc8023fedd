// Runs all checks and tests: npm test [-- [--only STEP[,STEP...]] [ARGUMENTS OF VITEST]]
//
// The steps are, in this order: setup typecheck lint boundaries completeness unit build e2e. A failed step does not keep the later
// ones from running. With TEST_IN_VM=1 in the environment vm is one more (npm run e2e:vm). What is no --only goes to vitest, in the steps unit and e2e:
//
//   npm test -- --only unit                   all unit tests, cached package by package
//   npm test -- --only build,e2e -t NAME      build, and the end-to-end tests whose titles match NAME
//   npm test -- --only e2e unshare.spec.ts    the end-to-end tests of one file, on what is built already
//
// The typecheck, the lint, the boundaries, the completeness of the tools and the build count as one check each, and each
// test as one. The last line gives the sums, after the skipped tests with their reasons and the failures.
import { parseSelection, selectSteps } from './testing/selection.ts';
import { runSteps, testSteps } from './testing/steps.ts';
import { summaryLines } from './testing/tally.ts';

const { only, vitestArgs } = parseSelection(process.argv.slice(2));
const tally = await runSteps(selectSteps(testSteps, only), vitestArgs);
console.log(`\n${summaryLines(tally).join('\n')}`);
process.exitCode = tally.failed.length === 0 ? 0 : 1;
