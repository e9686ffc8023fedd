import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Tests of a host whose controllers are all in the v2 tree are for such a host: `npm run e2e:vm` makes one. */
const isUnified = !/ - cgroup /.test(readFileSync('/proc/self/mountinfo', 'utf8'));

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.spec.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', ...(isUnified ? [] : ['v2/**'])],
    globalSetup: ['./globalSetup.ts'],
    setupFiles: ['./setup.ts'],
    reporters: ['default', '../tools/vitest-reporter.ts'],
    // Tests change cgroups, mounts and other state that the whole system shares.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
