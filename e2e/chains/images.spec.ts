import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archive, type RawEntry } from '../harness/archive.ts';
import { layerFolder, make } from '../harness/layers.ts';
import { bin, NOBODY, originalPath, run, runKilledAt, shell } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** Kinds, permissions, owners, links and content of a tree. */
const picture = (path: string) =>
  shell("find . -printf '%p %y %m %U:%G %l\\n' | sort; find . -type f | sort | xargs -d '\\n' sha256sum", { cwd: path })
    .stdout;

interface Summary {
  readonly names: readonly string[];
  readonly digest: string;
  readonly platform: { readonly os: string; readonly architecture: string };
  readonly created: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: readonly {
    readonly digest: string;
    readonly size: number;
    readonly diffId: string;
    readonly mediaType: string;
  }[];
  readonly history: readonly { readonly created_by: string }[];
}

/** An image of two layers, the upper one deleting something of the lower one; made once, changed by nobody. */
let folder: ReturnType<typeof layerFolder>;
const at = (path: string) => join(folder.path, path);
const image = (...words: string[]) => run(['ts-image', ...words], { cwd: folder.path });
const summary = (...words: string[]) => JSON.parse(image('inspect', '--json', ...words).stdout) as Summary;

beforeAll(() => {
  folder = layerFolder();
  expect(run(['ts-rootfs', at('base'), 'sh', 'cat', 'ls'])).toMatchObject({ status: 0 });
  make(folder.path, { 'app/opt/hello': 'hello\n', merged: null });
  writeFileSync(
    at('app.tar'),
    archive(
      { name: 'opt/', type: '5', mode: 0o755 },
      { name: 'opt/hello', data: 'hello\n' },
      { name: 'etc/', type: '5', mode: 0o755 },
      { name: 'etc/.wh.hostname' },
    ),
  );
  const made = image(
    'pack',
    '--name',
    'demo:1',
    '--entrypoint',
    '/bin/sh',
    '--cmd=-c',
    '--cmd',
    'exit 3',
    '--env',
    'A=b',
    '--label',
    'k=v',
    '--workdir',
    '/opt',
    '--user',
    '7:8',
    '--expose',
    '80',
    '--volume',
    '/data',
    '--author',
    'me',
    'layout',
    'base',
    'app.tar',
  );
  expect(made).toMatchObject({ stderr: '', status: 0 });
  expect(made.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
});
afterAll(() => folder[Symbol.dispose]());

describe('what pack writes', () => {
  test('is read by others: skopeo', (context) => {
    needs(context, needsProgram('skopeo'));
    const { stdout, stderr, status } = run(['skopeo', 'inspect', 'oci:layout:demo:1'], { cwd: folder.path });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const mine = summary('layout');
    expect(JSON.parse(stdout)).toMatchObject({
      Digest: mine.digest,
      Labels: { k: 'v' },
      Env: ['A=b'],
      Os: 'linux',
      Layers: mine.layers.map(({ digest }) => digest),
    });
    const config = JSON.parse(run(['skopeo', 'inspect', '--config', 'oci:layout:demo:1'], { cwd: folder.path }).stdout);
    expect(config).toMatchObject({
      author: 'me',
      config: {
        User: '7:8',
        ExposedPorts: { '80/tcp': {} },
        Env: ['A=b'],
        Entrypoint: ['/bin/sh'],
        Cmd: ['-c', 'exit 3'],
        Volumes: { '/data': {} },
        WorkingDir: '/opt',
        Labels: { k: 'v' },
      },
      rootfs: { type: 'layers', diff_ids: mine.layers.map(({ diffId }) => diffId) },
    });
    expect(config.history).toHaveLength(2);
  });

  test('is unpacked by others: umoci', (context) => {
    needs(context, needsRoot, needsProgram('umoci'));
    expect(run(['umoci', 'unpack', '--image', 'layout:demo:1', 'bundle'], { cwd: folder.path })).toMatchObject({
      status: 0,
    });
    expect(readFileSync(at('bundle/rootfs/opt/hello'), 'utf8')).toBe('hello\n');
    expect(existsSync(at('bundle/rootfs/etc/hostname'))).toBe(false);
    run(['rm', '-rf', 'bundle/rootfs/opt', 'expected'], { cwd: folder.path });
    run(['sh', '-c', 'cp -a base expected && rm expected/etc/hostname'], { cwd: folder.path });
    expect(picture(at('bundle/rootfs'))).toBe(picture(at('expected')));
  });

  test('umoci unpacks the same tree, and of what it packs we do', (context) => {
    needs(context, needsRoot, needsProgram('umoci', 'setfattr', 'setcap', 'getfattr'));
    const script = `mkdir -p rich/d/e && cd rich && echo x >d/file && ln d/file hard && ln -s /etc/passwd link && mkfifo fifo && mknod null c 1 3 &&
      truncate -s 1M sparse && printf x | dd of=sparse bs=1 seek=500000 conv=notrunc 2>/dev/null && touch "$(printf '\\377\\376')" "$(printf 'n%.0s' $(seq 255))" &&
      setfattr -n user.a -v 0x00ff0a d/file && setfattr -n user.b -v c d && setcap cap_net_raw=ep hard && chown 3000000:70000 sparse && chmod 6755 sparse && chmod 1777 d/e &&
      touch -d @-600000000 d/file && touch -d @7258118400 sparse && touch -h -d @1000000000 link && find . -newermt 2020-01-01 ! -newermt 2100-01-01 -exec touch -h -d @1234567890 {} +`;
    expect(shell(script, { cwd: folder.path })).toMatchObject({ stderr: '', status: 0 });
    const whole = (path: string) =>
      shell(
        "find . -mindepth 1 -printf '%p %y %m %U:%G %n %T@ %l\\n' | LC_ALL=C sort; find . -type f | LC_ALL=C sort | xargs -d '\\n' sha256sum; getfattr -hR -d -m - -e hex . | LC_ALL=C sort; stat -c '%t %T' null",
        { cwd: path },
      ).stdout;
    const wanted = whole(at('rich'));
    expect(wanted).toMatch(/security.capability=0x/);
    for (const command of [
      'ts-image pack --name r rich-ours rich',
      'umoci unpack --image rich-ours:r rich-theirs',
      'umoci init --layout rich-layout && umoci new --image rich-layout:r && umoci unpack --image rich-layout:r rich-bundle && cp -a rich/. rich-bundle/rootfs/ && umoci repack --image rich-layout:r rich-bundle',
      'ts-image unpack --devices rich-layout rich-back',
    ])
      expect(shell(command, { cwd: folder.path }), command).toMatchObject({ status: 0 });
    expect(whole(at('rich-theirs/rootfs'))).toBe(wanted);
    expect(whole(at('rich-back/1'))).toBe(wanted);
  });

  test('unpacked and stacked, it runs', (context) => {
    needs(context, needsRoot);
    const { stdout, stderr, status } = shell(
      'ts-overlay --lower "$(ts-image unpack layout out)" --tmpfs merged ts-chroot merged /bin/sh -c "cat /opt/hello; ls /etc/hostname"',
      { cwd: folder.path },
    );
    expect({ stdout, status }).toEqual({ stdout: 'hello\n', status: 2 });
    expect(stderr).toMatch(/No such file/);
    expect(picture(at('out/1'))).toBe(picture(at('base')));
    expect(JSON.parse(readFileSync(at('out/image.json'), 'utf8'))).toMatchObject({
      names: ['demo:1'],
      digest: summary('layout').digest,
      layers: [{ path: '1' }, { path: '2' }],
      config: { author: 'me' },
    });
    expect(image('unpack', 'layout', 'out').stderr).toMatch(/'out' is there already\n.*--replace/);
    const again = image('unpack', '--replace', '--json', 'layout', 'out');
    expect(JSON.parse(again.stdout)).toMatchObject({
      layers: ['out/1', 'out/2'],
      lower: 'out/2:out/1',
      config: { author: 'me' },
    });
  });

  test('an ordinary user unpacks and runs it, too', (context) => {
    needs(context, needsRoot);
    using own = layerFolder();
    run(['chmod', '777', own.path]);
    const script = `mkdir merged && ts-unshare -rm ts-overlay --lower "$(ts-image unpack ${at('layout')} out)" --tmpfs merged ts-chroot merged /bin/sh -c "cat /opt/hello; ls /etc/hostname"`;
    expect(shell(script, { cwd: own.path, uid: NOBODY })).toMatchObject({ stdout: 'hello\n', status: 2 });
  });

  test('--reproducible: the same image, byte for byte', () => {
    const pack = (target: string, env = {}) =>
      run(['ts-image', 'pack', '--reproducible', '--name', 'r', target, 'app', 'app.tar'], { cwd: folder.path, env });
    const [one, two] = [pack('r1.tar'), pack('r2.tar')];
    expect(one).toMatchObject({ stderr: '', status: 0 });
    expect(two).toEqual(one);
    expect(readFileSync(at('r1.tar')).equals(readFileSync(at('r2.tar')))).toBe(true);
    expect(summary('r1.tar').created).toBe('1970-01-01T00:00:00Z');
    expect(pack('r2.tar', { SOURCE_DATE_EPOCH: '86400' }).stdout).not.toBe(one.stdout);
    expect(summary('r2.tar').created).toBe('1970-01-02T00:00:00Z');
  });

  test('a base: its layers as they are, what it says added to', () => {
    const before = summary('layout');
    expect(
      image(
        'pack',
        '--base',
        'layout',
        '--name',
        'more',
        '--entrypoint',
        '/bin/ls',
        '--env',
        'A=c',
        '--env',
        'D=e',
        '--label',
        'l=w',
        'more.tar',
        'app',
      ),
    ).toMatchObject({ stderr: '', status: 0 });
    const after = summary('more.tar');
    expect(after.layers.slice(0, 2)).toEqual(before.layers);
    expect(after.layers).toHaveLength(3);
    expect(after.config).toMatchObject({
      Entrypoint: ['/bin/ls'],
      Env: ['A=c', 'D=e'],
      Labels: { k: 'v', l: 'w' },
      WorkingDir: '/opt',
    });
    expect(after.config).not.toHaveProperty('Cmd');
    expect(after.history).toHaveLength(3);
  });

  test('several images in one layout; a name means the last one that got it', () => {
    run(['cp', '-r', 'layout', 'several'], { cwd: folder.path });
    expect(image('pack', '--base', 'several', '--name', 'two', '--author', 'other', 'several')).toMatchObject({
      stderr: '',
      status: 0,
    });
    expect(image('inspect', 'several').stderr).toBe(
      'ts-image: there are several images in it\nts-image: --name says which one: demo:1, two\n',
    );
    expect(summary('--name', '1', 'several').digest).toBe(summary('layout').digest);
    expect(image('inspect', '--name', 'two', '--verify', 'several').stdout).toMatch(/^Author: {5}other$/m);
    expect(image('inspect', '--name', 'three', 'several').stderr).toMatch(
      /there is no image 'three' in it\n.*demo:1, two/,
    );
    expect(image('pack', '--name', 'two', 'several', 'app')).toMatchObject({ stderr: '', status: 0 });
    expect(summary('--name', 'two', 'several').layers).toHaveLength(1);
  });

  test('several at once into one layout: it has all of them; one image may have several names', async () => {
    const names = ['one', 'two', 'three', 'four'];
    const once = (...words: string[]) =>
      new Promise((resolve) =>
        spawn(join(bin, 'ts-image'), ['pack', '--reproducible', ...words, 'busy', 'app'], {
          cwd: folder.path,
          stdio: 'ignore',
          env: { PATH: originalPath },
        }).on('exit', resolve),
      );
    expect(await once('--name', 'zero')).toBe(0);
    // The last two are the same image.
    const all = names.map((name, index) => once('--name', name, '--author', String(Math.min(index, 2))));
    expect(await Promise.all(all)).toEqual([0, 0, 0, 0]);
    for (const name of ['zero', ...names]) expect(summary('--name', name, 'busy').names).toContain(name);
    expect(image('inspect', 'busy').stderr).toMatch(/there are several images in it/);
    expect(readdirSync(at('busy/blobs/sha256')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('for another platform', () => {
    expect(image('pack', '--platform', 'linux/arm64/v8', 'arm.tar', 'app')).toMatchObject({ stderr: '', status: 0 });
    const other = image('inspect', 'arm.tar');
    if (process.arch !== 'arm64')
      expect(other.stderr).toMatch(
        /there is no image for linux\/amd64 in it\n.*--platform chooses another one: linux\/arm64\/v8/,
      );
    expect(summary('--platform', 'linux/arm64', 'arm.tar').platform).toMatchObject({
      os: 'linux',
      architecture: 'arm64',
    });
  });
});

test('--dry-run checks everything and makes nothing', () => {
  const before = readdirSync(folder.path);
  const [one, two] = summary('layout').layers.map(({ digest }) => digest);
  expect(image('unpack', '--dry-run', 'layout', 'dry')).toMatchObject({
    stdout: `folder dry/1 from layer ${one}\nfolder dry/2 from layer ${two}\n`,
    stderr: '',
    status: 0,
  });
  expect(image('pack', '--dry-run', '--base', 'layout', '--name', 'n', 'dry', 'app').stdout).toBe(
    `layer ${one}\nlayer ${two}\nlayer from app\nimage n in dry\n`,
  );
  expect(readdirSync(folder.path)).toEqual(before);
});

describe('what others write', () => {
  for (const transport of ['oci-archive', 'docker-archive', 'oci'])
    test(`${transport} of skopeo`, (context) => {
      needs(context, needsProgram('skopeo'));
      const name = `from-${transport}${transport === 'oci' ? '' : '.tar'}`;
      expect(
        run(['skopeo', 'copy', '-q', 'oci:layout:demo:1', `${transport}:${name}:demo:1`], { cwd: folder.path }),
      ).toMatchObject({ stderr: '', status: 0 });
      expect(image('unpack', '--replace', `${transport}:${name}`, `out-${transport}`)).toMatchObject({
        stderr: '',
        status: 0,
      });
      image('unpack', '--replace', 'layout', 'out');
      for (const layer of ['1', '2'])
        expect(picture(at(`out-${transport}/${layer}`))).toBe(picture(at(`out/${layer}`)));
      expect(summary(name).config).toEqual(summary('layout').config);
    });

  test('dir: of skopeo, and names behind the path', (context) => {
    needs(context, needsProgram('skopeo'));
    const to = (target: string) =>
      expect(run(['skopeo', 'copy', '-q', 'oci:layout:demo:1', target], { cwd: folder.path })).toMatchObject({
        stderr: '',
        status: 0,
      });
    to('dir:plain');
    to('docker-archive:named.tar:one/demo:1');
    for (const reference of ['dir:plain', 'plain', 'oci:layout:demo:1', 'docker-archive:named.tar:one/demo:1'])
      expect(summary(reference).config, reference).toEqual(summary('layout').config);
    expect(image('unpack', '--replace', 'dir:plain', 'out-plain')).toMatchObject({ stderr: '', status: 0 });
    image('unpack', '--replace', 'layout', 'out');
    for (const layer of ['1', '2']) expect(picture(at(`out-plain/${layer}`))).toBe(picture(at(`out/${layer}`)));
    expect(image('inspect', 'oci:layout:other')).toMatchObject({ status: 1, stdout: '' });
    expect(image('inspect', 'docker-archive:layout').stderr).toMatch(/'layout' is not what docker-archive: means/);
    expect(image('pack', 'oci:behind:x:1', 'app')).toMatchObject({ stderr: '', status: 0 });
    expect(image('pack', 'oci-archive:behind.img:x:1', 'app')).toMatchObject({ stderr: '', status: 0 });
    for (const reference of ['oci:behind:x:1', 'oci-archive:behind.img:x:1'])
      expect(run(['skopeo', 'inspect', reference], { cwd: folder.path })).toMatchObject({ stderr: '', status: 0 });
    expect(image('pack', 'docker-archive:no.tar', 'app').stderr).toBe(
      'ts-image: images are written as oci: or oci-archive:, not as docker-archive:\n',
    );
  });

  test('compressed as a whole, by a pipe, and as a base', (context) => {
    needs(context, needsProgram('skopeo'));
    run(['skopeo', 'copy', '-q', 'oci:layout:demo:1', 'docker-archive:d.tar:demo:1'], { cwd: folder.path });
    writeFileSync(at('d.tar.gz'), gzipSync(readFileSync(at('d.tar'))));
    const plain = image('inspect', '--verify', 'd.tar').stdout;
    expect(image('inspect', '--verify', 'd.tar.gz').stdout).toBe(plain);
    expect(shell('cat d.tar.gz | ts-image inspect --verify -', { cwd: folder.path }).stdout).toBe(plain);
    expect(image('pack', '--base', 'd.tar.gz', '--name', 'based', 'based', 'app')).toMatchObject({
      stderr: '',
      status: 0,
    });
    expect(run(['skopeo', 'inspect', 'oci:based:based'], { cwd: folder.path })).toMatchObject({
      stderr: '',
      status: 0,
    });
    expect(
      summary('based')
        .layers.map(({ diffId }) => diffId)
        .slice(0, 2),
    ).toEqual(summary('layout').layers.map(({ diffId }) => diffId));
  });

  test('what old docker save writes: a link for a layer that is there already', () => {
    const layer = archive({ name: 'file', data: 'x' });
    const diffId = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
    const config = JSON.stringify({
      os: 'linux',
      architecture: summary('layout').platform.architecture,
      config: {},
      rootfs: { type: 'layers', diff_ids: [diffId, diffId] },
    });
    const name = `${createHash('sha256').update(config).digest('hex')}.json`;
    const saved: RawEntry[] = [
      { name: 'one/layer.tar', data: layer },
      { name: 'two/layer.tar', type: '2', target: '../one/layer.tar' },
      { name, data: config },
      {
        name: 'manifest.json',
        data: JSON.stringify([{ Config: name, RepoTags: ['old:1'], Layers: ['one/layer.tar', 'two/layer.tar'] }]),
      },
    ];
    writeFileSync(at('old.tar'), archive(...saved));
    expect(image('unpack', 'old.tar', 'out-old')).toMatchObject({
      stdout: 'out-old/2:out-old/1\n',
      stderr: '',
      status: 0,
    });
    expect(readFileSync(at('out-old/2/file'), 'utf8')).toBe('x');
  });
});

describe('what is not as its digest says is refused before anything is written', () => {
  const blobs = (layout: string) =>
    readdirSync(at(`${layout}/blobs/sha256`)).map((name) => at(`${layout}/blobs/sha256/${name}`));
  const json = (path: string) => readFileSync(path, 'utf8');
  const isManifest = (path: string) => statSync(path).size < 4000 && json(path).includes('"layers":[');
  const isConfig = (path: string) => statSync(path).size < 4000 && json(path).includes('"diff_ids"');
  const largest = (layout: string) => blobs(layout).sort((a, b) => statSync(b).size - statSync(a).size)[0] as string;

  const CASES: readonly (readonly [what: string, damage: (layout: string) => void, stderr: RegExp])[] = [
    [
      'a byte of a layer',
      (layout) => {
        const path = largest(layout);
        const bytes = readFileSync(path);
        bytes[5000] = (bytes[5000] as number) ^ 1;
        writeFileSync(path, bytes);
      },
      /a layer is not what its digest says/,
    ],
    [
      'a layer that is cut off',
      (layout) => {
        const path = largest(layout);
        writeFileSync(path, readFileSync(path).subarray(0, 9000));
      },
      /has 9000 bytes, the manifest says/,
    ],
    ['a layer that is missing', (layout) => run(['rm', largest(layout)]), /layer sha256:.* is missing/],
    [
      'the manifest',
      (layout) => {
        const path = blobs(layout).find(isManifest) as string;
        writeFileSync(path, json(path).replace('gzip', 'zstd'));
      },
      /the manifest is not what its digest says/,
    ],
    [
      'the configuration',
      (layout) => {
        const path = blobs(layout).find(isConfig) as string;
        writeFileSync(path, json(path).replace('linux', 'plan9'));
      },
      /the configuration is not what its digest says/,
    ],
    [
      'the size of the manifest',
      (layout) => {
        const path = at(`${layout}/index.json`);
        writeFileSync(path, json(path).replace(/"size":(\d+)/, '"size":$11'));
      },
      /the manifest has \d+ bytes, what leads to it says \d+: sha256:/,
    ],
    [
      'a digest that leads elsewhere',
      (layout) => {
        const path = at(`${layout}/index.json`);
        writeFileSync(path, json(path).replace(/sha256:[0-9a-f]{64}/, 'sha256:../../../../etc/passwd'));
      },
      /is no digest/,
    ],
    [
      'an index that is no JSON',
      (layout) => writeFileSync(at(`${layout}/index.json`), '{'),
      /'index.json' cannot be read/,
    ],
  ];
  for (const [what, damage, stderr] of CASES)
    test(what, () => {
      run(['sh', '-c', 'rm -rf bad && cp -r layout bad'], { cwd: folder.path });
      damage('bad');
      const before = readdirSync(folder.path);
      for (const words of [
        ['unpack', 'bad', 'out-bad'],
        ['pack', '--base', 'bad', 'packed-bad', 'app'],
      ]) {
        const result = image(...words);
        expect(result).toMatchObject({ status: 1, stdout: '' });
        expect(result.stderr).toMatch(stderr);
        expect(readdirSync(folder.path)).toEqual(before);
      }
    });

  test('a layer whose content is not what the configuration says', () => {
    // All digests are right, and the image lies all the same.
    const sha = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
    const layer = archive({ name: 'evil', data: 'x' });
    const config = JSON.stringify({
      os: 'linux',
      architecture: summary('layout').platform.architecture,
      rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] },
    });
    const manifest = JSON.stringify({
      schemaVersion: 2,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: `sha256:${sha(config)}`,
        size: config.length,
      },
      layers: [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${sha(layer)}`, size: layer.length },
      ],
    });
    const index = JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          digest: `sha256:${sha(manifest)}`,
          size: manifest.length,
        },
      ],
    });
    make(folder.path, {
      'liar/oci-layout': '{"imageLayoutVersion":"1.0.0"}',
      'liar/index.json': index,
      [`liar/blobs/sha256/${sha(config)}`]: config,
      [`liar/blobs/sha256/${sha(manifest)}`]: manifest,
    });
    writeFileSync(at(`liar/blobs/sha256/${sha(layer)}`), layer);
    const before = run(['stat', '-c', '%z', '.'], { cwd: folder.path }).stdout;
    for (const words of [
      ['inspect', '--verify', 'liar'],
      ['unpack', 'liar', 'out-liar'],
      ['pack', '--base', 'liar', 'out-liar'],
    ])
      expect(image(...words)).toMatchObject({
        stdout: '',
        stderr: `ts-image: a layer is not what the configuration says: sha256:${'0'.repeat(64)}\n`,
        status: 1,
      });
    // Not even under another name, for a while.
    expect(run(['stat', '-c', '%z', '.'], { cwd: folder.path }).stdout).toBe(before);
  });

  test('a path that leads out of a folder', () => {
    make(folder.path, {
      'leads/manifest.json': JSON.stringify([{ Config: '../layout/index.json', RepoTags: [], Layers: [] }]),
    });
    expect(image('inspect', 'leads').stderr).toBe("ts-image: '../layout/index.json' is missing\n");
  });

  test.each([
    [['unpack', 'base', 'x'], /'base' is no image: it has neither index.json nor manifest.json/],
    [['unpack', 'app.tar', 'x'], /'app.tar' is no image/],
    [['inspect', 'nowhere'], /cannot open 'nowhere': No such file or directory/],
    [['inspect', 'docker://debian'], /local files only.*\n.*skopeo copy docker:\/\/debian oci:FOLDER/],
    [['pack', 'base', 'app'], /'base' is there already and is no OCI layout/],
    [['pack', 'x'], /there is nothing to pack/],
    [['pack', '--env', 'x', 'x', 'app'], /--env: 'x' is not KEY=VALUE/],
    [['pack', '--compress', 'xz', 'x', 'app'], /--compress: 'xz' is none of none, gzip, zstd/],
    [['pack', 'x', 'nowhere'], /cannot open 'nowhere'/],
    [['pack', 'x', 'layout/index.json'], /the archive is cut off|not a tar archive/],
    [['pack', '--max-size=1k', 'x', 'app.tar'], /grows beyond 1024 bytes/],
    [['inspect', '--devices', 'layout'], /inspect does not take --devices/],
    [['show', 'layout'], /no command: inspect, unpack, pack/],
    [['unpack', 'layout'], /usage: ts-image unpack <image> <dir>/],
  ] as const)('%j', (words, stderr) => {
    const before = readdirSync(folder.path);
    const result = image(...words);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(stderr);
    expect(readdirSync(folder.path)).toEqual(before);
  });
});

describe('killed in the middle', () => {
  const killed = (call: string, when: number, ...words: string[]) =>
    runKilledAt(call, when, ['ts-image', ...words], folder.path);

  test('unpack: the old or the new one', (context) => {
    needs(context, needsRoot, needsProgram('strace'));
    image('unpack', '--replace', 'layout', 'reference');
    const states = new Set<string>();
    for (const [call, when] of [
      ['mkdirat', 4],
      ['openat', 100],
      ['write', 3],
      ['renameat2', 1],
      ['unlinkat', 1],
      ['unlinkat', 40],
    ] as const) {
      run(['sh', '-c', 'rm -rf target .target*; mkdir target; echo old >target/file'], { cwd: folder.path });
      killed(call, when, 'unpack', '--replace', 'layout', 'target');
      const isOld = existsSync(at('target/file'));
      expect(picture(at(isOld ? 'target' : 'target/1'))).toBe(
        isOld ? picture(at('target')) : picture(at('reference/1')),
      );
      if (isOld) expect(readdirSync(at('target'))).toEqual(['file']);
      else expect(readdirSync(at('target'))).toEqual(['1', '2', 'image.json']);
      states.add(isOld ? 'old' : 'new');
    }
    expect([...states].sort()).toEqual(['new', 'old']);
    expect(image('unpack', '--replace', 'layout', 'target').status).toBe(0);
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('pack: a layout, an archive, one more image in a layout', (context) => {
    needs(context, needsProgram('strace'));
    const before = summary('layout').digest;
    const states: string[] = [];
    const points = [
      ['write', 1],
      ['write', 4],
      ['renameat2', 1],
      ['renameat2', 3],
      ['renameat2', 4],
      ['renameat2', 5],
      ['renameat2', 6],
      ['fchmod', 1],
    ] as const;
    for (const [call, when] of points) {
      run(['sh', '-c', 'rm -rf k k.tar .k*; rm -rf grown; cp -r layout grown'], { cwd: folder.path });
      killed(call, when, 'pack', '--name', 'k', 'k', 'app');
      expect(existsSync(at('k')) ? image('inspect', '--verify', 'k').status : 0, `layout ${call} ${when}`).toBe(0);
      killed(call, when, 'pack', '--name', 'k', 'k.tar', 'app');
      expect(
        existsSync(at('k.tar')) ? image('inspect', '--verify', 'k.tar').status : 0,
        `archive ${call} ${when}`,
      ).toBe(0);
      killed(call, when, 'pack', '--name', 'k', 'grown', 'app');
      // What was there is there; what is new is whole or cannot be seen.
      expect(summary('--name', '1', 'grown').digest, `${call} ${when}`).toBe(before);
      const added = image('inspect', '--name', 'k', '--verify', 'grown');
      if (added.status !== 0) expect(added.stderr).toMatch(/there is no image 'k' in it/);
      states.push(`${existsSync(at('k'))} ${existsSync(at('k.tar'))} ${added.status === 0}`);
    }
    expect(states[0]).toBe('false false false');
    run(['sh', '-c', 'rm -rf k k.tar'], { cwd: folder.path });
    for (const target of ['k', 'k.tar', 'grown']) expect(image('pack', '--name', 'k', target, 'app').status).toBe(0);
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(readdirSync(at('grown/blobs/sha256')).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('what is only seldom so', () => {
  /** A layout of one image with this configuration and these layers. */
  function layout(name: string, config: object, layers: readonly { readonly bytes: Buffer; readonly type: string }[]) {
    make(folder.path, { [`${name}/blobs/sha256/`]: null, [`${name}/oci-layout`]: '{"imageLayoutVersion":"1.0.0"}' });
    const blob = (mediaType: string, bytes: Buffer) => {
      const hex = createHash('sha256').update(bytes).digest('hex');
      writeFileSync(at(`${name}/blobs/sha256/${hex}`), bytes);
      return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
    };
    const json = (mediaType: string, value: object) => blob(mediaType, Buffer.from(JSON.stringify(value)));
    const manifest = json('application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2,
      config: json('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map(({ bytes, type }) => blob(`application/vnd.oci.image.layer.v1.tar${type}`, bytes)),
    });
    writeFileSync(at(`${name}/index.json`), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  }
  const idOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const TAR = archive({ name: 'file', data: 'x' });

  test('an image without layers is one empty folder, and a base', () => {
    layout(
      'none',
      { os: 'linux', architecture: 'amd64', config: null, rootfs: { type: 'layers', diff_ids: null } },
      [],
    );
    expect(image('inspect', '--verify', 'none')).toMatchObject({ stderr: '', status: 0 });
    expect(image('unpack', 'none', 'out-none')).toMatchObject({ stdout: 'out-none/1\n', stderr: '', status: 0 });
    expect(readdirSync(at('out-none')).sort()).toEqual(['1', 'image.json']);
    expect(image('pack', '--base', 'none', '--cmd', 'x', 'upon-none', 'app')).toMatchObject({ stderr: '', status: 0 });
    expect(summary('upon-none')).toMatchObject({ layers: [{}], config: { Cmd: ['x'] } });
  });

  test.for(['xz', 'bzip2'])('layers compressed with %s', (name, context) => {
    needs(context, needsProgram(name));
    writeFileSync(at(`layer.${name}.tar`), TAR);
    run([name, '-f', '-k', `layer.${name}.tar`], { cwd: folder.path });
    const bytes = readFileSync(at(`layer.${name}.tar.${name === 'xz' ? 'xz' : 'bz2'}`));
    const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [idOf(TAR)] } };
    layout(`by-${name}`, config, [{ bytes, type: `+${name}` }]);
    expect(image('unpack', '--platform=linux/amd64', `by-${name}`, `out-by-${name}`)).toMatchObject({
      stderr: '',
      status: 0,
    });
    expect(readFileSync(at(`out-by-${name}/1/file`), 'utf8')).toBe('x');
  });

  test('what comes behind the end of a layer counts for its digest, and being cut off there is an error', () => {
    const long = Buffer.concat([TAR, Buffer.alloc(700_000)]);
    const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [idOf(long)] } };
    layout('long', config, [{ bytes: gzipSync(long), type: '+gzip' }]);
    expect(image('unpack', 'long', 'out-long')).toMatchObject({ stderr: '', status: 0 });
    writeFileSync(at('long.tar.gz'), gzipSync(long));
    const { stderr, stdout } = shell(
      'head -c -30 long.tar.gz | ts-overlay apply - out-cut; echo $?; head -c -30 long.tar.gz | ts-image pack packed-cut -; echo $?; ls -d out-cut packed-cut 2>/dev/null',
      { cwd: folder.path },
    );
    expect(stdout).toBe('1\n1\n');
    expect(stderr).toMatch(
      /^ts-overlay: the gzip data is damaged: [^\n]+\nts-image: the gzip data is damaged: [^\n]+\n$/,
    );
  });

  test('a folder whose name is no UTF-8 keeps all its images', () => {
    const { stdout, stderr } = shell(
      String.raw`d=$(printf 'lay\377'); ts-image pack --name one "$d" app && ts-image pack --name two "$d" base && ts-image inspect --name one "$d" | head -1 && ts-image inspect --name two "$d" | head -1 && ts-image unpack --name one "$d" "$d.out" >/dev/null && cat "$d.out/1/opt/hello" && ts-image pack "$d.tar" "$d.out/1" && ts-image inspect --verify "$d.tar" | grep -c Layer`,
      { cwd: folder.path },
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n').slice(2)).toEqual([
      'Name:       one',
      'Name:       two',
      'hello',
      expect.stringMatching(/^sha256:/),
      '1',
      '',
    ]);
  });

  test('a file that cannot be read is named as it was given', () => {
    for (const [words, stderr] of [
      [['inspect', 'no/such'], "ts-image: cannot open 'no/such': No such file or directory\n"],
      [['inspect', 'app.tar/x'], "ts-image: cannot read 'app.tar/x': Not a directory\n"],
      [['unpack', 'layout', 'app.tar/x'], /^ts-image: cannot open '.*app\.tar': Not a directory\n$/],
    ] as const)
      expect(image(...words), words.join(' ')).toMatchObject({
        status: 1,
        stderr: typeof stderr === 'string' ? stderr : expect.stringMatching(stderr),
      });
  });

  test('names beside an archive that others have taken keep nobody from writing it', (context) => {
    needs(context, needsRoot);
    run(['sh', '-c', 'mkdir -m 1777 shared'], { cwd: folder.path });
    run(
      [
        'sh',
        '-c',
        'mkdir -p i.tar.scratch/x; mkfifo .i.tar.ts-new-x; ln -s /etc .i.tar.scratch.ts-new-x; mkdir .i.tar.ts-new-y',
      ],
      {
        cwd: at('shared'),
        uid: NOBODY,
      },
    );
    for (let round = 0; round < 2; round++)
      expect(image('pack', 'shared/i.tar', 'app')).toMatchObject({ stderr: '', status: 0 });
    expect(readdirSync(at('shared')).filter((name) => name.includes('i.tar'))).toHaveLength(5);
  });

  test('a layout of somebody else leads nobody to other files', () => {
    layout('astray', { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [idOf(TAR)] } }, [
      { bytes: TAR, type: '' },
    ]);
    writeFileSync(at('elsewhere'), TAR);
    run(
      [
        'sh',
        '-c',
        `cd astray/blobs/sha256 && rm ${idOf(TAR).slice(7)} && ln -s ${at('elsewhere')} ${idOf(TAR).slice(7)}`,
      ],
      {
        cwd: folder.path,
      },
    );
    expect(image('unpack', 'astray', 'out-astray').stderr).toBe(`ts-image: layer ${idOf(TAR)} is missing\n`);
    run(['sh', '-c', `cd astray/blobs/sha256 && rm ${idOf(TAR).slice(7)} && mkfifo ${idOf(TAR).slice(7)}`], {
      cwd: folder.path,
    });
    expect(image('unpack', 'astray', 'out-astray').stderr).toBe(`ts-image: layer ${idOf(TAR)} is missing\n`);
    run(['sh', '-c', 'rm astray/index.json && mkfifo astray/index.json'], { cwd: folder.path });
    expect(image('inspect', 'astray').stderr).toMatch(/^ts-image: 'astray' is no image/);
  });
});
