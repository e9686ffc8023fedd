import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

// Tools run from a bundle under node_modules and from source in specs, so the root is found by looking upwards.
function findRoot(folder: string): string {
  if (existsSync(join(folder, 'nx.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('nx.json is in no folder above the tools');
  return findRoot(parent);
}

export const workspaceRoot = findRoot(import.meta.dirname);
export const cacheFolder = join(workspaceRoot, 'node_modules/.cache');
