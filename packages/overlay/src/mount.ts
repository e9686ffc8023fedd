/**
 * The overlay mount itself, on a tape or at once.
 *
 * By the new mount calls, layer for layer: a path is taken as it is, and there may be as many as the kernel's own limit of 500.
 * The old call gets all of it in one page of options, where colons, commas and backslashes are escaped.
 */
import {
  AT_FDCWD,
  encode,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FD,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  type Int,
  type LiveSys,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_RDONLY,
  O_DIRECTORY,
  O_RDONLY,
  type Steps,
  type Sys,
} from '@ts/sys';
import { escapeOption } from './lower.ts';

export interface Overlay {
  /** Topmost first. */
  readonly lowers: readonly string[];
  /** Layers that files without data (metacopy) have theirs in, and that show nothing else. */
  readonly data?: readonly string[];
  readonly upper?: string;
  readonly work?: string;
  readonly target: string;
  /** Parameters of the file system: "index=on", "volatile". */
  readonly parameters: readonly string[];
  readonly readOnly: boolean;
  /** MS_* for the old call, MOUNT_ATTR_* for the new one. */
  readonly flags: number;
  readonly attributes: number;
}

/** The kernel takes 255 bytes of text. What it takes as text had its backslashes removed in some versions. */
const isPlain = (path: string) => encode(path).length < 256 && !path.includes('\\');

/** Bytes of options that the old call takes. */
const PAGE = 4095;

/** A layer by its path, or where that could be misread, by a descriptor (Linux 6.13). */
function setLayer(sys: Sys, fs: Int, key: string, path: string): void {
  if (isPlain(path)) {
    sys.fsconfig(fs, FSCONFIG_SET_STRING, key, path);
    return;
  }
  const layer = sys.open(path, O_RDONLY | O_DIRECTORY) as Int;
  sys.fsconfig(fs, FSCONFIG_SET_FD, key, null, layer);
  sys.close(layer);
}

function setParameter(sys: Sys, fs: Int, word: string): void {
  const equals = word.indexOf('=');
  if (equals < 0) sys.fsconfig(fs, FSCONFIG_SET_FLAG, word, null);
  else sys.fsconfig(fs, FSCONFIG_SET_STRING, word.slice(0, equals), word.slice(equals + 1));
}

/** All that a context of fsopen("overlay") is told, up to the file system's coming into being. Since Linux 6.7. */
export function configure(sys: Sys, fs: Int, { lowers, data = [], upper, work, parameters, readOnly }: Overlay): void {
  sys.fsconfig(fs, FSCONFIG_SET_STRING, 'source', 'overlay');
  for (const word of parameters) setParameter(sys, fs, word);
  for (const lower of lowers) setLayer(sys, fs, 'lowerdir+', lower);
  for (const layer of data) setLayer(sys, fs, 'datadir+', layer);
  if (upper !== undefined) setLayer(sys, fs, 'upperdir', upper);
  if (work !== undefined) setLayer(sys, fs, 'workdir', work);
  if (readOnly) sys.fsconfig(fs, FSCONFIG_SET_FLAG, 'ro', null);
  sys.fsconfig(fs, FSCONFIG_CMD_CREATE, null, null);
}

function mountNew(sys: Sys, overlay: Overlay): void {
  const fs = sys.fsopen('overlay', FSOPEN_CLOEXEC) as Int;
  configure(sys, fs, overlay);
  const mount = sys.fsmount(fs, FSMOUNT_CLOEXEC, overlay.attributes) as Int;
  sys.move_mount(mount, '', AT_FDCWD, overlay.target, MOVE_MOUNT_F_EMPTY_PATH);
  sys.close(mount);
  sys.close(fs);
}

/** Mounts layers, topmost first, nowhere: to be read through the descriptor that is returned, of their top. Since Linux 6.7. */
export function mountDetached(sys: LiveSys, lowers: readonly string[], parameters: readonly string[]): number {
  const making = sys.or('cannot mount the layers to look into them');
  const fs = making.fsopen('overlay', FSOPEN_CLOEXEC);
  try {
    const nowhere = { target: '', readOnly: true, flags: 0, attributes: 0 };
    configure(making, fs, { ...nowhere, lowers, parameters });
    return making.fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
  } finally {
    sys.close(fs);
  }
}

/** Options of mount(2): what `mount -t overlay -o` would be given. */
export function optionsOf({ lowers, data = [], upper, work, parameters }: Overlay): string {
  return [
    `lowerdir=${[lowers.map(escapeOption).join(':'), ...data.map(escapeOption)].join('::')}`,
    ...(upper === undefined ? [] : [`upperdir=${escapeOption(upper)}`]),
    ...(work === undefined ? [] : [`workdir=${escapeOption(work)}`]),
    ...parameters,
  ].join(',');
}

function mountOld(sys: Sys, overlay: Overlay): void {
  const flags = overlay.flags | (overlay.readOnly ? MS_RDONLY : 0);
  sys.mount('overlay', overlay.target, 'overlay', flags, optionsOf(overlay));
}

/** Whether the old call could take it. */
const fitsOldCall = (overlay: Overlay) => encode(optionsOf(overlay)).length <= PAGE;

/** Mounts it. A kernel that does not know the new calls, or not for this, is given the old one. */
export function mountOverlay(sys: Steps, overlay: Overlay): void {
  if (!fitsOldCall(overlay)) mountNew(sys, overlay);
  else
    sys.tryElse(
      (first) => mountNew(first, overlay),
      (then) => mountOld(then, overlay),
    );
}
