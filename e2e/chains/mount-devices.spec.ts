/** Files and devices as sources of mounts: loop devices, LABEL= and its kin, types that are found out, umount by any of these names. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOBODY, original, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const LABEL = `ts ${process.pid} é`;
const UUID = '6e0c5b0a-3a53-4c39-8d0e-0f5d1c2b7a91';

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
  const made = run([
    'sh',
    '-c',
    `cd ${folder.path} && mkdir m n && truncate -s 4M ext && mkfs.ext4 -q -L '${LABEL}' -U ${UUID} ext &&
     truncate -s 4M other && mkfs.ext2 -q other && { head -c 1024 /dev/zero; cat ext; } >shifted &&
     truncate -s 2M nothing && truncate -s 4M swap && mkswap swap && head -c 1024 /dev/zero >small`,
  ]);
  if (made.status !== 0) throw new Error(made.stderr);
});
afterAll(() => {
  const left = loops();
  folder[Symbol.dispose]();
  expect(left).toEqual([]);
});

/** Loop devices that show a file of this test. */
const loops = () =>
  run([original('losetup') as string, '-a'])
    .stdout.split('\n')
    .filter((line) => line.includes(folder.path))
    .map((line) => line.slice(0, line.indexOf(':')));

/** Runs a script in a mount namespace of its own, HERE its directory; names of loop devices are LOOP. */
function inside(script: string, env: NodeJS.ProcessEnv = {}) {
  const words = `mount_at() { awk -v here="$PWD/$1" '$2 == here { print $1, $3, $4 }' /proc/self/mounts; }\n${script}`;
  const argv = [original('unshare') as string, '-m', 'sh', '-c', words];
  const { stdout, stderr, status } = run(argv, { cwd: folder.path, env });
  const plain = (text: string) => text.replaceAll(folder.path, 'HERE').replace(/\/dev\/loop\d+/g, 'LOOP');
  return { stdout: plain(stdout), stderr: plain(stderr), status };
}

const root = (name: string, body: () => void) =>
  test(name, (context) => {
    needs(context, needsRoot, needsProgram('unshare', 'losetup', 'mkfs.ext4', 'mkswap'));
    const hasLoops = run([original('losetup') as string, '-f']).status === 0;
    if (!hasLoops) context.skip('no loop devices');
    body();
    expect(loops()).toEqual([]);
  });

describe('loop devices', () => {
  root('a file is mounted, by a device that goes with the mount', () => {
    expect(
      inside(
        'ts-mount ext m && mount_at m && ts-mount -l | grep -c "HERE" ; ls m; ts-umount m; losetup -a | grep -c "$PWD/ext"',
      ),
    ).toMatchObject({
      stdout: 'LOOP ext4 rw,relatime\n0\nlost+found\n0\n',
      stderr: '',
    });
  });

  root('the list shows the file, and the label', () => {
    expect(inside('ts-mount ext m && ts-mount -l -t ext4 | grep " on $PWD/m "')).toEqual({
      stdout: `HERE/ext on HERE/m type ext4 (rw,relatime) [${LABEL}]\n`,
      stderr: '',
      status: 0,
    });
  });

  root('-v names the device', () => {
    expect(inside('ts-mount -v ext m')).toEqual({
      stdout: 'ts-mount: LOOP mounted on HERE/m.\n',
      stderr: '',
      status: 0,
    });
  });

  root('a part of a file', () => {
    expect(
      inside(
        'ts-mount -o loop,offset=1KiB shifted m && ls m && losetup -n -O OFFSET,SIZELIMIT,AUTOCLEAR -j $PWD/shifted | xargs',
      ),
    ).toEqual({ stdout: 'lost+found\n1024 0 1\n', stderr: '', status: 0 });
    expect(
      inside('ts-mount -o offset=0x400,sizelimit=4M shifted m && losetup -n -O SIZELIMIT -j $PWD/shifted | xargs')
        .stdout,
    ).toBe('4194304\n');
  });

  root('the device that is asked for, made where it is missing', () => {
    const script =
      'ts-mount -o loop=/dev/loop77 ext m; echo $?; grep -c "^/dev/loop77 $PWD/m ext4" /proc/self/mounts; ts-umount m';
    expect(inside(script)).toEqual({ stdout: '0\n1\n', stderr: '', status: 0 });
  });

  root('read-only: because that is wanted, because the file is so, because others have made the device so', () => {
    expect(inside('ts-mount -r ext m && mount_at m').stdout).toBe('LOOP ext4 ro,relatime\n');
    const onReadOnly =
      'mkdir t; mount -n -t tmpfs t t && cp ext t && mount -n -o remount,ro t && ts-mount t/ext m && mount_at m';
    expect(inside(onReadOnly)).toEqual({ stdout: 'LOOP ext4 ro,relatime\n', stderr: '', status: 0 });
    const byOthers = 'L=$(losetup -r -f --show ext); ts-mount ext m; echo $?; mount_at m; ts-umount m; losetup -d $L';
    expect(inside(byOthers)).toEqual({
      stdout: '0\nLOOP ext4 ro,relatime\n',
      stderr: 'ts-mount: HERE/m: WARNING: source write-protected, mounted read-only.\n',
      status: 0,
    });
  });

  root('one device for one file: it is shared, and not by halves', () => {
    expect(
      inside('ts-mount ext m && ts-mount ext n && losetup -a | grep -c "$PWD/ext" && ts-umount m && ls n'),
    ).toEqual({
      stdout: '1\nlost+found\n',
      stderr: '',
      status: 0,
    });
    expect(
      inside('ln ext hard; ts-mount ext m && ts-mount hard n && losetup -a | grep -c "$PWD/"; rm hard').stdout,
    ).toBe('1\n');
    expect(inside('ts-mount ext m; ts-mount ext m')).toEqual({
      stdout: '',
      stderr: 'ts-mount: m: HERE/ext is already mounted.\n',
      status: 1,
    });
    expect(inside('ts-mount -o loop,offset=1024 shifted m; ts-mount -o loop shifted n')).toEqual({
      stdout: '',
      stderr: 'ts-mount: n: overlapping loop device exists for HERE/shifted.\n',
      status: 32,
    });
  });

  root('many at once take a device each', () => {
    const script =
      'for i in 1 2 3 4 5 6; do mkdir -p p$i; cp ext e$i; done; for i in 1 2 3 4 5 6; do ts-mount e$i p$i & done; wait; for i in 1 2 3 4 5 6; do ls p$i; done | sort | uniq -c | xargs; losetup -a | grep -c "$PWD/e[1-6]"; for i in 1 2 3 4 5 6; do ts-umount p$i; rm e$i; rmdir p$i; done';
    expect(inside(script)).toEqual({ stdout: '6 lost+found\n6\n', stderr: '', status: 0 });
  });

  root('what fails leaves no device', () => {
    for (const [words, message] of [
      [
        'nothing m',
        'wrong fs type, bad option, bad superblock on LOOP, missing codepage or helper program, or other error.',
      ],
      [
        '-t ext4 nothing m',
        'wrong fs type, bad option, bad superblock on LOOP, missing codepage or helper program, or other error.',
      ],
      ['swap m', "unknown filesystem type 'swap'."],
      [
        '-o sizelimit=1M ext m',
        'wrong fs type, bad option, bad superblock on LOOP, missing codepage or helper program, or other error.',
      ],
      ['-o loop missing m', 'failed to setup loop device for missing.'],
      ['-o loop . m', 'failed to setup loop device for HERE.'],
      ['-o loop=/dev/null ext m', 'failed to setup loop device for HERE/ext.'],
    ] as const) {
      const { stderr, status } = inside(`ts-mount ${words}`, { TS_HINTS: '0' });
      expect({ words, stderr: stderr.split('\n')[0], status }).toEqual({
        words,
        stderr: `ts-mount: ${message.startsWith('failed to setup') ? '' : 'HERE/'}m: ${message}`,
        status: 32,
      });
      expect(loops()).toEqual([]);
    }
    expect(inside('ts-mount ext missing; losetup -a | grep -c "$PWD/ext"')).toMatchObject({ stdout: '0\n' });
    for (const option of ['offset=xx', 'offset=-1', 'sizelimit=1X', 'encryption=x'])
      expect(inside(`ts-mount -o ${option} ext m`)).toMatchObject({
        stderr: expect.stringMatching(/^ts-mount: (HERE\/)?m: failed to parse mount options /),
        status: 1,
      });
  });

  root('no device where none is wanted', () => {
    expect(inside('ts-mount -o X-mount.noloop ext m')).toMatchObject({ status: 32 });
    expect(inside('ts-mount -t tmpfs -o loop ext m && mount_at m')).toMatchObject({
      stdout: 'ext tmpfs rw,relatime\n',
      status: 0,
    });
    expect(inside('ts-mount small m')).toMatchObject({ status: 32 });
    expect(inside('ts-mount -f ext m; ts-mount -f -v -o loop ext m; losetup -a | grep -c "$PWD/ext"')).toMatchObject({
      stdout: 'ts-mount: HERE/ext mounted on HERE/m.\n0\n',
      stderr: '',
    });
    expect(inside('ts-mount --dry-run ext m >/dev/null; losetup -a | grep -c "$PWD/ext"')).toMatchObject({
      stdout: '0\n',
    });
  });

  test('an ordinary user', (context) => {
    needs(context, needsRoot, needsProgram('setpriv', 'losetup'));
    run(['chmod', '755', folder.path]);
    const result = run(['ts-mount', 'ext', 'm'], { cwd: folder.path, uid: NOBODY });
    expect(result).toMatchObject({ status: 32, stdout: '' });
    expect(result.stderr).toContain('failed to setup loop device for ');
  });
});

root('a mount in another namespace, of a file of this one', () => {
  const script = `unshare -m sleep 30 & P=$!; trap 'kill $P' EXIT; while [ $(readlink /proc/$P/ns/mnt) = $(readlink /proc/self/ns/mnt) ]; do sleep 0.02; done
    ts-mount --namespace $P -o loop $PWD/ext $PWD/m; echo $?; mount_at m; grep -c "^/dev/loop[0-9]* $PWD/m ext4" /proc/$P/mounts; ts-umount --namespace $P $PWD/m; losetup -a | grep -c "$PWD/ext"`;
  expect(inside(script)).toMatchObject({ stdout: '0\n1\n0\n', stderr: '' });
});

describe('a program behind the mount', () => {
  root('it finds the mount, and no descriptor of the device', () => {
    const { stdout, stderr, status } = inside(
      `ts-mount ext m -- sh -c 'ls m; ls -l /proc/$$/fd | grep -c loop'; ts-umount m`,
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: 'lost+found\n0\n', stderr: '', status: 0 });
  });

  root('two images, a bind mount between them', () => {
    const script = `ts-mount ext m --also --bind m n --also --mkdir other n/x -- sh -c 'ls n/x n | xargs'; rmdir m/x 2>/dev/null; ts-umount n/x; ts-umount n; rmdir m/x; ts-umount m`;
    expect(inside(script)).toMatchObject({ stdout: 'n: lost+found x n/x: lost+found\n' });
  });

  root('where a later mount, or the program, fails, neither mount nor device is left', () => {
    for (const rest of ['--also --bind /nonexistent n -- true', '-- /nonexistent/program']) {
      const { stdout, status } = inside(
        `ts-mount ext m ${rest} 2>/dev/null; echo $?; mount_at m; losetup -a | grep -c "$PWD/ext"`,
      );
      expect({ rest, stdout, status: status === 0 || status === 1 }).toEqual({
        rest,
        stdout: `${rest.includes('program') ? 127 : 32}\n0\n`,
        status: true,
      });
    }
  });

  root('in a chain, planned in one process and in several', () => {
    const command = "ts-unshare -m ts-mount ext m ts-setpriv --no-new-privs sh -c 'ls m'";
    for (const env of [{}, { TS_TOOLS_NO_FUSE: '1' }])
      expect(inside(command, env)).toEqual({ stdout: 'lost+found\n', stderr: '', status: 0 });
  });

  root('--emit refuses what would be another device then', () => {
    expect(inside('ts-mount --emit x ext m -- true; ls x')).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('cannot be emitted'),
    });
  });
});

describe('names of devices', () => {
  /** L is a device that bears the names. */
  const withDevice = (script: string) => `L=$(losetup -f --show ext); ${script}; losetup -d $L`;

  root('LABEL=, UUID=, -L, -U, a link: the table names the device', () => {
    for (const words of [
      `'LABEL=${LABEL}' m`,
      `'LABEL="${LABEL}"' m`,
      `-L '${LABEL}' m`,
      `UUID=${UUID} m`,
      `-U ${UUID} m`,
      '$L m',
      '--source $L --target m',
      './link m',
    ]) {
      const script = withDevice(`ln -s $L link; ts-mount ${words}; echo $?; mount_at m; ts-umount m; rm link`);
      expect({ words, ...inside(script) }).toEqual({
        words,
        stdout: '0\nLOOP ext4 rw,relatime\n',
        stderr: '',
        status: 0,
      });
    }
  });

  root('partitions: PARTUUID=, PARTLABEL=', () => {
    const needsTools = ['sfdisk', 'addpart', 'delpart'].find((name) => !original(name));
    if (needsTools) return;
    const name = `ts part ${process.pid}`;
    const script = `truncate -s 10M disk; echo 'size=4M,name="${name}"' | sfdisk -q --label gpt disk; L=$(losetup -f --show disk)
      addpart $L 1 2048 8192 && dd if=ext of=\${L}p1 bs=1M status=none; U=$(sfdisk --part-uuid disk 1 | tr A-F a-f)
      for s in "PARTLABEL=${name}" "PARTUUID=$U"; do ts-mount "$s" m; echo $?; mount_at m | sed 's/p1 /P /'; ts-umount "$s"; echo $?; done
      delpart $L 1; losetup -d $L; rm disk`;
    expect(inside(script)).toEqual({
      stdout: '0\nLOOPP ext4 rw,relatime\n0\n0\nLOOPP ext4 rw,relatime\n0\n',
      stderr: '',
      status: 0,
    });
  });

  root('a name that no device bears', () => {
    for (const [words, shown] of [
      ['LABEL=none-such m', 'LABEL=none-such'],
      [`UUID=${UUID.toUpperCase()} m`, `UUID=${UUID.toUpperCase()}`],
      ['PARTUUID=none-such m', 'PARTUUID=none-such'],
      ['ID=none-such m', 'ID=none-such'],
      ['-L none-such m', 'LABEL="none-such"'],
    ] as const) {
      const { stderr, status } = inside(withDevice(`ts-mount ${words}; echo $? >&2`));
      expect({ words, stderr, status }).toEqual({
        words,
        stderr: `ts-mount: m: can't find ${shown}.\n1\n`.replace(' m:', / (HERE\/)?m:/.exec(stderr)?.[0] ?? ' m:'),
        status: 0,
      });
    }
  });

  root('blkid.conf', () => {
    const script = withDevice(
      `echo EVALUATE=udev >conf; BLKID_CONF=$PWD/conf ts-mount UUID=${UUID} m; echo $?; rm conf`,
    );
    expect(inside(script)).toMatchObject({ stdout: '1\n' });
  });

  root('fstab by every name of the device', () => {
    for (const entry of [`LABEL=${LABEL.replaceAll(' ', '\\\\040')}`, `UUID=${UUID}`, '$L', '$PWD/link'])
      for (const asked of ['$PWD/m', `'LABEL=${LABEL}'`, `UUID=${UUID}`, '$L', './link', `-L '${LABEL}'`]) {
        const script = withDevice(
          `ln -s $L link; printf '%s %s auto noexec 0 0\\n' "${entry}" $PWD/m >tab; ts-mount -T tab ${asked}; echo $?; mount_at m; ts-umount m; rm link tab`,
        );
        expect({ entry, asked, ...inside(script) }).toEqual({
          entry,
          asked,
          stdout: '0\nLOOP ext4 rw,noexec,relatime\n',
          stderr: '',
          status: 0,
        });
      }
  });

  root('a file in fstab, and -a', () => {
    const script = `printf '%s %s auto loop,noexec 0 0\\nLABEL=none-such %s ext4 nofail 0 0\\n' $PWD/ext $PWD/m $PWD/n >tab
      ts-mount -T tab -a; echo $?; mount_at m; ts-umount ext; ts-mount -T tab m; echo $?; ts-umount m; rm tab`;
    expect(inside(script)).toEqual({ stdout: '0\nLOOP ext4 rw,noexec,relatime\n0\n', stderr: '', status: 0 });
  });
});

describe('types', () => {
  root('lists, and what is found out', () => {
    for (const [words, type] of [
      ['-t xfs,ext4', 'ext4'],
      ['-t xfs,ext4,ext3', 'ext4'],
      ['-t auto', 'ext4'],
      ['-t noxfs', 'ext4'],
      ['', 'ext4'],
    ] as const)
      expect({ words, ...inside(`ts-mount ${words} ext m; mount_at m`) }).toEqual({
        words,
        stdout: `LOOP ${type} rw,relatime\n`,
        stderr: '',
        status: 0,
      });
  });

  root('two superblocks: all types are tried', () => {
    const script =
      'cp other both; dd if=swap of=both bs=1 count=10 skip=4086 seek=4086 conv=notrunc status=none; dd if=swap of=both bs=1 count=0 conv=notrunc status=none; ts-mount both m; mount_at m; ts-umount m; rm both';
    expect(inside(script).stdout).toMatch(/^LOOP ext[234] rw,relatime\n$/);
  });
});

describe('umount', () => {
  root('by label, UUID, device, link and file', () => {
    for (const name of [`'LABEL=${LABEL}'`, `UUID=${UUID}`, '$(findmnt -no SOURCE $PWD/m)', 'ext', './link', 'm']) {
      const script = `ln -s ext link; ts-mount ext m; ts-umount ${name}; echo $?; mount_at m; rm link`;
      expect({ name, ...inside(script) }).toEqual({ name, stdout: '0\n', stderr: '', status: 0 });
    }
  });

  root('-d frees a device that would stay; where it is gone already that is no failure', () => {
    expect(
      inside('L=$(losetup -f --show ext); ts-mount $L m; ts-umount -d m; echo $?; losetup -a | grep -c "$PWD/ext"'),
    ).toMatchObject({ stdout: '0\n0\n', stderr: '' });
    expect(inside('ts-mount ext m; ts-umount -d m; echo $?')).toEqual({ stdout: '0\n', stderr: '', status: 0 });
  });

  root('and a program', () => {
    expect(inside(`ts-mount ext m; ts-umount ext -- echo done; mount_at m`)).toEqual({
      stdout: 'done\n',
      stderr: '',
      status: 0,
    });
  });

  root('a name that means nothing', () => {
    expect(inside('ts-umount LABEL=none-such')).toMatchObject({ status: 32 });
    expect(inside('ts-umount other')).toMatchObject({ status: 32 });
  });
});

test('the kernel has what these tests are about', (context) => {
  needs(context, needsRoot);
  expect(readFileSync('/proc/filesystems', 'utf8')).toContain('ext4');
});
