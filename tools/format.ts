// Formats and applies the safe fixes of the linter, sorted imports among them: npm run format [-- PATH...]
import { runNode } from './testing/process.ts';
import { workspaceRoot } from './workspace.ts';

const paths = process.argv.slice(2);
process.exitCode = await runNode(
  '@biomejs/biome/bin/biome',
  ['check', '--write', ...(paths.length > 0 ? paths : ['.'])],
  {
    cwd: paths.length > 0 ? process.cwd() : workspaceRoot,
  },
);
