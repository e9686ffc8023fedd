// Infers the targets and tags of every package from where it lies, so that packages carry no nx configuration. Types and lint
// are no targets: one process for all packages takes less time than nx takes to look for cached results.
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export const name = 'workspace-layout';

const reportFolder = 'node_modules/.cache/test-reports';
const toolchain = [
  '{workspaceRoot}/package-lock.json',
  '{workspaceRoot}/tools/nx-plugin.mjs',
  { runtime: 'node --version' },
];

function layerOf(root) {
  if (!root.startsWith('packages/')) return root === 'e2e' ? 'e2e' : 'tooling';
  const folder = basename(root);
  if (folder === 'sys' || folder === 'cli') return folder;
  return folder.startsWith('ts-') ? 'tool' : 'domain';
}

function hasSpecs(folder) {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return false;
    return entry.isDirectory() ? hasSpecs(join(folder, entry.name)) : entry.name.endsWith('.spec.ts');
  });
}

function testTarget(root) {
  const report = `${reportFolder}/unit-${basename(root)}.json`;
  return {
    command: `vitest run --config vitest.config.ts`,
    options: {
      cwd: '{workspaceRoot}',
      env: { VITEST_REPORT_FILE: report, VITEST_SCOPE: root },
    },
    cache: true,
    // What system calls answer depends on the kernel and on the user.
    inputs: [
      'default',
      '^default',
      '{workspaceRoot}/vitest.config.ts',
      '{workspaceRoot}/tools/vitest-reporter.ts',
      '{workspaceRoot}/tsconfig.base.json',
      '{workspaceRoot}/tsconfig.json',
      ...toolchain,
      { runtime: 'uname -srm' },
      { runtime: 'id -u' },
    ],
    outputs: [`{workspaceRoot}/${report}`],
  };
}

function projectOf(file, workspaceRoot) {
  const root = dirname(file);
  const withTests = root !== 'e2e' && hasSpecs(join(workspaceRoot, root));
  return {
    root,
    // A folder with a package.json is named by it.
    ...(basename(file) === 'package.json' ? {} : { name: root }),
    tags: [`layer:${layerOf(root)}`],
    targets: withTests ? { test: testTarget(root) } : {},
  };
}

export const createNodesV2 = [
  '{packages/*/package.json,e2e/package.json,tools/nx-plugin.mjs}',
  (files, _options, { workspaceRoot }) =>
    files.map((file) => {
      const project = projectOf(file, workspaceRoot);
      return [file, { projects: { [project.root]: project } }];
    }),
];

// nx tells the outcome of single tasks only to its terminal; whoever wants to count them names a file.
export function postTasksExecution(_options, { taskResults }) {
  const file = process.env.TASK_RESULTS_FILE;
  if (!file) return;
  const results = Object.values(taskResults).map(({ task, status }) => ({
    project: task.target.project,
    root: task.projectRoot,
    target: task.target.target,
    status,
  }));
  writeFileSync(file, JSON.stringify(results));
}
