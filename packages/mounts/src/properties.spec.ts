/** What holds for any text: of tables of mounts, of options. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFstab } from './fstab.ts';
import { allOptions, escapeOctal, type Mount, mountAt, parseMountinfo, subtree, unescapeOctal } from './mountinfo.ts';
import { OptionError, parseOptions, splitOptions } from './options.ts';

/** Names of files: any characters but NUL and "/", with those that are escaped more often than chance would have it. */
const name = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', '\t', '\n', '\\', '#', '\\040', 'ä', '\udcff'),
      fc.string({ minLength: 1, unit: 'grapheme' }),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => parts.join('').replaceAll(/[\0/]/g, '_'))
  .filter((text) => !text.endsWith('//deleted'));
const path = fc.array(name, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);

const mount: fc.Arbitrary<Mount> = fc.record({
  id: fc.nat(),
  parent: fc.nat(),
  device: fc.tuple(fc.nat(999), fc.nat(99999)).map(([major, minor]) => `${major}:${minor}`),
  root: path,
  target: path,
  options: fc.array(word, { minLength: 1, maxLength: 4 }),
  propagation: fc.subarray(['shared:1', 'master:2', 'propagate_from:3', 'unbindable']),
  type: word,
  source: path,
  superOptions: fc.array(word, { minLength: 1, maxLength: 4 }),
});

/** As fs/proc_namespace.c of the kernel writes it: " \t\n\\" (and "#" in sources) as three octal digits. */
const kernelEscape = (text: string) =>
  text.replace(/[ \t\n\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
const asLine = (each: Mount) =>
  [
    each.id,
    each.parent,
    each.device,
    kernelEscape(each.root),
    kernelEscape(each.target),
    each.options.join(','),
    ...each.propagation,
    '-',
    each.type,
    kernelEscape(each.source),
    each.superOptions.join(','),
  ].join(' ');

describe('mountinfo', () => {
  test('what the kernel writes is read back', () => {
    fc.assert(
      fc.property(fc.array(mount, { maxLength: 8 }), (mounts) => {
        expect(parseMountinfo(mounts.map((each) => `${asLine(each)}\n`).join(''))).toEqual(mounts);
      }),
    );
  });

  test('any text is read without an error', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseMountinfo(text)));
    fc.assert(
      fc.property(
        fc.array(word).map((words) => words.join(' ')),
        (text) => void parseMountinfo(text),
      ),
    );
  });

  test('escapes: no blank is left, and back', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(escapeOctal(text)).not.toMatch(/[ \t\n]/);
        expect(unescapeOctal(escapeOctal(text))).toBe(text);
        expect(unescapeOctal(kernelEscape(text))).toBe(text);
      }),
    );
  });

  test('the mount that is seen is the last one of that name; a subtree holds its top and is closed', () => {
    const tables = fc
      .array(mount, { minLength: 1, maxLength: 10 })
      .map((mounts) => mounts.map((each, index) => ({ ...each, id: index + 1, parent: each.parent % (index + 1) })));
    fc.assert(
      fc.property(tables, fc.nat(9), (mounts, index) => {
        const top = mounts[index % mounts.length] as Mount;
        expect(mountAt(mounts, top.target)).toBe(mounts.filter(({ target }) => target === top.target).at(-1));
        const inside = new Set(subtree(mounts, top).map(({ id }) => id));
        expect(inside.has(top.id)).toBe(true);
        for (const { id, parent } of mounts) if (id !== top.id) expect(inside.has(id)).toBe(inside.has(parent));
      }),
    );
  });

  test('all options: one "ro" or "rw", in front', () => {
    fc.assert(
      fc.property(mount, (each) => {
        const [first, ...rest] = allOptions(each);
        expect(['ro', 'rw']).toContain(first);
        expect(rest).not.toContain('ro');
        expect(rest).not.toContain('rw');
      }),
    );
  });
});

describe('options', () => {
  /** A word or a word with a value; commas stand in quotes. */
  const option = fc.oneof(
    word,
    fc.tuple(word, fc.stringMatching(/^[a-z0-9:/.]{0,8}$/)).map(([key, value]) => `${key}=${value}`),
    fc.tuple(word, fc.stringMatching(/^[a-z0-9,]{0,8}$/)).map(([key, value]) => `${key}="${value}"`),
  );

  test('joined and split', () => {
    fc.assert(
      fc.property(fc.array(option), (words) => {
        expect(splitOptions(words.join(','))).toEqual(words);
      }),
    );
  });

  test('what is no word of ours is for the file system, as it is and in its order', () => {
    fc.assert(
      fc.property(fc.array(option), (words) => {
        const { data, words: all } = parseOptions(words.map((each) => `fs_${each}`).join(','));
        expect(data).toEqual(words.map((each) => `fs_${each}`));
        expect(all).toEqual(data);
      }),
    );
  });

  test('the last of opposite words counts, and an attribute is set or cleared, never both', () => {
    const pairs = ['suid', 'dev', 'exec', 'symfollow', 'diratime'];
    const flags = fc.array(fc.constantFrom(...pairs, ...pairs.map((each) => `no${each}`)), { minLength: 1 });
    fc.assert(
      fc.property(flags, (words) => {
        const once = words.filter((each, index) => {
          const bare = (text: string) => text.replace(/^no/, '');
          return !words.slice(index + 1).some((later) => bare(later) === bare(each));
        });
        const { flags: bits, attributes } = parseOptions(words.join(','));
        expect(parseOptions(once.join(','))).toMatchObject({ flags: bits, attributes });
        expect(attributes.set & attributes.clear).toBe(0);
      }),
    );
  });

  test('any text is read, or refused as an option', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .array(fc.constantFrom('X-mount.mode=', 'ro=', 'X-mount.idmap=', ',', '"', '7', 'u:1:2:3'))
            .map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            parseOptions(text);
          } catch (error) {
            expect(error).toBeInstanceOf(OptionError);
          }
        },
      ),
    );
  });
});

test('fstab: escaped fields are read back', () => {
  fc.assert(
    fc.property(name, name, (source, target) => {
      fc.pre(!source.startsWith('#'));
      const [entry] = parseFstab(`${escapeOctal(source)} ${escapeOctal(target)} tmpfs ro 0 0\n`).entries;
      expect(entry).toEqual({ source, target, type: 'tmpfs', options: 'ro' });
    }),
  );
});
