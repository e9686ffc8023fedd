import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { testNodes, versionOf } from '../../tools/soak/nodes.ts';
import { archive, type RawEntry, records } from '../harness/archive.ts';
import { layerFolder, make } from '../harness/layers.ts';
import { bin, isRoot, NOBODY, original, originalPath, run, runKilledAt, shell } from '../harness/run.ts';
import { needs, needsNode, needsProgram, needsRoot } from '../harness/skip.ts';
import { until } from '../harness/target.ts';

const isWhiteout = (path: string) => {
  const stat = lstatSync(path);
  return stat.isCharacterDevice() && stat.rdev === 0;
};

/** Everything of a tree that a layer is to keep, as text: kinds, permissions, owners, times, links, attributes, content. */
const picture = (path: string) =>
  run(
    [
      'sh',
      '-c',
      String.raw`find . \( -type c -printf '%p c %i\n' -prune \) -o -printf '%p %y %m %U:%G %s %n %l %T@\n' | sed 's/ c [0-9]*$/ c/' | sort; find . -type f | sort | xargs -d '\n' sha256sum; getfattr -R -d -m 'user|security.capability|trusted.*opaque|trusted.own' -e hex . 2>/dev/null | sort`,
    ],
    { cwd: path },
  ).stdout;

/** A merged folder changed in every way there is. */
const CHANGES = String.raw`
  cd merged && echo new >new && echo more >>changed && rm -r gone && rm -r replaced && mkdir replaced && echo n >replaced/new &&
  ln new linked && ln -s /etc/passwd link && mkfifo fifo && truncate -s 1M sparse && printf x | dd of=sparse bs=1 seek=500000 conv=notrunc 2>/dev/null &&
  mkdir -p deep/er && touch deep/er/file umläut 'a
b' "$(printf '\377\376')" && chmod 4755 changed && touch -d '1950-01-01 01:02:03.125' old && touch -d '2200-01-01 01:02:03.987654321' far && chown 3000000:4294967294 old && mknod null c 1 3 && mknod block b 259 1048575 && touch "$(printf 'n%.0s' $(seq 255))" && setfattr -n trusted.own -v kept new &&
  setcap cap_net_raw=ep new && setfattr -n user.bytes -v 0x00ff0a3d80 new && setfattr -n user.note -v hi deep && chmod 0 deep/er/file && chmod 1770 deep`;

const BASE = {
  'base/changed': 'before\n',
  'base/gone/x': '',
  'base/replaced/old': '',
  'base/kept': '',
  up: null,
  work: null,
  merged: null,
};

function changedLayer(folder: string): void {
  make(folder, BASE);
  const result = run(
    ['ts-overlay', '--lower', 'base', '--upper', 'up', '--work', 'work', 'merged', 'sh', '-c', CHANGES],
    {
      cwd: folder,
      env: { LC_ALL: 'C.UTF-8' },
    },
  );
  expect(result).toMatchObject({ stderr: '', status: 0 });
}

describe('a layer as an archive', () => {
  test('export and apply give the same layer, by every way', (context) => {
    needs(context, needsRoot, needsProgram('getfattr', 'setcap', 'zstd'));
    using folder = layerFolder();
    changedLayer(folder.path);
    const wanted = picture(join(folder.path, 'up'));
    expect(wanted).toMatch(/trusted.own=0x/);
    expect(wanted).toMatch(/security.capability=0x/);
    expect(wanted).toMatch(/trusted.overlay.opaque=0x79/);
    const ways = [
      'ts-overlay export up >a.tar && ts-overlay apply --devices a.tar new',
      'ts-overlay export --compress=gzip --output a.tar.gz up && ts-overlay apply --devices --replace a.tar.gz new',
      'ts-overlay export up | zstd -q | ts-overlay apply --devices --replace - new',
      'ts-overlay export --sparse up | ts-overlay apply --devices --replace - new',
    ];
    for (const way of ways) {
      expect(shell(way, { cwd: folder.path }), way).toMatchObject({ stdout: '', stderr: '', status: 0 });
      expect(picture(join(folder.path, 'new')), way).toBe(wanted);
      expect(statSync(join(folder.path, 'new/sparse')).blocks, way).toBeLessThan(300);
    }
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([]);
    // Mounted over what it was made on, it shows what was seen then.
    const seen = (layer: string) =>
      run(
        [
          'ts-overlay',
          '--ro',
          '--lower',
          `${layer}:base`,
          'merged',
          'sh',
          '-c',
          'cd merged; find . | sort; cat changed',
        ],
        {
          cwd: folder.path,
        },
      ).stdout;
    expect(seen('new')).toBe(seen('up'));
    expect(seen('new')).not.toMatch(/gone|replaced\/old/);
  });

  for (const node of testNodes())
    test(`zstd with Node ${versionOf(node)}`, (context) => {
      needs(context, needsProgram('zstd'), needsNode('Bun has zstd'));
      using folder = layerFolder();
      make(folder.path, { 'layer/file': 'text'.repeat(100_000) });
      const env = { TS_TOOLS_NODE: node };
      expect(
        shell('ts-overlay export layer | zstd -q | ts-overlay apply - new && diff -r layer new', {
          cwd: folder.path,
          env,
        }),
      ).toMatchObject({ stdout: '', stderr: '', status: 0 });
      const [major, minor] = versionOf(node).split('.').map(Number) as [number, number];
      const result = shell('ts-overlay export --compress=zstd --output a.zst layer && zstd -dc a.zst | tar -t', {
        cwd: folder.path,
        env,
      });
      if (major > 23 || (major === 22 && minor >= 15) || (major === 23 && minor >= 8))
        expect(result).toMatchObject({ stdout: './\nfile\n', stderr: '', status: 0 });
      else {
        expect(result.stderr).toMatch(/cannot compress with zstd\n.*gzip every one can/);
        expect(readdirSync(folder.path).sort()).toEqual(['layer', 'new']);
      }
    });

  test('tar(1) reads what is written', (context) => {
    needs(context, needsRoot, needsProgram('getfattr', 'setcap', 'tar'));
    using folder = layerFolder();
    changedLayer(folder.path);
    for (const options of ['', '--sparse']) {
      const script = `rm -rf out; mkdir out; ts-overlay export ${options} up | tar -x --warning=no-timestamp --xattrs '--xattrs-include=*' -C out -f -`;
      expect(shell(script, { cwd: folder.path })).toMatchObject({ stderr: '', status: 0 });
      const out = join(folder.path, 'out');
      expect(run(['getcap', 'new'], { cwd: out }).stdout).toMatch(/cap_net_raw[=+]ep/);
      expect(run(['getfattr', '-e', 'hex', '-n', 'user.bytes', 'new'], { cwd: out }).stdout).toMatch(/0x00ff0a3d80/);
      expect(statSync(join(out, 'linked')).ino).toBe(statSync(join(out, 'new')).ino);
      expect(readFileSync(join(out, 'sparse')).equals(readFileSync(join(folder.path, 'up/sparse')))).toBe(true);
      expect([existsSync(join(out, '.wh.gone')), existsSync(join(out, 'replaced/.wh..wh..opq'))]).toEqual([true, true]);
      expect(statSync(join(out, 'old')).uid).toBe(3_000_000);
    }
  });

  test('a file larger than the digits of a header say', (context) => {
    needs(context, needsProgram('tar'));
    using folder = layerFolder();
    make(folder.path, { 'layer/huge': '', out: null });
    const size = 9 * 2 ** 30;
    truncateSync(join(folder.path, 'layer/huge'), size);
    const { stdout } = shell('ts-overlay export layer | head -c 4096 | tar -tv 2>/dev/null', { cwd: folder.path });
    expect(stdout).toMatch(new RegExp(`${size} .* huge`));
    const script =
      'ts-overlay export --sparse layer >a.tar && ts-overlay apply a.tar new && tar -xf a.tar -C out && stat -c "%s %b" new/huge out/huge';
    expect(shell(script, { cwd: folder.path })).toMatchObject({ stdout: `${size} 0\n${size} 0\n`, stderr: '' });
  });

  test('what tar(1) writes is read', (context) => {
    needs(context, needsProgram('tar'));
    using folder = layerFolder();
    make(folder.path, { 'src/d/file': 'text', [`src/${'long/'.repeat(40)}file`]: 'x' });
    symlinkSync('d/file', join(folder.path, 'src/link'));
    for (const format of ['gnu', 'posix', 'ustar']) {
      const script = `chmod 755 src; tar -c --format=${format} -C src . | ts-overlay apply --replace - out && diff -r --no-dereference src out`;
      expect(shell(script, { cwd: folder.path })).toMatchObject({ stdout: '', stderr: '', status: 0 });
    }
  });

  test('--reproducible: the same files give the same bytes, whenever they were made', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    const digest = (layer: string, env = {}) => {
      const { stdout, stderr } = shell(`ts-overlay export --reproducible --compress=gzip ${layer} | sha256sum`, {
        cwd: folder.path,
        env,
      });
      expect(stderr).toBe('');
      return stdout;
    };
    const names = ['b', 'a', 'c', 'ä', 'B'];
    make(folder.path, Object.fromEntries(names.map((name) => [`one/d/${name}`, name])));
    make(folder.path, Object.fromEntries([...names].reverse().map((name) => [`two/d/${name}`, name])));
    run(['touch', '-d', '2001-01-01', join(folder.path, 'two/d/a')]);
    expect(digest('one')).toBe(digest('two'));
    expect(digest('one', { SOURCE_DATE_EPOCH: '1000000000' })).not.toBe(digest('one'));
    expect(
      shell('ts-overlay export --reproducible one', { cwd: folder.path, env: { SOURCE_DATE_EPOCH: 'now' } }).stderr,
    ).toBe("ts-overlay: failed to parse SOURCE_DATE_EPOCH: 'now'\n");
  });

  test('diff, by the layer alone and against those below', (context) => {
    needs(context, needsRoot, needsProgram('getfattr', 'setcap'));
    using folder = layerFolder();
    changedLayer(folder.path);
    const diff = (...words: string[]) => run(['ts-overlay', 'diff', ...words], { cwd: folder.path }).stdout;
    const lines = (text: string) => text.split('\n').filter(Boolean);
    const wanted = [
      'A /a\\x0ab',
      'C /changed',
      'D /gone',
      'O /replaced',
      'A /replaced/new',
      'A /umläut',
      'A /\\xff\\xfe',
      'A /deep/er/file',
    ];
    for (const text of [diff('up'), diff('--lower', 'base', 'up')])
      expect(lines(text)).toEqual(expect.arrayContaining(wanted));
    // What was unpacked has nothing that the kernel has noted: the layers below know.
    run(['sh', '-c', 'ts-overlay export up | ts-overlay apply --devices - new'], { cwd: folder.path });
    expect(lines(diff('--lower', 'base', 'new'))).toEqual(expect.arrayContaining(wanted));
    const { changes } = JSON.parse(diff('--json', '--lower', 'base', 'up')) as {
      changes: { path: string; change: string; type?: string; size?: number }[];
    };
    expect(changes.find(({ path }) => path === '/changed')).toEqual({
      path: '/changed',
      change: 'changed',
      type: 'file',
      size: 12,
    });
    expect(changes.find(({ path }) => path === '/gone')).toEqual({ path: '/gone', change: 'deleted' });
  });

  test('what no archive can say is refused', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, {
      'base/dir/sub/file': 'text',
      'base/dir/gone': '',
      'base/large': 'data',
      up: null,
      work: null,
      merged: null,
    });
    // With the layers below, it can be said whole: mounted, that shows the same.
    const seen = (layer: string) =>
      shell(
        `ts-overlay --ro --metacopy=on --lower ${layer}:base merged sh -c "cd merged; find . -printf '%p %y %m %s\\n' | grep -v '^. ' | sed 's/ d \\([0-9]*\\) .*/ d \\1/' | sort; cat large moved/sub/file"`,
        { cwd: folder.path },
      ).stdout;
    const expectWhole = () => {
      expect(
        shell('ts-overlay export --lower base up | ts-overlay apply --replace - whole', { cwd: folder.path }),
      ).toMatchObject({ stderr: '', status: 0 });
      expect(seen('whole')).toBe(seen('up'));
      expect(shell('getfattr -R -m trusted.overlay whole | grep -v opaque', { cwd: folder.path }).stdout).not.toMatch(
        /trusted/,
      );
    };
    const change = (features: string, script: string) =>
      shell(`ts-overlay --lower base --upper up --work work ${features} merged sh -c '${script}'`, {
        cwd: folder.path,
      });
    expect(
      change('--redirect-dir=on', 'mv merged/dir merged/moved && touch merged/moved/new && rm merged/moved/gone'),
    ).toMatchObject({ stderr: '', status: 0 });
    expect(shell('ts-overlay diff up', { cwd: folder.path }).stdout).toMatch(/\/moved \(was dir\)/);
    expect(shell('ts-overlay export up | wc -c', { cwd: folder.path }).stderr).toMatch(
      /'moved' was renamed: most of it is in a lower layer, at 'dir'\n.*export --lower … writes it whole/,
    );
    expectWhole();
    expect(readdirSync(join(folder.path, 'whole/moved'))).toEqual(['new', 'sub']);
    run(['sh', '-c', 'rm -r up work && mkdir up work'], { cwd: folder.path });
    expect(
      change(
        '--metacopy=on --redirect-dir=on',
        'chmod 600 merged/large; mv merged/dir merged/moved; chmod 600 merged/moved/sub/file',
      ),
    ).toMatchObject({ stderr: '', status: 0 });
    expect(shell('ts-overlay export --output a.tar up', { cwd: folder.path }).stderr).toMatch(
      /'large' has no data.*\n.*export --lower … writes it whole/,
    );
    expectWhole();
    expect(readFileSync(join(folder.path, 'whole/large'), 'utf8')).toBe('data');
    run(['rm', '-r', 'whole'], { cwd: folder.path });
    run(['sh', '-c', 'rm -r up work && mkdir up work && touch up/.wh.x'], { cwd: folder.path });
    expect(shell('ts-overlay export --output a.tar up', { cwd: folder.path }).stderr).toMatch(
      /'\.wh\.x' has a name that means a deletion/,
    );
    expect(readdirSync(folder.path).sort()).toEqual(['base', 'merged', 'up', 'work']);
  });
});

describe('a hostile archive', () => {
  const CASES: readonly (readonly [what: string, entries: readonly RawEntry[], stderr: RegExp])[] = [
    ['leads upwards', [{ name: '../victim', data: 'evil' }], /'\.\.\/victim' would lead out of the folder/],
    ['leads upwards in the middle', [{ name: 'a/../../victim', data: 'evil' }], /would lead out of the folder/],
    [
      'leads upwards by a PAX record',
      [records({ path: '../victim' }), { name: 'x', data: 'evil' }],
      /would lead out of the folder/,
    ],
    [
      'writes through an absolute link',
      [
        { name: 'link', type: '2', target: '$OUTSIDE' },
        { name: 'link/victim', data: 'evil' },
      ],
      /'link', which leads nowhere/,
    ],
    [
      'writes through a link upwards',
      [
        { name: 'link', type: '2', target: '../../../../../../../../../..$OUTSIDE' },
        { name: 'link/victim', data: 'evil' },
      ],
      /'link', which leads nowhere/,
    ],
    [
      'writes through a chain of links',
      [
        { name: 'a', type: '2', target: '..' },
        { name: 'b', type: '2', target: 'a/..' },
        { name: 'b/victim', data: 'evil' },
        { name: 'victim', data: 'x' },
      ],
      /'victim' is in the archive twice/,
    ],
    [
      'writes through a link to a file',
      [
        { name: 'link', type: '2', target: '$OUTSIDE/victim' },
        { name: 'link', data: 'evil' },
      ],
      /'link' is in the archive twice/,
    ],
    [
      'writes through /proc',
      [
        { name: 'link', type: '2', target: '/proc/self/cwd' },
        { name: 'link/victim', data: 'evil' },
      ],
      /leads nowhere/,
    ],
    [
      'links to a file outside',
      [{ name: 'hard', type: '1', target: '$OUTSIDE/victim' }],
      /is a hard link to '.*', which the archive does not have/,
    ],
    [
      'links upwards to a file outside',
      [{ name: 'hard', type: '1', target: '../victim' }],
      /would lead out of the folder/,
    ],
    [
      'links through a link',
      [
        { name: 'l', type: '2', target: '$OUTSIDE' },
        { name: 'hard', type: '1', target: 'l/victim' },
      ],
      /leads nowhere/,
    ],
    ['has a device', [{ name: 'sda', type: '4', major: 8, minor: 0 }], /'sda' is a device node\n.*--devices/],
    ['has a character device', [{ name: 'mem', type: '3', major: 1, minor: 1 }], /'mem' is a device node/],
    [
      'has a name twice',
      [
        { name: 'a', data: '1' },
        { name: './a', data: '2' },
      ],
      /'a' is in the archive twice/,
    ],
    [
      'has a file where a folder is',
      [
        { name: 'a/b', data: '1' },
        { name: 'a', data: '2' },
      ],
      /'a' is in the archive twice/,
    ],
    [
      'has a folder where a file is',
      [
        { name: 'a', data: '1' },
        { name: 'a/', type: '5' },
      ],
      /'a' is in the archive twice/,
    ],
    [
      'has a folder where a link is',
      [
        { name: 'a', type: '2', target: '.' },
        { name: 'a/', type: '5' },
      ],
      /'a' is in the archive twice/,
    ],
    [
      'has something in a file',
      [
        { name: 'a', data: '1' },
        { name: 'a/b', data: '2' },
      ],
      /'a', which is not a folder/,
    ],
    ['deletes the folder above', [{ name: 'd/.wh...' }], /'d\/\.wh\.\.\.' marks nothing that can be deleted/],
    ['deletes nothing', [{ name: '.wh.' }], /marks nothing that can be deleted/],
    ['has something in a deletion', [{ name: '.wh.a/b', data: '1' }], /is inside of what marks a deletion/],
    ['is a file itself', [{ name: '.', data: 'x' }], /something else than a folder for its top/],
    ['has a name with a NUL', [records({ path: 'a\0b' }), { name: 'x' }], /cannot be that of a file/],
    ['is larger than it may be', [{ name: 'a', data: Buffer.alloc(200_000) }], /the archive.* more than|grows beyond/],
    [
      'pretends to be huge',
      [
        records({
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'a',
          'GNU.sparse.realsize': '999999999999',
        }),
        { name: 'a', data: `1\n0\n0\n${'\0'.repeat(506)}` },
      ],
      /take more than/,
    ],
    ['is shorter than it says', [{ name: 'a', data: 'x', size: 90_000 }], /^ts-overlay: the archive is cut off: .*\n$/],
    [
      'is shorter than a PAX record says',
      [records({ size: '90000' }), { name: 'a', data: 'x' }],
      /^ts-overlay: the archive is cut off: .*\n$/,
    ],
    ['has more files than it may', Array.from({ length: 60 }, (_, index) => ({ name: `${index}` })), /take more than/],
    [
      'gives a file to an owner beyond the last',
      [records({ uid: '4294967296' }), { name: 'a', mode: 0o4755 }],
      /^ts-overlay: .*'4294967296' is no number that can stand there\n$/,
    ],
    [
      'has a time that there is not',
      [records({ mtime: '99999999999999999999' }), { name: 'a' }],
      /^ts-overlay: .*'9*' is no time\n$/,
    ],
  ];
  for (const [what, entries, stderr] of CASES)
    test(what, () => {
      using folder = layerFolder();
      const outside = join(folder.path, 'outside');
      make(folder.path, { 'outside/victim': 'untouched', into: null, victim: 'untouched' });
      const real = entries.map((entry) => ({ ...entry, target: entry.target?.replace('$OUTSIDE', outside) }));
      writeFileSync(join(folder.path, 'a.tar'), archive(...real));
      const before = picture(folder.path);
      const result = run(['ts-overlay', 'apply', '--max-size=100k', '../a.tar', 'new'], {
        cwd: join(folder.path, 'into'),
      });
      expect(result).toMatchObject({ stdout: '', status: 1 });
      expect(result.stderr).toMatch(/^ts-overlay: /);
      expect(result.stderr).toMatch(stderr);
      run(['touch', '-r', 'victim', 'into'], { cwd: folder.path });
      expect(readdirSync(join(folder.path, 'into'))).toEqual([]);
      expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
      expect(readdirSync(outside)).toEqual(['victim']);
      expect(picture(folder.path).replace(/\.\/into d.*/, '')).toBe(before.replace(/\.\/into d.*/, ''));
    });

  test('what old and rare tools write means what it means to tar(1)', () => {
    using folder = layerFolder();
    const owner = { ...records({ uid: '7', gid: '8', mtime: '5' }), type: 'g' };
    writeFileSync(
      join(folder.path, 'a.tar'),
      Buffer.concat([
        archive(
          { name: 'old/', type: '\0', mode: 0o755 },
          owner,
          { name: 'all' },
          records({ uid: '9', gid: '' }),
          { name: 'own', data: 'x' },
          { name: '.wh..wh.plnk/', type: '5' },
          { name: '.wh..wh.plnk/1.2', data: 'of aufs' },
        ),
        // Behind the end: nothing of the archive any more.
        archive({ name: 'behind' }),
        Buffer.from('garbage'),
      ]),
    );
    expect(run(['ts-overlay', 'apply', 'a.tar', 'new'], { cwd: folder.path })).toMatchObject({ stderr: '', status: 0 });
    expect(readdirSync(join(folder.path, 'new'))).toEqual(['all', 'old', 'own']);
    expect(run(['stat', '-c', '%F %Y', 'all', 'old', 'own'], { cwd: join(folder.path, 'new') }).stdout).toBe(
      'regular empty file 5\ndirectory 1700000000\nregular file 5\n',
    );
    if (isRoot)
      expect(run(['stat', '-c', '%u:%g', 'all', 'own'], { cwd: join(folder.path, 'new') }).stdout).toBe('7:8\n9:0\n');
  });

  test('links that lead out of a container are kept as they are, and absolute names begin at the folder', () => {
    using folder = layerFolder();
    writeFileSync(
      join(folder.path, 'a.tar'),
      archive(
        { name: '/etc/', type: '5', mode: 0o750 },
        { name: '/etc/link', type: '2', target: '/../../etc/passwd' },
        { name: 'lib', type: '2', target: '/usr/lib' },
        { name: 'usr/lib/', type: '5' },
        { name: 'lib/file', data: 'x' },
      ),
    );
    expect(run(['ts-overlay', 'apply', 'a.tar', 'new'], { cwd: folder.path })).toMatchObject({ stderr: '', status: 0 });
    const at = (path: string) => join(folder.path, 'new', path);
    expect(readlinkSync(at('etc/link'))).toBe('/../../etc/passwd');
    expect(statSync(at('etc')).mode & 0o7777).toBe(0o750);
    expect(readFileSync(at('usr/lib/file'), 'utf8')).toBe('x');
  });

  test('device nodes where they are allowed', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    writeFileSync(
      join(folder.path, 'a.tar'),
      archive(
        { name: 'null', type: '3', major: 1, minor: 3, mode: 0o666 },
        { name: 'big', type: '4', major: 259, minor: 0x12345 },
      ),
    );
    expect(run(['ts-overlay', 'apply', '--devices', 'a.tar', 'new'], { cwd: folder.path })).toMatchObject({
      stderr: '',
      status: 0,
    });
    expect(run(['stat', '-c', '%F %t %T %a', 'new/null', 'new/big'], { cwd: folder.path }).stdout).toBe(
      'character special file 1 3 666\nblock special file 103 12345 644\n',
    );
  });

  test('a bomb: refused by its size, and never in memory', async () => {
    using folder = layerFolder();
    const size = 700 * 1024 * 1024;
    const [head] = [archive({ name: 'zeros', size }).subarray(0, 512)];
    writeFileSync(
      join(folder.path, 'bomb.tar.gz'),
      gzipSync(Buffer.concat([head, Buffer.alloc(size + 1024)]), { level: 1 }),
    );
    expect(run(['ts-overlay', 'apply', '--max-size=100m', 'bomb.tar.gz', 'new'], { cwd: folder.path })).toMatchObject({
      status: 1,
    });
    expect(readdirSync(folder.path)).toEqual(['bomb.tar.gz']);
    const child = spawn(join(bin, 'ts-overlay'), ['apply', 'bomb.tar.gz', 'new'], {
      cwd: folder.path,
      env: { PATH: originalPath },
    });
    let peak = 0;
    const watch = setInterval(() => {
      try {
        peak = Math.max(
          peak,
          Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0),
        );
      } catch {} // it has ended
    }, 20);
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
    clearInterval(watch);
    expect(peak).toBeGreaterThan(10_000);
    expect(peak).toBeLessThan(200_000);
    const { size: written, blocks } = statSync(join(folder.path, 'new/zeros'));
    expect({ written, isHole: blocks < 1000 }).toEqual({ written: size, isHole: true });
  });
});

/** cap_net_raw, as vfs_cap_data has it. */
const CAPABILITY = `\x01\0\0\x02\0\x20\0\0${'\0'.repeat(12)}`;

describe('an ordinary user', () => {
  test('makes layers that his own mounts understand', (context) => {
    needs(context, needsRoot, needsProgram('getfattr'));
    using folder = layerFolder();
    run(['chmod', '777', folder.path]);
    make(folder.path, { 'base/gone': '', 'base/dir/old': '', 'base/kept': '', merged: null });
    run(['chown', '-R', `${NOBODY}:${NOBODY}`, '.'], { cwd: folder.path });
    writeFileSync(
      join(folder.path, 'a.tar'),
      archive(
        { name: '.wh.gone' },
        { name: 'dir/', type: '5' },
        { name: 'dir/.wh..wh..opq' },
        { name: 'dir/new', data: 'x', uid: 12345 },
        records({ 'SCHILY.xattr.security.capability': CAPABILITY, 'SCHILY.xattr.user.a': 'b' }),
        { name: 'ping' },
      ),
    );
    const result = run(['ts-overlay', 'apply', 'a.tar', 'layer'], { cwd: folder.path, uid: NOBODY });
    expect(result).toMatchObject({
      stderr: 'ts-overlay: the attribute security.capability could not be set on 1 file\n',
      status: 0,
    });
    expect(isWhiteout(join(folder.path, 'layer/gone'))).toBe(true);
    expect(statSync(join(folder.path, 'layer/dir/new')).uid).toBe(NOBODY);
    const { stdout, stderr } = shell(
      'ts-unshare -rm ts-overlay --ro --lower layer:base merged sh -c "cd merged; find . | sort; ts-overlay diff --lower ../base ../layer"',
      { cwd: folder.path, uid: NOBODY },
    );
    expect({ stdout, stderr }).toEqual({
      stdout: '.\n./dir\n./dir/new\n./kept\n./ping\nO /dir\nA /dir/new\nD /gone\nA /ping\n',
      stderr: '',
    });
  });

  test('an owner that a user namespace does not know is told with the way out', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    run(['chmod', '777', folder.path]);
    writeFileSync(join(folder.path, 'a.tar'), archive({ name: 'file', uid: 12345 }));
    const { stderr, status } = shell('ts-unshare -r ts-overlay apply a.tar layer', { cwd: folder.path, uid: NOBODY });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^ts-overlay: cannot give 'file' to 12345:0: Invalid argument\nts-overlay: .*--no-same-owner/,
    );
    expect(readdirSync(folder.path)).toEqual(['a.tar']);
    expect(
      shell('ts-unshare -r ts-overlay apply --no-same-owner a.tar layer', { cwd: folder.path, uid: NOBODY }),
    ).toMatchObject({ status: 0 });
  });
});

describe('several layers as one', () => {
  const LAYERS = {
    'l1/a': '1',
    'l1/gone': '1',
    'l1/dir/one': '1',
    'l1/dir/over': '1',
    'l1/hidden/x': '1',
    'l1/becomes/x': '1',
    'l1/was': '1',
    'l2/b': '2',
    'l2/dir/two': '2',
    'l2/dir/over': '2',
    'l2/hidden/y': '2',
    'l2/becomes': '2',
    'l2/was/dir': '2',
    'l3/c': '3',
    'l3/dir/three': '3',
    'l3/hidden/z': '3',
    merged: null,
  };
  const script =
    'mknod l2/gone c 0 0; mknod l2/elsewhere c 0 0; mknod l3/gone c 0 0; setfattr -n trusted.overlay.opaque -v y l3/hidden; ln l3/c l3/dir/linked; chown 7:8 l3/dir; chmod 700 l3/dir; setfattr -n user.a -v b l3/c';
  const seen = (layers: string, cwd: string) =>
    run(
      [
        'ts-overlay',
        '--tmpfs',
        '--lower',
        layers,
        'merged',
        'sh',
        '-c',
        "cd merged; find . -printf '%p %y %m %U:%G %T@\\n' | grep -v '^. ' | sort; cat $(find . -type f | sort); getfattr -d c",
      ],
      { cwd },
    ).stdout;

  test('squash: mounted, it shows what they show, alone and upon others', (context) => {
    needs(context, needsRoot, needsProgram('setfattr'));
    using folder = layerFolder();
    make(folder.path, {
      ...LAYERS,
      'below/elsewhere': '',
      'below/hidden/deep': '',
      'below/becomes/deep': '',
      'below/was/deep': '',
    });
    run(['sh', '-ec', script], { cwd: folder.path });
    const alone = seen('l3:l2:l1', folder.path);
    const upon = seen('l3:l2:l1:below', folder.path);
    expect(run(['ts-overlay', 'squash', 'l3', 'l2', 'l1', 'all'], { cwd: folder.path })).toMatchObject({
      stderr: '',
      status: 0,
    });
    expect(seen('all', folder.path)).toBe(alone);
    expect(seen('all:below', folder.path)).toBe(upon);
    expect(
      run(['ts-overlay', 'squash', '--whiteouts=drop', 'l3', 'l2', 'l1', 'flat'], { cwd: folder.path }),
    ).toMatchObject({ stderr: '', status: 0 });
    expect(seen('flat', folder.path)).toBe(alone);
    expect(run(['find', 'flat', '-type', 'c'], { cwd: folder.path }).stdout).toBe('');
    expect(statSync(join(folder.path, 'flat/c')).ino).toBe(statSync(join(folder.path, 'flat/dir/linked')).ino);
    expect(run(['ts-overlay', 'squash', 'l3', 'flat'], { cwd: folder.path }).stderr).toMatch(
      /'flat' is there already\n.*--replace/,
    );
  });

  test('merge: the layer below becomes what was seen', (context) => {
    needs(context, needsRoot, needsProgram('setfattr'));
    using folder = layerFolder();
    make(folder.path, LAYERS);
    run(['sh', '-ec', script], { cwd: folder.path });
    const wanted = seen('l3:l2', folder.path);
    const kept = statSync(join(folder.path, 'l2/b')).ino;
    expect(run(['ts-overlay', 'merge', 'l3', 'l2'], { cwd: folder.path })).toMatchObject({ stderr: '', status: 0 });
    expect(seen('l2', folder.path)).toBe(wanted);
    expect(existsSync(join(folder.path, 'l2/gone'))).toBe(false);
    // What has not changed is not copied.
    expect(statSync(join(folder.path, 'l2/b'))).toMatchObject({ ino: kept, nlink: 1 });
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('whatever ends it, what has the name is the old or the new one, complete', () => {
  const files = Array.from(
    { length: 40 },
    (_, index): RawEntry => ({ name: `d${index % 5}/f${index}`, data: Buffer.alloc(9000, String(index)) }),
  );

  const POINTS = [
    ['mkdirat', 1],
    ['mkdirat', 3],
    ['openat', 30],
    ['write', 2],
    ['write', 25],
    ['fchmod', 41],
    ['renameat2', 1],
    ['unlinkat', 1],
    ['unlinkat', 20],
  ] as const;

  for (const [what, replaces] of [
    ['a new folder', false],
    ['a folder in the place of another', true],
  ] as const)
    test(`apply, ${what}`, (context) => {
      needs(context, needsProgram('strace'));
      using folder = layerFolder();
      make(folder.path, { 'old/only': 'old', 'old/d0/x': 'old' });
      writeFileSync(join(folder.path, 'a.tar'), archive(...files));
      expect(run(['ts-overlay', 'apply', 'a.tar', 'reference'], { cwd: folder.path }).status).toBe(0);
      const [oldState, newState] = ['old', 'reference'].map(
        (name) => run(['sh', '-c', 'find . -type f | sort | xargs sha256sum'], { cwd: join(folder.path, name) }).stdout,
      );
      const outcomes = new Set<string>();
      for (const [call, when] of POINTS) {
        run(['sh', '-c', `rm -rf target .target*; ${replaces ? 'cp -r old target' : 'true'}`], { cwd: folder.path });
        const result = runKilledAt(call, when, ['ts-overlay', 'apply', '--replace', 'a.tar', 'target'], folder.path);
        const state = existsSync(join(folder.path, 'target'))
          ? run(['sh', '-c', 'find . -type f | sort | xargs sha256sum'], { cwd: join(folder.path, 'target') }).stdout
          : 'nothing';
        const before = replaces ? oldState : 'nothing';
        expect([before, newState], `${call} ${when}`).toContain(state);
        outcomes.add(`${result.signal ?? result.status} ${state === newState ? 'new' : 'old'}`);
      }
      // It was killed before the change, and where something is left to be removed, after it.
      expect([...outcomes].some((outcome) => /^(SIGKILL|137) old/.test(outcome))).toBe(true);
      if (replaces) expect([...outcomes].some((outcome) => /^(SIGKILL|137) new/.test(outcome))).toBe(true);
      // The next run removes what they have left.
      expect(run(['ts-overlay', 'apply', '--replace', 'a.tar', 'target'], { cwd: folder.path }).status).toBe(0);
      expect(readdirSync(folder.path).sort()).toEqual(['a.tar', 'old', 'reference', 'target']);
    });

  test('merge', (context) => {
    needs(context, needsRoot, needsProgram('strace'));
    using folder = layerFolder();
    make(folder.path, { 'up/new': 'new', 'up/d/changed': 'new', 'lower/d/changed': 'old', 'lower/kept': 'old' });
    const outcomes = new Set<string>();
    for (const [call, when] of [
      ['linkat', 1],
      ['mkdirat', 2],
      ['renameat2', 1],
      ['unlinkat', 1],
      ['unlinkat', 3],
    ] as const) {
      run(['sh', '-c', 'rm -rf target .target*; cp -r lower target'], { cwd: folder.path });
      runKilledAt(call, when, ['ts-overlay', 'merge', 'up', 'target'], folder.path);
      const state = run(['sh', '-c', 'find . -type f | sort | xargs grep .'], {
        cwd: join(folder.path, 'target'),
      }).stdout;
      expect(
        ['./d/changed:old\n./kept:old\n', './d/changed:new\n./kept:old\n./new:new\n'],
        `${call} ${when}`,
      ).toContain(state);
      outcomes.add(state);
    }
    expect(outcomes.size).toBe(2);
  });

  test('a signal takes back what was made', async () => {
    using folder = layerFolder();
    const half = archive(...files).subarray(0, 100_000);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = spawn(join(bin, 'ts-overlay'), ['apply', '-', 'target'], {
        cwd: folder.path,
        env: { PATH: originalPath },
      });
      const ended = new Promise((resolve) => child.on('exit', (_, by) => resolve(by)));
      child.stdin.on('error', () => undefined);
      child.stdin.write(half);
      until('files are there', () =>
        readdirSync(folder.path).some((name) => existsSync(join(folder.path, name, 'd4'))),
      );
      child.kill(signal);
      child.stdin.write(Buffer.alloc(100_000));
      expect(await ended).toBe(signal);
      expect(readdirSync(folder.path)).toEqual([]);
    }
  });

  test('a signal is heard while there is nothing to wait for', async () => {
    using folder = layerFolder();
    make(folder.path, { 'layer/large': '' });
    truncateSync(join(folder.path, 'layer/large'), 2 ** 30);
    const child = spawn(join(bin, 'ts-overlay'), ['export', 'layer'], {
      cwd: folder.path,
      env: { PATH: originalPath },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.once('data', () => child.kill('SIGINT'));
    child.stdout.resume();
    expect(await new Promise((resolve) => child.on('exit', (_, by) => resolve(by)))).toBe('SIGINT');
  });

  test('nohup is respected', async () => {
    using folder = layerFolder();
    const whole = archive(...files);
    const child = spawn('/bin/sh', ['-c', `trap '' HUP; exec ${join(bin, 'ts-overlay')} apply - target`], {
      cwd: folder.path,
      env: { PATH: originalPath },
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.stdin.write(whole.subarray(0, 60_000));
    until('files are there', () => readdirSync(folder.path).some((name) => existsSync(join(folder.path, name, 'd4'))));
    child.kill('SIGHUP');
    child.stdin.end(whole.subarray(60_000));
    expect(await ended).toBe(0);
    expect(readdirSync(folder.path)).toEqual(['target']);
  });

  test('two at once for one name: both are complete, the last one stays', async () => {
    using folder = layerFolder();
    writeFileSync(join(folder.path, 'a.tar'), archive(...files));
    const once = () =>
      new Promise((resolve) =>
        spawn(join(bin, 'ts-overlay'), ['apply', '--replace', 'a.tar', 'target'], {
          cwd: folder.path,
          stdio: 'ignore',
          env: { PATH: originalPath },
        }).on('exit', resolve),
      );
    const statuses = await Promise.all([once(), once(), once()]);
    expect(statuses).toContain(0);
    expect(run(['sh', '-c', 'find target -type f | wc -l'], { cwd: folder.path }).stdout).toBe('40\n');
    expect(readdirSync(folder.path).sort()).toEqual(['a.tar', 'target']);
  });
});

describe('where it cannot be written', () => {
  const CASES: readonly (readonly [what: string, mount: string, reason: RegExp])[] = [
    ['a full file system', 'size=64k', /No space left on device/],
    ['a file system without room for names', 'nr_inodes=12', /No space left on device/],
    ['a read-only file system', 'ro', /Read-only file system/],
  ];
  for (const [what, options, reason] of CASES)
    test(`${what}: that is said, and nothing is left`, (context) => {
      needs(context, needsRoot);
      using folder = layerFolder();
      make(
        folder.path,
        Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`layer/f${index}`, 'x'.repeat(9000)])),
      );
      make(folder.path, { full: null });
      const script = [
        'ts-overlay export --output a.tar layer; ts-image pack --name n image layer >/dev/null',
        `mount -t tmpfs -o ${options} t full`,
        ...[
          'ts-overlay apply a.tar full/new',
          'ts-overlay squash layer full/new',
          'ts-overlay export --output full/b.tar layer',
          'ts-image unpack image full/new',
          'ts-image pack --compress=none full/new layer',
          'ts-image pack --compress=none full/new.tar layer',
        ].map((command) => `${command}; echo $? $(ls -A full)`),
      ].join('; ');
      const { stdout, stderr } = run([original('unshare') as string, '-m', 'sh', '-c', script], { cwd: folder.path });
      // A file of 180 KB does have a name.
      const archived = options.startsWith('nr_inodes') ? '0 b.tar' : '1';
      const after = options.startsWith('nr_inodes') ? ' b.tar' : '';
      if (archived === '1') expect(stdout).toBe('1\n'.repeat(6));
      else expect(stdout.split('\n').slice(0, 4)).toEqual(['1', '1', archived, `1${after}`]);
      for (const line of stderr.trim().split('\n')) expect(line).toMatch(reason);
    });

  test('a mount point', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, { t: null });
    writeFileSync(join(folder.path, 'a.tar'), archive({ name: 'f' }));
    const script = 'mount -t tmpfs t t; ts-overlay apply a.tar t; echo $?; ls -A . t';
    expect(run([original('unshare') as string, '-m', 'sh', '-c', script], { cwd: folder.path })).toMatchObject({
      stdout: '1\n.:\na.tar\nt\n\nt:\n',
      stderr: expect.stringMatching(/\/t' is a mount point, which .*\n.*name a folder in it/),
    });
  });
});

test('an archive is not written to a terminal, and progress only to one', (context) => {
  needs(context, needsProgram('script'));
  using folder = layerFolder();
  make(folder.path, { 'layer/file': 'x' });
  const { stdout } = run(['script', '-qec', 'ts-overlay export layer', '/dev/null'], { cwd: folder.path });
  expect(stdout).toMatch(/an archive is nothing for a terminal\r?\n.*--output FILE/);
});

test('long work shows on a terminal how far it is, and leaves no trace there', (context) => {
  needs(context, needsProgram('script'));
  using folder = layerFolder();
  writeFileSync(join(folder.path, 'a.tar'), archive({ name: 'file', data: Buffer.alloc(300_000, 'x') }));
  // The second half comes when the line is due.
  const script = '(head -c 100000 a.tar; sleep 1; tail -c +100001 a.tar) | ts-overlay apply $options - new';
  const shown = (options: string) =>
    run(['script', '-qec', script.replace('$options', `--replace ${options}`), '/dev/null'], { cwd: folder.path })
      .stdout;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is sent to the terminal
  expect(shown('')).toMatch(/^\r-: \d+\.\d kB, \d+\.\d kB\/s\x1b\[K.*\r\x1b\[K$/);
  expect(shown('--no-progress')).toBe('');
});

test('--dry-run says what would be made, and makes nothing', (context) => {
  needs(context, needsRoot);
  using folder = layerFolder();
  make(folder.path, { 'layer/dir/file': 'x', 'lower/gone': '', 'lower/dir/file': 'y' });
  run(['mknod', join(folder.path, 'layer/gone'), 'c', '0', '0']);
  writeFileSync(
    join(folder.path, 'a.tar'),
    archive(
      { name: 'd/', type: '5' },
      { name: 'd/.wh..wh..opq' },
      { name: '.wh.x' },
      { name: 'l', type: '2', target: 'd' },
    ),
  );
  const before = picture(folder.path);
  const rehearsed = (...words: string[]) =>
    run(['ts-overlay', words[0] as string, '--dry-run', ...words.slice(1)], { cwd: folder.path });
  expect(rehearsed('apply', 'a.tar', 'new')).toMatchObject({
    stdout: 'directory d\nopaque d\ndeleted x\nsymlink l -> d\n',
    stderr: '',
    status: 0,
  });
  expect(rehearsed('export', 'layer').stdout).toBe('directory .\ndirectory dir\nfile dir/file\ndeleted gone\n');
  expect(rehearsed('merge', 'layer', 'lower').stdout).toBe('C /dir\nC /dir/file\nD /gone\n');
  expect(rehearsed('squash', 'layer', 'lower', 'new').status).toBe(0);
  const { stdout } = run(['ts-overlay', '--dry-run', '--lower', 'lower', '--tmpfs', 'layer'], { cwd: folder.path });
  expect(stdout).toMatch(/^mount\("tmpfs"(.*\n)*move_mount\(/);
  expect(picture(folder.path)).toBe(before);
});

/** Makes a folder of `depth` folders in each other, which no path can name. */
const makeDeep = (cwd: string, name: string, depth: number, uid = 0) =>
  run(
    [
      'perl',
      '-e',
      'mkdir $ARGV[0]; chdir $ARGV[0]; for (1 .. $ARGV[1]) { mkdir "d" or die; chdir "d" or die } open my $f, ">", "end"',
      name,
      String(depth),
    ],
    { cwd, uid },
  );

/** Removes what is in a folder by rm(1): Node itself cannot remove deep trees. */
const emptied = (path: string): Disposable => ({
  [Symbol.dispose]: () =>
    void run(['find', '.', '-mindepth', '1', '-maxdepth', '1', '-exec', 'rm', '-rf', '{}', '+'], { cwd: path }),
});

describe('a folder that others can write to', () => {
  const OTHER = 65533;
  const LEFT = `
    mkfifo .img.ts-new-fifo; ln -s /etc .img.ts-new-link; ln -s nowhere .img.ts-new-dangling
    mkdir -p .img.ts-new-folder/below; : >.img.ts-new-file; mkdir -m 0 .img.ts-new-closed`;

  for (const [who, uid] of [
    ['root', 0],
    ['an ordinary user', NOBODY],
  ] as const)
    test(`what another user has put there neither stops nor misleads ${who}`, (context) => {
      needs(context, needsRoot, needsProgram('perl'));
      using folder = layerFolder();
      using _ = emptied(folder.path);
      run(['chmod', '1777', '.'], { cwd: folder.path });
      shell(LEFT, { cwd: folder.path, uid: OTHER });
      makeDeep(folder.path, '.img.ts-new-deep', 3000, OTHER);
      const theirs = readdirSync(folder.path).sort();
      expect(theirs).toHaveLength(7);
      // The caller's own leftovers go, however deep and closed they are.
      makeDeep(folder.path, '.img.ts-new-mine', uid === 0 ? 10_000 : 3000, uid);
      shell('mkdir -p .img.ts-new-own/closed/x; chmod 0 .img.ts-new-own/closed; mkfifo .img.ts-new-mine-fifo', {
        cwd: folder.path,
        uid,
      });
      writeFileSync(join(folder.path, 'a.tar'), archive({ name: 'a', data: 'x' }));
      for (const words of [
        'apply a.tar img',
        'apply --replace a.tar img',
        'export --output img img',
        'squash --replace img img',
      ]) {
        const target = words.includes('export') ? 'export --output img.tar img' : words;
        const result = run(['timeout', '60', join(bin, 'ts-overlay'), ...target.split(' ')], { cwd: folder.path, uid });
        expect(result, target).toMatchObject({ stderr: '', status: 0 });
      }
      expect(readFileSync(join(folder.path, 'img/a'), 'utf8')).toBe('x');
      // A fifo of one's own is nothing that a run could have left.
      expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual(
        [...theirs, '.img.ts-new-mine-fifo'].sort(),
      );
    });

  test('where names can be moved by others, nothing is taken for a leftover', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    run(['chmod', '777', '.'], { cwd: folder.path });
    make(folder.path, { 'data/precious': 'x' });
    run(['mv', 'data', '.img.ts-new-x'], { cwd: folder.path, uid: OTHER });
    writeFileSync(join(folder.path, 'a.tar'), archive({ name: 'a', data: 'x' }));
    expect(run(['ts-overlay', 'apply', 'a.tar', 'img'], { cwd: folder.path })).toMatchObject({ status: 0 });
    expect(readFileSync(join(folder.path, '.img.ts-new-x/precious'), 'utf8')).toBe('x');
  });

  test('until a layer is complete, nobody but its maker can look into it, whoever gets its top', (context) => {
    needs(context, needsRoot, needsProgram('strace'));
    using folder = layerFolder();
    writeFileSync(
      join(folder.path, 'a.tar'),
      archive(
        { name: './', type: '5', uid: OTHER, mode: 0o777 },
        { name: 'd/', type: '5', uid: OTHER, mode: 0o777 },
        { name: 'd/fifo', type: '6', uid: OTHER, mode: 0o666 },
      ),
    );
    runKilledAt('renameat2', 1, ['ts-overlay', 'apply', 'a.tar', 'img'], folder.path);
    runKilledAt('mknodat', 1, ['ts-overlay', 'apply', 'a.tar', 'other'], folder.path);
    const states = readdirSync(folder.path)
      .filter((name) => name.startsWith('.'))
      .map((name) => [name.slice(0, 4), statSync(join(folder.path, name)).uid]);
    expect(Object.fromEntries(states)).toMatchObject({ '.oth': 0 });
    expect(run(['ts-overlay', 'apply', 'a.tar', 'done'], { cwd: folder.path })).toMatchObject({
      stderr: '',
      status: 0,
    });
    for (const path of ['done', 'done/d', 'done/d/fifo'])
      expect(statSync(join(folder.path, path)).uid, path).toBe(OTHER);
    expect(statSync(join(folder.path, 'done')).mode & 0o7777).toBe(0o777);
  });
});

test('a fifo that nobody writes to: a signal is heard', async () => {
  using folder = layerFolder();
  run(['mkfifo', 'fifo'], { cwd: folder.path });
  for (const words of [
    ['ts-overlay', 'apply', 'fifo', 'new'],
    ['ts-image', 'pack', 'new', 'fifo'],
    ['ts-image', 'unpack', 'fifo', 'new'],
  ] as const) {
    const child = spawn(join(bin, words[0]), words.slice(1), { cwd: folder.path, stdio: 'ignore' });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    // It listens to the signal when it waits.
    until('it listens', () => {
      const caught = /^SigCgt:\s*(\w+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? '0';
      return (BigInt(`0x${caught}`) & (1n << 14n)) !== 0n;
    });
    child.kill('SIGTERM');
    expect(await ended, words.join(' ')).toBe('SIGTERM');
    expect(readdirSync(folder.path)).toEqual(['fifo']);
  }
});

describe('trees of any depth', () => {
  test('are shown, packed, joined and removed with few descriptors', (context) => {
    needs(context, needsRoot, needsProgram('perl', 'prlimit'));
    using folder = layerFolder();
    using _ = emptied(folder.path);
    makeDeep(folder.path, 'deep', 3000);
    const few = (words: string) =>
      run(['prlimit', '--nofile=100', join(bin, 'ts-overlay'), ...words.split(' ')], { cwd: folder.path });
    expect(few('squash deep flat')).toMatchObject({ stderr: '', status: 0 });
    expect(
      shell(`prlimit --nofile=100 ${join(bin, 'ts-overlay')} diff flat | wc -l`, { cwd: folder.path }).stdout,
    ).toBe('3001\n');
    expect(few('export --output a.tar flat')).toMatchObject({ stderr: '', status: 0 });
    // An archive names by paths, and no path is longer than 4,096 bytes.
    const back = few('apply a.tar back');
    expect(back.status).toBe(1);
    expect(back.stderr).toMatch(/^ts-overlay: cannot [^\n]*: File name too long\n$/);
    make(folder.path, { 'small/a': '' });
    expect(few('squash --replace small flat')).toMatchObject({ stderr: '', status: 0 });
    expect(readdirSync(folder.path).sort()).toEqual(['a.tar', 'deep', 'flat', 'small']);
  });

  test('what is mounted in what is to be replaced is not emptied', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, { 'old/m': null, 'host/file': 'x' });
    writeFileSync(join(folder.path, 'a.tar'), archive({ name: 'a', data: 'x' }));
    const result = run(
      [
        'unshare',
        '-m',
        'sh',
        '-c',
        `mount --bind host old/m && ${join(bin, 'ts-overlay')} apply --replace a.tar old; echo $?; ls old`,
      ],
      { cwd: folder.path },
    );
    expect(result.stdout).toBe('1\nm\n');
    expect(result.stderr).toMatch(/'[^']*old' cannot be replaced: something is mounted at '[^']*old\/m'\n/);
    expect(readFileSync(join(folder.path, 'host/file'), 'utf8')).toBe('x');
  });
});

describe('layers as other tools write them', () => {
  const applied = (folder: string, ...entries: RawEntry[]) => {
    writeFileSync(join(folder, 'a.tar'), archive(...entries));
    return run(['ts-overlay', 'apply', '--replace', 'a.tar', 'new'], { cwd: folder });
  };

  test('attributes of mounted layers are left out, and counted', (context) => {
    needs(context, needsRoot, needsProgram('getfattr'));
    using folder = layerFolder();
    const result = applied(
      folder.path,
      records({ 'SCHILY.xattr.user.overlay.impure': 'y', 'SCHILY.xattr.trusted.overlay.redirect': '/etc' }),
      { name: 'etc/', type: '5' },
      records({ 'SCHILY.xattr.user.overlay.origin': '', 'SCHILY.xattr.user.kept': 'y' }),
      { name: 'etc/f' },
    );
    expect(result).toMatchObject({
      stderr: 'ts-overlay: 3 attributes of mounted layers (overlay.*) left out\n',
      status: 0,
    });
    expect(run(['getfattr', '-R', '-m', '-', 'new'], { cwd: folder.path }).stdout.match(/^\w+\..*/gm)).toEqual([
      'user.kept',
    ]);
  });

  const isOpaque = (path: string) =>
    run(['getfattr', '-n', 'trusted.overlay.opaque', '--only-values', path]).stdout === 'y';
  const CASES: readonly (readonly [what: string, entries: RawEntry[], check: (at: string) => void])[] = [
    [
      'a deletion below a file of the layer',
      [{ name: 't', data: 'x' }, { name: 't/.wh.u' }, { name: 't/.wh..wh..opq' }, { name: 't/v/.wh.w' }],
      (at) => expect(readFileSync(`${at}/t`, 'utf8')).toBe('x'),
    ],
    [
      'a deletion below a deletion',
      [{ name: '.wh.t' }, { name: 't/.wh.u' }, { name: '.wh.t' }],
      (at) => expect(isWhiteout(`${at}/t`)).toBe(true),
    ],
    [
      'a file beside its deletion',
      [{ name: '.wh.t' }, { name: 't', data: 'x' }, { name: 'u', data: 'y' }, { name: '.wh.u' }],
      (at) => expect([readFileSync(`${at}/t`, 'utf8'), readFileSync(`${at}/u`, 'utf8')]).toEqual(['x', 'y']),
    ],
    [
      'a folder beside its deletion hides the one below',
      [
        { name: '.wh.t' },
        { name: 't/', type: '5', mode: 0o755 },
        { name: 'u/', type: '5', mode: 0o755 },
        { name: '.wh.u' },
        { name: '.wh.v' },
        { name: 'v/w', data: 'x' },
      ],
      (at) => expect(['t', 'u', 'v'].map((name) => isOpaque(`${at}/${name}`))).toEqual([true, true, true]),
    ],
    ['a layer that hides all below', [{ name: '.wh..wh..opq' }], (at) => expect(isOpaque(at)).toBe(true)],
    [
      'a link beside its deletion',
      [{ name: 'a', data: 'x' }, { name: '.wh.l' }, { name: 'l', type: '1', target: 'a' }],
      (at) => expect(statSync(`${at}/l`).nlink).toBe(2),
    ],
  ];
  for (const [what, entries, check] of CASES)
    test(what, (context) => {
      needs(context, needsRoot, needsProgram('getfattr'));
      using folder = layerFolder();
      expect(applied(folder.path, ...entries)).toMatchObject({ stderr: '', status: 0 });
      check(join(folder.path, 'new'));
    });

  test('device nodes of an ordinary user are left out, and counted', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    run(['chmod', '777', '.'], { cwd: folder.path });
    writeFileSync(
      join(folder.path, 'a.tar'),
      archive({ name: 'dev/null', type: '3', major: 1, minor: 3 }, { name: 'x' }),
    );
    for (const command of [['ts-overlay'], ['ts-unshare', '-r', 'ts-overlay']]) {
      const result = run([...command, 'apply', '--replace', 'a.tar', 'new'], { cwd: folder.path, uid: NOBODY });
      expect(result).toMatchObject({ stderr: 'ts-overlay: 1 device node left out\n', status: 0 });
      expect(readdirSync(join(folder.path, 'new')).sort()).toEqual(['x']);
    }
  });
});
