import { defineConfig } from 'vitest/config';

// VITEST_SCOPE narrows a run to one folder, which keeps the reports of the packages apart.
const scope = process.env.VITEST_SCOPE;
const include = ['packages/*/src/**/*.spec.ts', 'packages/*/test/**/*.spec.ts', 'tools/**/*.spec.ts'];

export default defineConfig({
  test: {
    include: scope ? [`${scope}/**/*.spec.ts`] : include,
    exclude: ['**/node_modules/**', '**/dist/**'],
    // What a loaded machine keeps.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default', './tools/vitest-reporter.ts'],
  },
});
