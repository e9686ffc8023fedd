/** One mount, or one change of a mount, as it is to be made. */
import type { LoopRequest } from '@ts/block';
import type { Attributes } from '@ts/mounts';
import type { IdMapping } from '@ts/namespaces';

export interface Change {
  readonly kind: 'mount' | 'bind' | 'move' | 'remount' | 'propagation';
  readonly source: string;
  readonly target: string;
  /** To be tried one after the other; empty where none is needed. */
  readonly types: readonly string[];
  readonly flags: number;
  readonly data: readonly string[];
  readonly parameters: readonly string[];
  readonly attributes: Attributes;
  readonly recursive: Attributes;
  readonly propagation: readonly number[];
  /** All words of `-o` and of the options that stand for one. */
  readonly words: readonly string[];
  /** Some attributes are for the mount alone, or for the file system alone. */
  readonly layered: boolean;
  /** Permissions of folders that are made for the mount point. */
  readonly mkdir?: number;
  /** The directory of the file system that is seen at the mount point, instead of its root. */
  readonly subdir?: string;
  readonly idmap?: IdMapping;
  /** What the root of the mount is given; -1 leaves an id as it is. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: number;
  /** The type, where one is named. */
  readonly type?: string;
  /** The source is a file, and a loop device is needed for it. */
  readonly loop?: LoopRequest;
  /** The descriptor that keeps that device until it is mounted. */
  readonly held?: number;
  /** Paths are not looked into. */
  readonly asGiven: { readonly source: boolean; readonly target: boolean };
  /** That the source is missing is no failure. */
  readonly isTolerated: boolean;
  /** Under the mount that is there. */
  readonly beneath: boolean;
  /** No file system that is in use already. */
  readonly exclusive: boolean;
  /** Of a remount: the mounts that it is about (the first without a path, it is the target), and their MOUNT_ATTR_*. */
  readonly before?: readonly { readonly path?: string; readonly set: number }[];
  /** Only mount(2) is to be used, as before Linux 5.2. */
  readonly classic: boolean;
}
