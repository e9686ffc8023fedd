/** R5: propagation of mounts, as mount_namespaces(7) describes it; everything is done by our tools in a private mount namespace. */
import { describe, expect, test } from 'vitest';
import { isRoot, NOBODY, run, temporaryFolder } from '../harness/run.ts';

/** Users whose namespaces are tried: root and an ordinary one, who is root of a user namespace. */
const users = isRoot ? [0, NOBODY] : [process.getuid?.() as number];

/**
 * Runs a script on an empty tmpfs, a private mount; the tmpfs is the working directory. `state`: a function of the shell that
 * prints place and propagation of the mounts below, `seen PLACE…` those of the places that are mount points.
 */
function inside(script: string, uid = users[0] as number) {
  using folder = temporaryFolder();
  run(['chmod', '777', folder.path]);
  const functions = `
    state() { awk -v here="$PWD/" 'index($5, here) == 1 { tags = ""; for (n = 7; $n != "-"; n++) tags = tags " " $n; print substr($5, length(here) + 1) (tags == "" ? " private" : tags) }' /proc/self/mountinfo; }
    seen() { for place; do if grep -q " $PWD/$place " /proc/self/mountinfo; then echo -n "$place "; fi; done; echo; }
    tmpfs() { mounts=; also=; for place; do mounts="$mounts $also --mkdir -t tmpfs $place $place"; also=--also; done; ts-mount $mounts || exit; }`;
  const unshare = uid === 0 ? ['ts-unshare', '--mount'] : ['ts-unshare', '--map-root-user', '--mount'];
  const argv = [...unshare, 'ts-mount', '-t', 'tmpfs', 'base', folder.path, 'sh', '-c'];
  const { stdout, stderr, status } = run([...argv, `cd ${folder.path}; ${functions}\n${script}`], { uid });
  const lines = numbered(stdout)
    .split('\n')
    .map((line) => line.trimEnd());
  return { lines: lines.slice(0, -1), stderr: stderr.replaceAll(folder.path, 'HERE'), status };
}

/** Peer groups by the order in which they are named: the kernel's numbers depend on what else there is. */
function numbered(text: string): string {
  const groups: string[] = [];
  return text.replace(/(shared|master|propagate_from):(\d+)/g, (_, kind: string, group: string) => {
    if (!groups.includes(group)) groups.push(group);
    return `${kind}:${groups.indexOf(group) + 1}`;
  });
}

/** A shared mount `a` and a peer `b` of it. */
const PEERS = 'ts-mount --mkdir -t tmpfs a a --also --make-shared a --also --mkdir --bind a b && mkdir a/x a/y';

interface State {
  readonly name: string;
  /** What makes the peer `b` such a mount. */
  readonly change: readonly string[];
  readonly tags: string;
  /** Events at a are seen at b, and the reverse. */
  readonly receives: boolean;
  readonly sends: boolean;
  readonly isBindable: boolean;
}

const states: readonly State[] = [
  { name: 'shared', change: ['--make-shared'], tags: 'shared:1', receives: true, sends: true, isBindable: true },
  { name: 'slave', change: ['--make-slave'], tags: 'master:1', receives: true, sends: false, isBindable: true },
  {
    name: 'slave and shared',
    change: ['--make-slave', '--make-shared'],
    tags: 'shared:2 master:1',
    receives: true,
    sends: false,
    isBindable: true,
  },
  { name: 'private', change: ['--make-private'], tags: 'private', receives: false, sends: false, isBindable: true },
  {
    name: 'unbindable',
    change: ['--make-unbindable'],
    tags: 'unbindable',
    receives: false,
    sends: false,
    isBindable: false,
  },
];

for (const uid of users)
  describe(`the states, as user ${uid}`, () => {
    const own = uid === users[0] ? states : states.filter(({ name }) => name === 'slave and shared');
    for (const { name, change, tags, receives, sends, isBindable } of own)
      test(name, () => {
        const { lines, stderr, status } = inside(
          `${PEERS}; ts-mount ${change.join(' ')} b; state
           tmpfs a/x b/y; seen b/x a/y
           ts-umount a/x b/y; seen a/x b/x a/y b/y
           mkdir c; ts-mount --bind b c; echo $?; ts-mount -o bind,ro b c; echo $?; seen c`,
          uid,
        );
        const events = [receives && 'b/x', sends && 'a/y'].filter(Boolean);
        expect(lines).toEqual([
          'a shared:1',
          `b ${tags}`,
          events.join(' '),
          '',
          ...(isBindable ? ['0', '0', 'c'] : ['32', '32', '']),
        ]);
        expect(status).toBe(0);
        if (isBindable) expect(stderr).toBe('');
        else {
          expect(stderr).toContain('ts-mount: HERE/c: wrong fs type, bad option, bad superblock on HERE/b,');
          expect(stderr).toContain('ts-mount: HERE/b is unbindable: mount --make-private HERE/b lets it be bound');
        }
      });

    test('between mount namespaces: an own copy is a peer, unless it is made private or a slave', () => {
      // The other process says when it is ready by mounting on "ready", which is in the tmpfs of both.
      const script = (propagation: string) => `${PEERS}; mkfifo go
        ts-unshare --mount --propagation ${propagation} sh -c 'ts-mount -t tmpfs inner a/x && touch ready; read line; grep -c " $PWD/a/y " /proc/self/mountinfo' <go & exec 3>go
        while [ ! -e ready ]; do sleep 0.02; done; seen a/x; tmpfs a/y; echo >&3; wait $!`;
      expect(inside(script('unchanged'), uid).lines).toEqual(['a/x', '1']);
      expect(inside(script('shared'), uid).lines).toEqual(['a/x', '1']);
      expect(inside(script('slave'), uid).lines).toEqual(['', '1']);
      expect(inside(script('private'), uid).lines).toEqual(['', '0']);
    });
  });

describe('changes of state: the table of the man page', () => {
  const before: Readonly<Record<string, readonly [make: string, tags: string]>> = {
    'shared, one of two': ['--make-shared', 'shared:1'],
    slave: ['--make-slave', 'master:1'],
    'slave and shared': ['--make-slave --make-shared', 'shared:2 master:1'],
    private: ['--make-private', 'private'],
    unbindable: ['--make-unbindable', 'unbindable'],
  };
  const CHANGES = ['--make-shared', '--make-slave', '--make-private', '--make-unbindable'];
  /** `new`: a peer group of its own. */
  const after: Readonly<Record<string, readonly [string, string, string, string]>> = {
    'shared, one of two': ['shared:1', 'master:1', 'private', 'unbindable'],
    slave: ['shared:2 master:1', 'master:1', 'private', 'unbindable'],
    'slave and shared': ['shared:2 master:1', 'master:1', 'private', 'unbindable'],
    private: ['shared:2', 'private', 'private', 'unbindable'],
    unbindable: ['shared:2', 'unbindable', 'private', 'unbindable'],
  };
  for (const [name, [make, tags]] of Object.entries(before))
    test(name, () => {
      // One namespace for all four: each begins with a new pair.
      const script = CHANGES.map(
        (change, n) =>
          `mkdir ${n} && cd ${n} && ${PEERS} && ts-mount ${make} b && state && ts-mount ${change} b && state && cd ..`,
      ).join('\n');
      const { lines, stderr, status } = inside(script);
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      // Groups are numbered through all of the output: each pair has numbers of its own.
      const pairs = CHANGES.map((_, n) => numbered(lines.slice(4 * n, 4 * n + 4).join('\n')).split('\n'));
      expect(pairs).toEqual(CHANGES.map((_, n) => ['a shared:1', `b ${tags}`, 'a shared:1', `b ${after[name]?.[n]}`]));
    });

  test('the only one of its peer group becomes private when it is made a slave', () => {
    expect(inside('tmpfs a; ts-mount --make-shared a; state; ts-mount --make-slave a; state').lines).toEqual([
      'a shared:1',
      'a private',
    ]);
  });

  test('recursive forms change what lies below; the others do not', () => {
    const make = (change: string) =>
      inside(`tmpfs a a/x a/x/y; ts-mount --make-rshared a; ts-mount ${change} a; state`).lines.map((line) =>
        line.replace(/ .*(shared|master).*/, ' $1'),
      );
    for (const [change, one, all] of [
      ['private', 'private', 'private'],
      ['unbindable', 'unbindable', 'unbindable'],
    ] as const) {
      expect(make(`--make-${change}`)).toEqual([`a ${one}`, 'a/x shared', 'a/x/y shared']);
      expect(make(`--make-r${change}`)).toEqual([`a ${all}`, `a/x ${all}`, `a/x/y ${all}`]);
    }
    expect(make('--make-rslave --make-rshared')).toEqual(['a shared', 'a/x shared', 'a/x/y shared']);
    expect(make('-o rprivate none')).toEqual(['a private', 'a/x private', 'a/x/y private']);
  });
});

describe('bind, move, mount: state of what comes into being', () => {
  /** A source mount of each state, and destinations in a shared and in a private mount. */
  const SOURCES = `tmpfs master; ts-mount --make-shared master
    mkdir slave; tmpfs shared private unbindable S N
    ts-mount --make-shared shared --also --bind --make-slave master slave --also --make-unbindable unbindable --also --make-shared S`;

  test.for(['bind', 'move'])('--%s', (operation) => {
    const { lines } = inside(
      `for d in S N; do mkdir $d.; cd $d.; ${SOURCES}
         for s in shared private slave unbindable; do mkdir $d/$s; ts-mount --${operation} $s $d/$s 2>/dev/null || echo $d/$s invalid; done
         state | grep ^$d/; cd ..; done`,
    );
    const shown = lines.sort().map((line) => line.replaceAll(/:\d+/g, ''));
    expect(shown).toEqual(
      [
        'S/shared shared',
        'S/private shared',
        'S/slave shared master',
        'S/unbindable invalid',
        'N/shared shared',
        'N/private private',
        'N/slave master',
        operation === 'bind' ? 'N/unbindable invalid' : 'N/unbindable unbindable',
      ].sort(),
    );
  });

  test('a new mount is shared where its parent is, else private', () => {
    expect(inside('tmpfs a b; ts-mount --make-shared a; tmpfs a/x b/x; state').lines).toEqual([
      'a shared:1',
      'b private',
      'a/x shared:2',
      'b/x private',
    ]);
  });

  test('a mount below a shared one cannot be moved, and the remedy is named', () => {
    const { lines, stderr } = inside(
      'tmpfs a a/x b; ts-mount --make-shared a; ts-mount --move a/x b; echo $?; seen b a/x',
    );
    expect(lines).toEqual(['32', 'b a/x']);
    expect(stderr).toContain(
      '\nts-mount: what lies on a shared mount cannot be moved: mount --make-private HERE/a first\n',
    );
  });

  test('a recursive bind leaves out what is unbindable, and ends the explosion of mounts', () => {
    const { lines, stderr } = inside(
      `tmpfs a a/x a/x/y a/z; ts-mount --make-unbindable a/x; mkdir b; ts-mount --rbind a b; seen b b/x b/x/y b/z
       tmpfs home; mkdir home/1 home/2 home/3; for n in 1 2 3; do ts-mount --rbind --make-unbindable . home/$n; done; state | grep -c home/; ts-mount --rbind home/1 b`,
    );
    expect(lines[0]).toBe('b b/z');
    // Six mounts can be bound (the tmpfs itself, a, a/z, b, b/z, home): each copy holds these, and no copy of a copy.
    expect(lines[1]).toBe('18');
    expect(stderr).toContain('HERE/home/1 is unbindable: mount --make-private HERE/home/1 lets it be bound');
  });
});

test('propagate_from: the nearest group that can be seen, where the master cannot', () => {
  // The chain of the man page: a is master of b, b of a/mnt; then a becomes the root.
  const { lines, stderr } = inside(
    `mkdir a b; ts-mount --rbind / a --also --make-rprivate a --also --make-shared a --also --bind a/etc b
     ts-mount --make-slave --make-shared b --also --bind b a/mnt --also --make-slave a/mnt; state | grep -E '^(a|b|a/mnt) '
     ts-chroot a awk '$5 == "/" || $5 == "/mnt" { $1 = $2 = $3 = $4 = $6 = ""; sub(/ - .*/, ""); $1 = $1; print }' /proc/self/mountinfo | tr -s ' '`,
  );
  expect(stderr).toBe('');
  expect(lines).toEqual([
    'a shared:1',
    'b shared:2 master:1',
    'a/mnt master:2',
    '/ shared:1',
    '/mnt master:2 propagate_from:1',
  ]);
});

test('a tmpfs on /mnt in a new mount namespace is not seen by the host', () => {
  const unshare = isRoot ? 'ts-unshare --mount' : 'ts-unshare --map-root-user --mount';
  const { stdout, stderr, status } = run([
    'sh',
    '-c',
    `before=$(cat /proc/self/mountinfo); ${unshare} ts-mount -t tmpfs ours /mnt sh -c 'touch /mnt/file; ls /mnt; grep -c "^ours /mnt " /proc/self/mounts'; test "$before" = "$(cat /proc/self/mountinfo)" && ls /mnt | grep -c '^file$'`,
  ]);
  expect({ stdout, stderr, status }).toEqual({ stdout: 'file\n1\n0\n', stderr: '', status: 1 });
});
