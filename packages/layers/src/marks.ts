/** Marks of overlayfs in a layer: what is deleted, what hides what lies below. */
import { type LiveSys, SysError } from '@ts/sys';

/** Where marks are kept: `trusted` needs CAP_SYS_ADMIN of the first user namespace; `user` is read by mounts with userxattr. */
export type Space = 'trusted' | 'user';

const PREFIX = /^(?:trusted|user)\.overlay\./;

/** Whether an attribute is a mark of overlayfs and no content. */
export const isMark = (name: string): boolean => PREFIX.test(name);

export type Attributes = ReadonlyMap<string, Buffer>;

const WITHOUT_ATTRIBUTES = ['EOPNOTSUPP', 'ENOSYS'];

/** Extended attributes of an entry itself, not of a link's target. */
export function attributesOf(sys: LiveSys, path: string): Attributes {
  try {
    return new Map(sys.llistxattr(path).map((name) => [name, Buffer.from(sys.lgetxattr(path, name))]));
  } catch (error) {
    if (error instanceof SysError && WITHOUT_ATTRIBUTES.includes(error.code)) return new Map();
    throw error;
  }
}

export interface Marks {
  /** A folder that hides the one below. */
  readonly isOpaque: boolean;
  /** An empty file that stands for a deletion. */
  readonly isWhiteout: boolean;
  /** A folder that was renamed: where its content is in lower layers. */
  readonly redirect?: string;
  /** A file whose data is in a lower layer. */
  readonly isWithoutData: boolean;
  /** It was copied up: a lower layer has it, too. */
  readonly hasOrigin: boolean;
}

export function marksOf(attributes: Attributes): Marks {
  const value = (name: string) =>
    (attributes.get(`trusted.overlay.${name}`) ?? attributes.get(`user.overlay.${name}`))?.toString();
  return {
    isOpaque: value('opaque') === 'y',
    isWhiteout: value('whiteout') !== undefined,
    redirect: value('redirect'),
    isWithoutData: value('metacopy') !== undefined,
    hasOrigin: value('origin') !== undefined,
  };
}

/** What helps where a layer only refers to what lies below. */
export const WHOLE = 'ts-overlay export --lower … writes it whole: what is missing is taken from the layers below';

/** Makes a folder, given by any path to it, hide the one below. */
export const markOpaque = (sys: LiveSys, path: string, space: Space): void => {
  sys.or(`cannot mark '${path}' as opaque`).setxattr(path, `${space}.overlay.opaque`, Buffer.from('y'));
};
