// Checks who may depend on whom: npm run check, or node tools/run.mjs boundaries
//
//   tool -> cli, domain, sys     domain -> sys, domain (no cycles)
//   cli  -> sys                  sys    -> nothing of ours
//
// Only packages/sys knows koffi, and only packages/cli knows yargs and yargs-parser. Modules of Node can be kept to files in
// the same way (`gates` in boundaries/rules.ts). Dependencies are taken from the
// project graph of nx, from every package.json and from every import, those of types included.
import { readProjectGraph } from './boundaries/project-graph.ts';
import { findViolations } from './boundaries/rules.ts';
import { scanWorkspace } from './boundaries/scan.ts';
import { workspaceRoot } from './workspace.ts';

const workspace = scanWorkspace(workspaceRoot, await readProjectGraph());
const violations = findViolations(workspace);
for (const { where, message } of violations) console.log(`${where}: ${message}`);
console.log(
  `boundaries: ${workspace.packages.length} packages, ${workspace.imports.length} imports, ${violations.length} violations`,
);
process.exitCode = violations.length === 0 ? 0 : 1;
