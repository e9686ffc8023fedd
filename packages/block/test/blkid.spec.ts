/** Images as their makers write them: what is read of them is what `blkid -p` reads. Needs no rights. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partitionTable, probe, toUdevName, withSource } from '../src/index.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const isThere = (name: string) => PATH.split(':').some((folder) => existsSync(join(folder, name)));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'block-'));
  mkdirSync(join(folder, 'tree'));
  writeFileSync(join(folder, 'tree/file'), 'x\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(argv: readonly string[], input = '') {
  const [program = '', ...rest] = argv;
  const { status, stdout, stderr } = spawnSync(program, rest, { cwd: folder, input, env: { PATH, LC_ALL: 'C.UTF-8' } });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** An image, and what makes it of an empty file: IMG stands for its name. */
interface Made {
  readonly name: string;
  readonly size: string;
  readonly maker: readonly string[];
  readonly input?: string;
  /** The file is the maker's to create. */
  readonly isWhole?: boolean;
}

const MiB = 1 << 20;
const image = (size: string, ...maker: string[]): Made => ({ name: maker.join(' '), size, maker: [...maker, 'IMG'] });

const IMAGES: readonly Made[] = [
  image('4', 'mkfs.ext2', '-q', '-L', 'two é', '-U', '2b5e9c1a-7d0f-4c39-9a51-0f7f4f3e8d6b'),
  image('8', 'mkfs.ext3', '-q', '-L', 'a/b\\c'),
  image('8', 'mkfs.ext4', '-q', '-L', 'sixteencharacter'),
  image('8', 'mkfs.ext4', '-q', '-O', '^has_journal,^metadata_csum'),
  image('8', 'mkfs.ext2', '-q', '-O', 'journal_dev', '-L', 'journal'),
  image('300', 'mkfs.xfs', '-q', '-L', 'x label'),
  image('300', 'mkfs.xfs', '-q', '-m', 'crc=0'),
  image('110', 'mkfs.btrfs', '-q', '-L', 'b label'),
  image('110', 'mkfs.btrfs', '-q', '--csum', 'sha256'),
  image('2', 'mkfs.vfat', '-F12', '-n', 'TWELVE'),
  image('1', 'mkfs.vfat', '-n', 'TINY'),
  image('20', 'mkfs.vfat', '-F16'),
  image('20', 'mkfs.vfat', '-F16', '-n', 'A B'),
  image('40', 'mkfs.vfat', '-F32', '-n', 'THIRTY'),
  image('40', 'mkfs.vfat', '-F32', '-S', '4096'),
  image('8', 'mkfs.exfat', '-L', 'exé'),
  image('8', 'mkfs.exfat'),
  image('4', 'mkswap', '-L', 'swap label'),
  image('4', 'mkswap', '-p', '8192'),
  image('60', 'mkfs.f2fs', '-q', '-l', 'f label'),
  image('8', 'mkntfs', '-q', '-F', '-L', 'nt é', '-s', '512', '-p', '0', '-H', '0', '-S', '0'),
  image('8', 'mkudffs', '-l', 'u é'),
  image('8', 'mkudffs', '-b', '2048', '--media-type=hd'),
  ...[
    ['genisoimage', '-quiet', '-V', 'CD_LABEL', '-o', 'IMG', 'tree'],
    ['genisoimage', '-quiet', '-J', '-r', '-V', 'A long label of a disc', '-o', 'IMG', 'tree'],
    ['genisoimage', '-quiet', '-udf', '-V', 'BOTH', '-o', 'IMG', 'tree'],
    ['xorriso', '-as', 'mkisofs', '-quiet', '-J', '-V', 'XORRISO_é', '-o', 'IMG', 'tree'],
    ['mksquashfs', 'tree', 'IMG', '-quiet', '-no-progress'],
    ['mkfs.erofs', 'IMG', 'tree'],
  ].map((maker) => ({ name: maker.join(' '), size: '0', maker, isWhole: true })),
  ...['luks1', 'luks2'].map((type) => ({
    name: `cryptsetup ${type}`,
    size: '20',
    maker: 'cryptsetup luksFormat --pbkdf-force-iterations 1000 --pbkdf pbkdf2 -q --type'
      .split(' ')
      .concat(type, 'IMG'),
    input: 'pass',
  })),
];

/** blkid's own words for a label, which nothing is lost of. */
function original(path: string): Record<string, string> {
  const { stdout } = run(['blkid', '-p', '-o', 'udev', path]);
  const pairs = [...stdout.matchAll(/^ID_FS_(TYPE|USAGE|LABEL_ENC|UUID)=(.*)$/gm)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name as string, value as string]));
}

function ours(path: string): Record<string, string> {
  const found = withSource(path, probe);
  if (typeof found !== 'object') return {};
  const { type, usage, label, uuid } = found;
  return {
    TYPE: type,
    USAGE: usage,
    ...(label !== undefined && { LABEL_ENC: toUdevName(label) }),
    ...(uuid !== undefined && { UUID: uuid }),
  };
}

/** Makes an image; the reason where that cannot be done here. */
function make({ size, maker, input, isWhole }: Made, path: string): string | undefined {
  const missing = [maker[0] as string, 'blkid'].find((name) => !isThere(name));
  if (missing !== undefined) return `not installed: ${missing}`;
  if (!isWhole) {
    writeFileSync(path, '');
    truncateSync(path, Number(size) * MiB);
  }
  const made = run(
    maker.map((word) => (word === 'IMG' ? path : word)),
    input,
  );
  return made.status === 0 ? undefined : `${maker[0]}: ${made.stderr.trim().split('\n').at(-1)}`;
}

describe('what makers write', () => {
  test.for(IMAGES)('$name', (made, context) => {
    const path = join(folder, 'image');
    rmSync(path, { force: true });
    const reason = make(made, path);
    if (reason !== undefined) context.skip(reason);
    const expected = original(path);
    expect(expected.TYPE).toBeDefined();
    expect(ours(path)).toEqual(expected);
  });
});

describe('tables of partitions', () => {
  /** Number, start, size, PARTUUID and name, as sfdisk tells them. */
  const listed = (path: string) => {
    const { partitiontable } = JSON.parse(run(['sfdisk', '-J', path]).stdout) as {
      partitiontable: {
        id: string;
        partitions: { node: string; start: number; size: number; uuid?: string; name?: string }[];
      };
    };
    const id = partitiontable.id.replace(/^0x/, '').toLowerCase();
    return partitiontable.partitions.map(({ node, start, size, uuid, name }) => {
      const number = Number(/\d+$/.exec(node)?.[0]);
      return {
        number,
        start,
        size,
        uuid: uuid?.toLowerCase() ?? `${id}-${String(number).padStart(2, '0')}`,
        label: name,
      };
    });
  };

  test.for([
    ['dos', '1 : size=1M,type=83\n2 : size=14M,type=5\n5 : size=1M,type=83\n6 : size=2M,type=82\n'],
    ['gpt', 'size=1M,name="root part"\nsize=2M,name="é"\nsize=1M\n'],
  ] as const)('%s', ([type, script], context) => {
    if (!isThere('sfdisk')) context.skip('not installed: sfdisk');
    const path = join(folder, type);
    writeFileSync(path, '');
    truncateSync(path, 20 * MiB);
    expect(run(['sfdisk', '-q', path], `label: ${type}\n${script}`)).toMatchObject({ status: 0 });
    const table = withSource(path, (source) => partitionTable(source));
    expect(table?.partitions.map((each) => ({ label: undefined, ...each }))).toEqual(listed(path));
    // The second header serves where the first is damaged.
    if (type === 'gpt') {
      run(['dd', 'if=/dev/zero', `of=${path}`, 'bs=512', 'seek=1', 'count=1', 'conv=notrunc']);
      expect(withSource(path, (source) => partitionTable(source))).toEqual(table);
    }
  });
});
