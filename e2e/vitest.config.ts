import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.spec.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['./globalSetup.ts'],
    setupFiles: ['./setup.ts'],
    reporters: ['default', '../tools/vitest-reporter.ts'],
    // Tests change cgroups, mounts and other state that the whole system shares.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
