/** Images and devices as sources: mount and umount do and say what the newest originals do and say. */

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { originals } from '../harness/parity.ts';
import { compatPath, NOBODY, newest, original, type Result, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const LABEL = `p ${process.pid} é`;
const UUID = '8b3f0c1e-2f6d-4a0b-9d53-7f4b1f5e6c21';

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
  const { status, stderr } = run([
    'sh',
    '-c',
    `cd ${folder.path} && chmod 755 . && mkdir m n && truncate -s 4M pure && mkfs.ext4 -q -L '${LABEL}' -U ${UUID} pure &&
     { head -c 1024 /dev/zero; cat pure; } >pureshifted && truncate -s 2M nothing && truncate -s 4M swap && mkswap -q swap &&
     head -c 1024 /dev/zero >small`,
  ]);
  if (status !== 0) throw new Error(stderr);
});
afterAll(() => folder[Symbol.dispose]());

const SEE = `see() { grep " $PWD/[mn] " /proc/self/mounts; losetup -n -O OFFSET,SIZELIMIT,AUTOCLEAR,RO,BACK-FILE | grep -F "$PWD/"; }`;

/** A script with fresh images, in a mount namespace of its own with its own /run (the original keeps a cache there). */
function inNamespace(script: string, PATH: string): Result {
  const prepared = `mount() { command mount "$@"; }; ${original('mount')} -n -t tmpfs run /run && cd ${folder.path} && cp pure ext && cp pureshifted shifted || exit
${SEE}\nDEVICE() { losetup -f --show "$@"; }\n${script}`;
  const result = run([original('unshare') as string, '-m', 'sh', '-c', prepared], {
    env: { PATH, TS_HINTS: '0', USER_ID: String(NOBODY) },
  });
  run([
    'sh',
    '-c',
    `for l in $(losetup -n -O NAME,BACK-FILE | grep -F '${folder.path}/' | cut -d' ' -f1); do losetup -d $l; done`,
  ]);
  // Which device is free differs from one run to the next, where others take some.
  const plain = (text: string) => text.replace(/\/dev\/loop\d+/g, 'LOOP').replaceAll(folder.path, 'HERE');
  return { ...result, stdout: plain(result.stdout), stderr: plain(result.stderr) };
}

const AS_NOBODY = `${original('setpriv')} --reuid ${NOBODY} --regid ${NOBODY} --clear-groups env PATH=$PATH`;

const same: readonly string[] = [
  // Loop devices.
  'mount ext m; echo $?; see; mount -l | grep " $PWD/m "; umount m; echo $?; see',
  'mount -o loop ext m; see; umount ext; see',
  'mount -v ext m; mount -v -o loop,ro pure n',
  'mount ext m; mount ext m; mount -o loop ext m',
  'mount ext m; mount ext n; see; umount ext; see; umount ext; see',
  'mount ext m; mount -o loop=/dev/loop7 ext n',
  'mount -r ext m; see',
  'mount -o ro,loop ext m; see',
  'mount -o loop,offset=1024 shifted m; see; mount -o loop,offset=512 shifted n; mount -o loop shifted n',
  'mount -o offset=1KiB,sizelimit=4M shifted m; see',
  'mount -o offset=0x400 shifted m; see',
  'mount -o loop= ext m; see',
  'mount -o offset=1.5K shifted m; see',
  'mount -o sizelimit=1M ext m; see',
  'mount -o loop missing m',
  'mount missing m',
  'mount -o loop . m',
  'mount -o loop=/dev/null ext m; mount -o loop=foo ext m',
  'mount -o X-mount.noloop ext m',
  'mount small m',
  'mount nothing m; see; mount -t ext4 nothing m; see',
  'mount swap m; see',
  'mount ext missing; see; mount ext /etc/passwd; see',
  'mount -t tmpfs ext m; see; mount -t tmpfs -o loop ext n; see',
  'mount -f ext m; see; mount -f -v -o loop ext m; see',
  'ln -s ext l; mount l m; see; mount -l | grep " $PWD/m "; umount l; see; rm l',
  'mount ext m; mount -o remount,ro m; see; mount -o remount,rw m; see',
  'L=$(DEVICE -r ext); mount ext m; echo $?; see; umount m; mount $L m; echo $?; see; umount m; losetup -d $L',
  'L=$(DEVICE ext); mount ext m; see; umount m; see; mount -o loop=/dev/loop7 ext m; losetup -d $L',
  `${AS_NOBODY} mount ext m; ${AS_NOBODY} mount -o loop ext m`,
  // Types.
  'mount -t ext4,xfs ext m; see',
  'mount -t xfs,ext4 -o loop ext m; see',
  'mount -t auto ext m; see',
  'mount -t ext2 ext m',
  // Names.
  ...[
    `'LABEL=${LABEL}'`,
    `'LABEL="${LABEL}"'`,
    `UUID=${UUID}`,
    `UUID=${UUID.toUpperCase()}`,
    `-L '${LABEL}'`,
    `-U ${UUID}`,
    '$L',
    './l',
  ].map((name) => `L=$(DEVICE ext); ln -s $L l; mount ${name} m; echo $?; see; umount m; rm l; losetup -d $L`),
  'mount LABEL=none-such m; mount UUID=none-such m; mount PARTUUID=none-such m; mount PARTLABEL=none-such m; mount ID=none-such m',
  'mount -L none-such m; mount -U none-such m',
  `L=$(DEVICE ext); mount $L m; umount 'LABEL=${LABEL}'; echo $?; see; mount $L m; umount UUID=${UUID}; echo $?; see; mount $L m; umount $L; echo $?; losetup -d $L`,
  'L=$(DEVICE ext); ln -s $L l; mount ./l m; umount ./l; echo $?; see; rm l; losetup -d $L',
  'L=$(DEVICE ext); mount $L m; umount -d m; echo $?; see',
  'umount LABEL=none-such; echo $?; umount ext; echo $?',
  // fstab.
  'echo "$PWD/ext $PWD/m auto loop,noexec 0 0" >tab; mount -T tab -a; echo $?; see; mount -T tab -a; echo $?; umount m; mount -T tab ext; see; umount m; mount -T tab m; see; rm tab',
  ...[`LABEL=${LABEL.replaceAll(' ', '\\040')}`, `UUID=${UUID}`, '$L', '$PWD/l'].map(
    (entry) =>
      `L=$(DEVICE ext); ln -s $L l; printf '%s %s auto nosuid 0 0\\n' "${entry}" $PWD/m >tab; for s in m 'LABEL=${LABEL}' UUID=${UUID} $L ./l; do mount -T tab "$s"; echo $?; see; umount m; done; rm l tab; losetup -d $L`,
  ),
];

describe('mount and umount of devices', () => {
  for (const script of same)
    test(script.replaceAll(AS_NOBODY, 'as nobody:').replaceAll(LABEL, 'THE LABEL'), (context) => {
      needs(
        context,
        needsRoot,
        needsProgram('mount', 'umount', 'unshare', 'losetup', 'setpriv', 'mkfs.ext4', 'mkswap'),
      );
      if (!existsSync(newest)) context.skip('the newest originals are not there: those before 2.41 say otherwise');
      if (run(['losetup', '-f']).status !== 0) context.skip('no loop devices');
      const theirs = inNamespace(script, originals());
      const ours = inNamespace(script, compatPath);
      expect(ours).toEqual(theirs);
    });
});
