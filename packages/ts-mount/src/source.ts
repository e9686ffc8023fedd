/** Where a source is and what it holds: LABEL=, UUID= and their kin, the type of a device. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { ToolError, type World } from '@ts/cli';
import { detectType, deviceTypes, SUPERBLOCKS_SIZE } from '@ts/mounts';
import { encode } from '@ts/sys';

/** Folders of /dev/disk in which a device is found by each kind of name. */
const TAGS: Readonly<Record<string, string>> = {
  LABEL: 'by-label',
  UUID: 'by-uuid',
  PARTLABEL: 'by-partlabel',
  PARTUUID: 'by-partuuid',
  ID: 'by-id',
};

/** Characters that udev does not take into a name stand there as \xNN. */
const asUdevName = (value: string) =>
  value.replace(/[^\w#+.:=@-]/g, (character) =>
    [...encode(character)].map((byte) => `\\x${byte.toString(16)}`).join(''),
  );

/** The path that a source stands for. */
export function resolveSource(source: string, target: string, world: World): string {
  const [, tag = '', quoted = ''] = /^([A-Z]+)=(.*)$/s.exec(source) ?? [];
  const folder = TAGS[tag];
  if (folder === undefined) return source;
  const value = quoted.replace(/^"(.*)"$/s, '$1');
  const path = `/dev/disk/${folder}/${asUdevName(tag.endsWith('UUID') ? value.toLowerCase() : value)}`;
  if (!world.exists(path)) throw new ToolError(`${target}: can't find ${source}.`, 1);
  return path;
}

function startOf(path: string): Buffer {
  const buffer = Buffer.alloc(SUPERBLOCKS_SIZE);
  const fd = openSync(encode(path), 'r');
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}

/** Types to try for a source, where none is given: what it says it is, else all that live on devices. */
export function typesOf(source: string, world: World): string[] {
  try {
    const isReadable = statSync(encode(source)).isBlockDevice() || statSync(encode(source)).isFile();
    const type = isReadable ? detectType(startOf(source)) : undefined;
    if (type !== undefined) return [type];
  } catch {
    // The kernel will say what is wrong with it.
  }
  const types = deviceTypes(world.read('/proc/filesystems') ?? '');
  return types.length ? types : ['ext4'];
}
