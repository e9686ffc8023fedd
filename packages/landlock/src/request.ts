/** What the options --landlock-access and --landlock-rule ask for, as bits. Pure. */
import { Failure, parseSigned } from '@ts/sys';
import { bitsOf, type Category, known, RIGHTS, type Right } from './rights.ts';

/** A text that asks for nothing that there is; the message is a line for the user. */
export class LandlockError extends Failure {
  constructor(message: string, remedy?: string) {
    super(message, 1, remedy);
  }
}

/** What is allowed all the same: below a path, or of a port. Without rights: all that are handled. */
export type Rule<Rights = number> =
  | { readonly kind: 'path'; readonly rights: Rights; readonly path: string }
  | { readonly kind: 'port'; readonly rights: Rights; readonly port: number };

export interface Restriction {
  /** What is refused but for the rules. */
  readonly fs: number;
  readonly net: number;
  readonly scope: number;
  readonly rules: readonly Rule[];
}

export interface Abilities {
  /** Version of the kernel's Landlock. */
  readonly version: number;
  /** Rights that it does not know are left out, instead of being refused. */
  readonly bestEffort: boolean;
}

const WORDS: Readonly<Record<Category, string>> = { fs: 'fs access', net: 'net access', scope: 'scope restriction' };

/** Those of fs may be abbreviated: the first one that begins so, whether or not others do. */
const rightNamed = (name: string, table: readonly Right[]): Right | undefined =>
  table.find((right) => right.name === name) ??
  (table === RIGHTS.fs && name ? table.find((right) => right.name.startsWith(name)) : undefined);

/** Bits of a list of names. @param what How messages name it. */
export function parseRights(list: string, table: readonly Right[], what: string, abilities: Abilities): number {
  const rights = list.split(',').map((name) => {
    const found = rightNamed(name, table);
    if (found) return found;
    throw new LandlockError(
      `could not parse Landlock ${what}: ${list}`,
      `'${name}' is none of ${table.map((right) => right.name).join(', ')}`,
    );
  });
  const missing = rights.find(({ since }) => since > abilities.version);
  if (missing && !abilities.bestEffort)
    throw new LandlockError(
      `Landlock ${what}${what.endsWith('access') ? ' right' : ''} is not supported by the running kernel: ${missing.name}`,
      `it came with version ${missing.since} of Landlock, this kernel has ${abilities.version}; --landlock-best-effort goes without`,
    );
  return bitsOf(known(rights, abilities.version));
}

const isCategory = (text: string): text is Category => Object.hasOwn(RIGHTS, text);

/** `fs`, `net:bind-tcp,connect-tcp`, `scope`: a category and its bits. Without names: all that the kernel knows. */
export function parseAccess(text: string, abilities: Abilities): { category: Category; bits: number } {
  const colon = text.indexOf(':');
  const category = colon < 0 ? text : text.slice(0, colon);
  const list = colon < 0 ? '' : text.slice(colon + 1);
  if (!isCategory(category))
    throw new LandlockError(`invalid Landlock access: ${text}`, 'it begins with fs, net or scope');
  const table = RIGHTS[category];
  if (list) return { category, bits: parseRights(list, table, WORDS[category], abilities) };
  const bits = bitsOf(known(table, abilities.version));
  if (bits === 0 && !abilities.bestEffort) throw new LandlockError(`Landlock ${category} is not supported`);
  return { category, bits };
}

const LARGEST_PORT = 0xffff;

/** `path-beneath:read-file,execute:/usr` and `net-port:bind-tcp:80`. */
export function parseRule(text: string, abilities: Abilities): Rule<number | undefined> {
  const [, type, list, argument] = /^(path-beneath|net-port):([^:]*):(.*)$/s.exec(text) ?? [];
  if (type === undefined || list === undefined || argument === undefined)
    throw new LandlockError(
      `invalid Landlock rule: ${text}`,
      'a rule is path-beneath:<right>,...:<path> or net-port:<right>,...:<port>',
    );
  const category = type === 'net-port' ? 'net' : 'fs';
  const rights = list ? parseRights(list, RIGHTS[category], WORDS[category], abilities) : undefined;
  if (category === 'fs') return { kind: 'path', rights, path: argument };
  const port = parseSigned(argument, 0, LARGEST_PORT);
  if (port === undefined) throw new LandlockError(`could not parse port number: '${argument}'`);
  return { kind: 'port', rights, port };
}

const OF: Readonly<Record<Rule['kind'], { category: 'fs' | 'net'; noun: string; type: string }>> = {
  path: { category: 'fs', noun: 'filesystem', type: 'path-beneath' },
  port: { category: 'net', noun: 'network', type: 'net-port' },
};

/**
 * All accesses and rules together; undefined where nothing is restricted.
 *
 * A rule that allows what is not restricted is refused, as the kernel would refuse it.
 */
export function restrictionOf(
  accesses: readonly string[],
  rules: readonly string[],
  abilities: Abilities,
): Restriction | undefined {
  const handled = { fs: 0, net: 0, scope: 0 };
  const asked = new Set<Category>();
  for (const text of accesses) {
    const { category, bits } = parseAccess(text, abilities);
    handled[category] |= bits;
    asked.add(category);
  }
  const allowed = rules.map((text): Rule => {
    const rule = parseRule(text, abilities);
    const { category, noun, type } = OF[rule.kind];
    if (!asked.has(category))
      throw new LandlockError(
        `Landlock ${type} rule requires a ${noun} access restriction (--landlock-access ${category})`,
      );
    const rights = rule.rights ?? handled[category];
    const excess = RIGHTS[category].find(({ bit }) => bit & rights & ~handled[category]);
    if (excess)
      throw new LandlockError(
        `Landlock rule allows what is not restricted: ${text}`,
        `--landlock-access does not name ${excess.name}, so it is allowed anyway`,
      );
    return { ...rule, rights };
  });
  if (!handled.fs && !handled.net && !handled.scope) return undefined;
  // What is left of a rule on an older kernel may be nothing.
  return { ...handled, rules: allowed.filter(({ rights }) => rights !== 0) };
}
