/** User, group and supplementary groups that `--userspec` and `--groups` ask for. */
import { groupList, type World } from '@ts/cli';
import { Failure, ID_MAX, parseSigned } from '@ts/sys';
import { quote } from './quote.ts';

export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
  /** Supplementary groups; undefined leaves them as they are. */
  readonly groups?: readonly number[];
}

/** An id of digits, perhaps behind a "+" that says it is no name. */
const numeric = (text: string): number | undefined => (text.includes('-') ? undefined : parseSigned(text, 0, ID_MAX));

const splitSpec = (userspec: string): [user: string, group: string | undefined] => {
  const colon = userspec.indexOf(':');
  return colon < 0 ? [userspec, undefined] : [userspec.slice(0, colon), userspec.slice(colon + 1)];
};

/** Identity by numbers alone; undefined where accounts have to be looked up. */
export function numericIdentity(userspec: string | undefined, groups: string | undefined): Identity | undefined {
  const list = groups === undefined ? undefined : groups.split(',').filter(Boolean).map(numeric);
  if (list?.includes(undefined) || (groups && !list?.length)) return undefined;
  const supplementary = list as number[] | undefined;
  const [user, group] = splitSpec(userspec ?? ':');
  const gid = group ? numeric(group) : undefined;
  if (group && gid === undefined) return undefined;
  if (user === '') return { gid, groups: supplementary };
  const uid = numeric(user);
  // The supplementary groups of a user, and its own where none was given, stand in the accounts.
  if (uid === undefined || gid === undefined || supplementary === undefined) return undefined;
  return { uid, gid, groups: supplementary };
}

function groupId(word: string, world: World): number | undefined {
  return (word.startsWith('+') ? undefined : world.group(word)?.gid) ?? numeric(word);
}

function supplementaryGroups(text: string, world: World, outside?: readonly number[]): readonly number[] {
  const words = text.split(',').filter(Boolean);
  if (!words.length) throw new Failure(`invalid group list ${quote.words(text, world)}`);
  const ids = words.map((word) => groupId(word, world));
  const unknown = words.find((_, index) => ids[index] === undefined);
  if (unknown === undefined) return ids as number[];
  if (outside) return outside;
  throw new Failure(`invalid group ${quote.words(unknown, world)}`);
}

function parseSpec(userspec: string, world: World): { uid?: number; gid?: number } {
  let [user, group] = splitSpec(userspec);
  const find = (name: string) => (name.startsWith('+') ? undefined : world.user(name)?.uid) ?? numeric(name);
  if (group === undefined && user.includes('.') && find(user) === undefined) {
    const dot = user.indexOf('.');
    [user, group] = [user.slice(0, dot), user.slice(dot + 1)];
    world.warn("warning: '.' should be ':'");
  }
  const uid = user ? find(user) : undefined;
  if (user && uid === undefined) throw new Failure('invalid user');
  const gid = group ? groupId(group, world) : undefined;
  if (group && gid === undefined) throw new Failure('invalid group');
  return { uid, gid };
}

/**
 * Identity by the accounts that are there now.
 *
 * `outside`: what it was by the accounts of the old root. It fills in what the new one does not know of an id: its group
 * and supplementary groups, and the groups of a list. A name given as the user or its group must be known inside.
 */
export function identify(
  userspec: string | undefined,
  groups: string | undefined,
  world: World,
  outside: Identity = {},
): Identity {
  const { uid, gid: asked } = parseSpec(userspec ?? '', world);
  const account = uid === undefined ? undefined : world.user(uid);
  const gid = asked ?? account?.gid ?? (uid === undefined ? undefined : outside.gid);
  if (uid !== undefined && gid === undefined) throw new Failure(`no group specified for unknown uid: ${uid}`);
  if (groups) return { uid, gid, groups: supplementaryGroups(groups, world, outside.groups) };
  if (groups === '') return { uid, gid, groups: [] };
  if (uid === undefined || gid === undefined) return { gid };
  return { uid, gid, groups: account ? groupList(world, account.name, gid) : (outside.groups ?? []) };
}
