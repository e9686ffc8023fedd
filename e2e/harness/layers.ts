/** Folders for layers: on a file system that an upper layer can be on. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from './run.ts';

const OVERLAYFS_SUPER_MAGIC = 0x794c7630;

/** A temporary folder; where /tmp is an overlay itself, a tmpfs. */
export function layerFolder(): { readonly path: string } & Disposable {
  const folder = temporaryFolder();
  if (statfsSync(folder.path).type === OVERLAYFS_SUPER_MAGIC) {
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', folder.path]);
    chmodSync(folder.path, 0o755);
  }
  return folder;
}

/** Makes folders and files: "dir/", or a name with its text. */
export function make(root: string, entries: Readonly<Record<string, string | null>>): void {
  for (const [path, text] of Object.entries(entries)) {
    mkdirSync(text === null ? join(root, path) : dirname(join(root, path)), { recursive: true });
    if (text !== null) writeFileSync(join(root, path), text);
  }
}
