/** What `X-mount.idmap=` and `--map-users` say: ids as they are to be seen at a mount. Pure. */
import { OptionError } from '@ts/mounts';
import { type IdRange, parseIdRange } from './idmap.ts';

/** The maps of a user namespace that is there (its file), or maps for one to be made. */
export type IdMapping =
  | { readonly file: string }
  | { readonly users: readonly IdRange[]; readonly groups: readonly IdRange[] };

/** One `[u:|g:|b:]ON_DISK:SEEN:COUNT`. */
function parseEntry(text: string) {
  const [, kind = 'b', digits = ''] = /^(?:([ugb]):)?(.*)$/s.exec(text) ?? [];
  const range = digits.includes(',') ? undefined : parseIdRange(digits);
  if (!range) throw new OptionError(`X-mount.idmap: '${text}' is not [u:|g:|b:]ID-ON-DISK:ID-SEEN:COUNT`);
  return { kind, range };
}

/** Reads a path of a user namespace, or entries with blanks between them; without a letter an entry is for users and groups. */
export function parseIdMapping(text: string): IdMapping {
  if (text.startsWith('/')) return { file: text };
  const entries = text.split(' ').filter(Boolean).map(parseEntry);
  if (!entries.length) throw new OptionError('X-mount.idmap: its value is missing');
  const of = (kind: string) => entries.filter((entry) => entry.kind !== kind).map(({ range }) => range);
  return { users: of('g'), groups: of('u') };
}
