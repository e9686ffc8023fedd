/** S2, S3, K4: ids, limits, secure bits and Landlock, as the program and its neighbours see them. */
import { afterAll, describe, expect, test } from 'vitest';
import { runBatch } from '../harness/batch.ts';
import { isRoot, NOBODY, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsLandlock, needsProgram, needsRoot } from '../harness/skip.ts';

const scratch = temporaryFolder();
afterAll(() => scratch[Symbol.dispose]());

/** With and without planning a chain in one process. */
const ways = [
  ['one process', {}],
  ['one process a tool', { TS_TOOLS_NO_FUSE: '1' }],
] as const;

const status = (text: string, name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1];

describe.each(ways)('S2, %s', (_, env) => {
  test('limits, seen from inside and outside', (context) => {
    needs(context, needsRoot);
    const { stdout } = shell(
      `prlimit --nofile=64:128 --core=0 --nproc=50000 sh -c 'cat /proc/self/limits; prlimit --pid $$ --nofile --raw --noheadings -o SOFT,HARD'`,
      { compat: true, env },
    );
    expect(stdout).toMatch(/^Max open files +64 +128 /m);
    expect(stdout).toMatch(/^Max core file size +0 +0 /m);
    expect(stdout).toMatch(/^Max processes +50000 +50000 /m);
    expect(stdout).toMatch(/^64 128$/m);
  });

  test('a limit holds', (context) => {
    needs(context, needsRoot);
    const { stdout, stderr } = shell(
      `prlimit --fsize=1000 sh -c 'head -c 5000 /dev/zero >big; echo $?'; stat -c %s big`,
      {
        compat: true,
        env,
        cwd: scratch.path,
      },
    );
    expect(stdout, stderr).toMatch(/^(153|1)\n1000\n$/);
  });

  test('limits of limits: each sees what the one before has set', (context) => {
    needs(context, needsRoot);
    const { stdout } = shell(
      'prlimit --nofile=100 prlimit --nofile=50: prlimit --nofile=:60 sh -c "ulimit -Sn; ulimit -Hn"',
      {
        compat: true,
        env,
      },
    );
    expect(stdout).toBe('50\n60\n');
  });

  test('an ordinary user: ids, groups, no_new_privs, secure bits', (context) => {
    needs(context, needsRoot);
    const { stdout } = shell(
      'setpriv --reuid 65534 --regid 65534 --groups 4,27 --nnp --securebits +noroot,+noroot_locked --bounding-set -all,+kill cat /proc/self/status',
      { compat: true, env },
    );
    expect(status(stdout, 'Uid')).toBe('65534\t65534\t65534\t65534');
    expect(status(stdout, 'Gid')).toBe('65534\t65534\t65534\t65534');
    expect(status(stdout, 'Groups')?.trim()).toBe('4 27');
    expect(status(stdout, 'NoNewPrivs')).toBe('1');
    expect(status(stdout, 'CapBnd')).toBe('0000000000000020');
    expect(status(stdout, 'CapEff')).toBe('0000000000000000');
  });

  test('with no_new_privs a set-user-ID program gives nothing', (context) => {
    needs(context, needsRoot);
    const look = '--reuid 65534 --regid 65534 --clear-groups ./id -u';
    const { stdout } = shell(`cp /usr/bin/id . && chmod 4755 id && setpriv ${look} && setpriv --nnp ${look}`, {
      compat: true,
      env,
      cwd: scratch.path,
    });
    expect(stdout).toBe('0\n65534\n');
  });

  test('noroot: user 0 without its capabilities', (context) => {
    needs(context, needsRoot);
    const { stdout } = shell('setpriv --securebits +noroot ts-capsh --has-p=cap_kill -- -c true; echo $?', {
      compat: true,
      env,
    });
    expect(stdout).toBe('1\n');
  });

  test('in a chain with namespaces and limits', (context) => {
    needs(context, needsRoot);
    const { stdout } = shell(
      'unshare -u hostname box prlimit --nofile=77 setpriv --inh-caps +net_raw --ambient-caps +net_raw --reuid 65534 --regid 65534 --clear-groups sh -c "hostname; ulimit -n; id -u; grep CapAmb /proc/self/status"',
      { compat: true, env },
    );
    expect(stdout).toBe('box\n77\n65534\nCapAmb:\t0000000000002000\n');
  });

  test('the parent’s end reaches the program', (context) => {
    needs(context, needsRoot, needsProgram('sh'));
    // The parent lives until the signal is set; then the program must be gone, too.
    const { stdout } = shell(
      `sh -c 'setpriv --pdeathsig KILL sleep 99 >sleep.out 2>&1 & echo $! >pid; until grep -q sleep /proc/$!/comm; do :; done'
       pid=$(cat pid); while kill -0 $pid 2>kill.err && ! grep -q "State:.Z" /proc/$pid/status; do sleep 0.05; done; echo gone`,
      { compat: true, env, cwd: scratch.path },
    );
    expect(stdout).toBe('gone\n');
  });

  test('a seccomp filter from a file: uname fails with EPERM, the rest runs', (context) => {
    needs(context, needsRoot);
    // ld nr; jeq 63 (uname on x86-64; 160 on arm64), errno 1; allow.
    const number = process.arch === 'x64' ? '\\077' : '\\240';
    const filter = `\\040\\0\\0\\0\\0\\0\\0\\0\\025\\0\\0\\001${number}\\0\\0\\0\\006\\0\\0\\0\\001\\0\\005\\0\\006\\0\\0\\0\\0\\0\\377\\177`;
    const { stdout, stderr } = shell(
      `printf '${filter}' >filter; setpriv --seccomp-filter filter sh -c 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status; uname'; echo $?; printf x >bad; setpriv --seccomp-filter bad true; echo $?; printf '\\001\\0\\0\\0\\0\\0\\0\\0' >worse; setpriv --seccomp-filter worse true; echo $?`,
      { compat: true, env, cwd: scratch.path },
    );
    expect(stdout).toBe('NoNewPrivs:\t1\nSeccomp:\t2\n1\n127\n127\n');
    expect(stderr).toMatch(
      /uname: .*Operation not permitted\nsetpriv: invalid filter\n.*\nsetpriv: Could not load seccomp filter: Invalid argument\n/,
    );
  });
});

test('K4: capabilities of root, of an ordinary user, and inside each kind of container', (context) => {
  needs(context, needsRoot);
  const look = 'grep ^Cap /proc/self/status';
  const nobody = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;
  const lines = {
    root: look,
    user: `${nobody} ${look}`,
    'user namespace': `${nobody} ts-unshare -r ${look}`,
    'user namespace, capabilities kept': `${nobody} ts-unshare -c --keep-caps ${look}`,
    'container of root': `ts-unshare -muinpf ts-capsh --drop=cap_net_raw -- -c '${look}'`,
    'container of root, by setpriv': `ts-unshare -muinpf ts-setpriv --bounding-set -net_raw ${look}`,
    'container of a user': `${nobody} ts-unshare -rmuinpf ts-setpriv --bounding-set -all,+kill ${look}`,
  };
  const results = runBatch(Object.values(lines), 'ours');
  const sets = Object.fromEntries(
    Object.keys(lines).map((name, index) => {
      const text = results[index]?.stdout ?? '';
      return [name, ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => BigInt(`0x${status(text, `Cap${set}`)}`))];
    }),
  );
  const all = (1n << BigInt(Number(run(['cat', '/proc/sys/kernel/cap_last_cap']).stdout) + 1)) - 1n;
  const own = sets.root?.[3] as bigint;
  const netRaw = 1n << 13n;
  expect(sets).toEqual({
    root: [0n, own, own, own, 0n],
    user: [0n, 0n, 0n, own, 0n],
    'user namespace': [0n, all, all, all, 0n],
    'user namespace, capabilities kept': [all, all, all, all, all],
    'container of root': [0n, own & ~netRaw, own & ~netRaw, own & ~netRaw, 0n],
    'container of root, by setpriv': [0n, own & ~netRaw, own & ~netRaw, own & ~netRaw, 0n],
    'container of a user': [0n, 32n, 32n, 32n, 0n],
  });
});

const PERL_SOCKET = 'perl -e \'use Socket; socket(S,PF_UNIX,SOCK_STREAM,0); exit(bind(S,sockaddr_un("sock"))?0:1)\'';

/** What each right is needed for; status 0 where it may. `tools`: what the script itself needs outside. */
const FILE_RIGHTS: readonly { right: string; script: string; root?: true; tools?: string; since?: number }[] = [
  { right: 'execute', script: './true', tools: 'path-beneath:execute:/usr' },
  { right: 'write-file', script: 'echo >>file' },
  { right: 'read-file', script: 'cat file', tools: 'path-beneath:read-file:/usr' },
  { right: 'read-dir', script: 'ls folder' },
  { right: 'remove-dir', script: 'rmdir folder' },
  { right: 'remove-file', script: 'rm file' },
  { right: 'make-char', script: 'mknod null c 1 3', root: true },
  { right: 'make-dir', script: 'mkdir new' },
  { right: 'make-reg', script: 'touch new' },
  { right: 'make-sock', script: PERL_SOCKET },
  { right: 'make-fifo', script: 'mkfifo new' },
  { right: 'make-block', script: 'mknod loop b 7 200', root: true },
  { right: 'make-sym', script: 'ln -s file new' },
  { right: 'refer', script: 'ln file folder/file', since: 2 },
  { right: 'truncate', script: 'truncate -s 0 file', since: 3 },
  {
    right: 'ioctl-dev',
    script: 'perl -e \'open F,"<","/dev/zero"; ioctl(F,0x5401,my $x=" "x60); exit($!+0==13?1:0)\'',
    since: 5,
  },
];

const BEFORE = 'cp /bin/true true && echo text >file && mkdir folder';

describe.each(isRoot ? (['root', 'an ordinary user'] as const) : (['an ordinary user'] as const))(
  'Landlock, as %s',
  (who) => {
    const uid = who === 'root' ? undefined : NOBODY;
    const rows = FILE_RIGHTS.filter(({ root }) => !root || who === 'root');
    const scripts = rows.flatMap(({ right, script, tools }) => {
      const rules = tools ? ` --landlock-rule ${tools}` : '';
      const quoted = `sh -c '${script.replaceAll("'", "'\\''")}'`;
      // Nothing else is refused, so that the script stumbles over this right alone.
      const place = right === 'ioctl-dev' ? '/dev' : '.';
      return [
        `ts-setpriv --landlock-access fs:${right}${rules} ${quoted}`,
        `ts-setpriv --landlock-access fs:${right}${rules} --landlock-rule path-beneath:${right}:${place} ${quoted}`,
        `ts-setpriv --nnp ${quoted}`,
      ];
    });
    let results: ReturnType<typeof runBatch> | undefined;
    rows.forEach(({ right, since = 1 }, index) => {
      test(`${right}: refused, allowed by a rule, and without a restriction`, { timeout: 60_000 }, (context) => {
        needs(context, needsRoot, needsLandlock(since), needsProgram('perl'));
        results ??= runBatch(scripts, 'ours', {
          before: uid === undefined ? BEFORE : `${BEFORE} && chown -R ${uid} .`,
          uid,
        });
        const [refused, allowed, free] = results.slice(3 * index, 3 * index + 3);
        expect(refused?.status, refused?.stderr).not.toBe(0);
        expect([allowed?.status, allowed?.stderr]).toEqual([0, '']);
        expect([free?.status, free?.stderr]).toEqual([0, '']);
      });
    });
  },
);

describe('Landlock: network and scopes', () => {
  const perl = (body: string) => `perl -e 'use Socket; ${body} exit($!+0==13?13:0)'`;
  const bind = perl('socket(S,PF_INET,SOCK_STREAM,0); $!=0; bind(S,pack_sockaddr_in(23456,INADDR_LOOPBACK));');
  const connect = perl('socket(S,PF_INET,SOCK_STREAM,0); $!=0; connect(S,pack_sockaddr_in(1,INADDR_LOOPBACK));');
  const own = 'ts-unshare -n ts-setpriv';
  const CASES = [
    [`${own} --landlock-access net ${bind}`, 13],
    [`${own} --landlock-access net:bind-tcp ${bind}`, 13],
    [`${own} --landlock-access net:connect-tcp ${bind}`, 0],
    [`${own} --landlock-access net --landlock-rule net-port:bind-tcp:23456 ${bind}`, 0],
    [`${own} --landlock-access net --landlock-rule net-port:bind-tcp:23457 ${bind}`, 13],
    [`${own} --landlock-access net ${connect}`, 13],
    [`${own} --landlock-access net --landlock-rule net-port::1 ${connect}`, 0],
    ['sleep 99 & ts-setpriv --landlock-access scope sh -c "kill -0 $!"; s=$?; kill $!; exit $s', 1],
    [
      'sleep 99 & ts-setpriv --landlock-access scope:abstract-unix-socket sh -c "kill -0 $!"; s=$?; kill $!; exit $s',
      0,
    ],
  ] as const;
  let results: ReturnType<typeof runBatch> | undefined;
  CASES.forEach(([script, expected], index) => {
    test(script.slice(0, 110), { timeout: 60_000 }, (context) => {
      needs(context, needsRoot, needsLandlock(6), needsProgram('perl'));
      results ??= runBatch(
        CASES.map(([each]) => each),
        'ours',
      );
      expect(results[index]?.status, results[index]?.stderr).toBe(expected);
    });
  });

  test('abstract UNIX sockets of others', { timeout: 60_000 }, (context) => {
    needs(context, needsRoot, needsLandlock(6), needsProgram('perl'));
    const name = `"\\0ts-landlock-$$"`;
    const server = perl(
      `socket(S,PF_UNIX,SOCK_STREAM,0); bind(S,sockaddr_un(${name})) or exit 9; listen(S,5); for my $how ("--nnp","--landlock-access scope") { my @a=("ts-setpriv",split(" ",$how),"perl","-e",q(use Socket; socket(S,PF_UNIX,SOCK_STREAM,0); $n=shift; $r=connect(S,sockaddr_un("\\0".$n)); print $r?"in ":"out ",$!+0," ";),"ts-landlock-$$"); system(@a); } $!=0;`,
    );
    const { stdout } = shell(server, { compat: true });
    expect(stdout).toMatch(/^in \d+ out 1 $/);
  });
});

describe('Landlock: the whole', () => {
  test('a shell that changes nothing but one folder; children are bound, too; status and no_new_privs from outside', (context) => {
    needs(context, needsRoot, needsLandlock(1));
    const { stdout, stderr } = shell(
      `mkdir own other; ts-setpriv --landlock-access fs --landlock-rule path-beneath:read-file,read-dir,execute:/ --landlock-rule path-beneath::own sh -c '
        echo 1 >own/a && echo wrote; (echo 2 >other/a) 2>own/e || echo refused; sh -c "mkdir other/b" 2>own/e || echo refused
        grep NoNewPrivs /proc/self/status; mount -t tmpfs none own 2>own/e || echo no mount'`,
      { compat: true, cwd: scratch.path },
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'wrote\nrefused\nrefused\nNoNewPrivs:\t1\nno mount\n', stderr: '' });
  });

  test('a rule decides on the next tool of a chain, too', (context) => {
    needs(context, needsRoot, needsLandlock(1));
    for (const [, env] of ways) {
      const { status: ended, stderr } = shell(
        'ts-setpriv --landlock-access fs:execute --landlock-rule path-beneath:execute:/bin ts-prlimit --core=0 true',
        { compat: true, env },
      );
      expect(ended).toBe(126);
      expect(stderr).toMatch(/failed to execute ts-prlimit: Permission denied/);
    }
  });

  test('a program that only Landlock refuses: a line says so', (context) => {
    needs(context, needsRoot, needsLandlock(1));
    const CASES = [
      ['--landlock-access fs true', 126, true],
      ['--landlock-access fs:execute /bin/true', 126, true],
      // Its loader lies elsewhere.
      ['--landlock-access fs:execute --landlock-rule path-beneath:execute:true ./true', 126, true],
      ['--landlock-access fs:execute --reset-env true', 126, true],
      ['--landlock-access fs:execute --landlock-rule path-beneath::/ ./mine', 126, false],
      ['--landlock-access fs:execute ./mine', 126, false],
      ['--landlock-access fs:execute /etc', 126, false],
      ['--landlock-access fs:execute nowhere', 127, false],
      ['--landlock-access fs:execute --landlock-rule path-beneath::/ ./lost', 127, false],
      ['--landlock-access fs:make-dir /etc/passwd', 126, false],
    ] as const;
    const scripts = CASES.map(([words]) => `ts-setpriv ${words}`);
    const quiet = 'TS_HINTS=0 ts-setpriv --landlock-access fs true';
    const before = `cp /bin/true true; echo >mine; printf '#!/nowhere/sh\n' >lost; chmod +x lost`;
    const results = runBatch([...scripts, quiet], 'ours', { before });
    CASES.forEach(([words, ended, isSaid], index) => {
      const { status: got, stderr } = results[index] as (typeof results)[number];
      expect([
        words,
        got,
        /\nts-setpriv: Landlock refuses it: a rule must let '[^']+' be executed/.test(stderr),
      ]).toEqual([words, ended, isSaid]);
      expect(stderr.split('\n').length, stderr).toBe(isSaid ? 3 : 2);
    });
    expect(results.at(-1)?.stderr).toBe('ts-setpriv: failed to execute true: Permission denied\n');
  });

  test('bad input: one line, a remedy, nothing is run', (context) => {
    needs(context, needsRoot, needsLandlock(7));
    const WRONG = [
      ['--landlock-access file', 1, 'invalid Landlock access: file'],
      ['--landlock-access fs:reads', 1, 'could not parse Landlock fs access: reads'],
      [
        '--landlock-rule path-beneath::/',
        1,
        'Landlock path-beneath rule requires a filesystem access restriction (--landlock-access fs)',
      ],
      [
        '--landlock-access fs --landlock-rule path-beneath::/nowhere',
        1,
        'could not open file for Landlock: /nowhere: No such file or directory',
      ],
      [
        '--landlock-access fs --landlock-rule path-beneath::/etc/passwd',
        127,
        'adding Landlock rule failed: Invalid argument',
      ],
      ['--landlock-access net --landlock-rule net-port:bind-tcp:70000', 1, "could not parse port number: '70000'"],
      ['--landlock-restrict-self x', 1, 'could not parse Landlock restrict-self flag: x'],
    ] as const;
    const results = runBatch(
      WRONG.map(([options]) => `ts-setpriv ${options} echo ran`),
      'ours',
    );
    WRONG.forEach(([options, ended, message], index) => {
      const { status: got, stdout, stderr } = results[index] as (typeof results)[number];
      expect([options, got, stdout, stderr.split('\n')[0]]).toEqual([options, ended, '', `ts-setpriv: ${message}`]);
    });
  });

  test('best effort goes without what the kernel does not know', (context) => {
    needs(context, needsRoot, needsLandlock(1));
    const best =
      '--landlock-best-effort --landlock-access net:connect-send-udp --landlock-access fs:resolve-unix,make-dir';
    const { status: ended, stdout } = shell(`ts-setpriv ${best} sh -c 'mkdir refused; echo $?'`, { cwd: scratch.path });
    expect([ended, stdout]).toEqual([0, '1\n']);
  });

  test('--landlock-restrict-self is taken', (context) => {
    needs(context, needsRoot, needsLandlock(7));
    const { status: ended } = shell(
      'ts-setpriv --landlock-access fs:make-dir --landlock-restrict-self log-same-exec-off,log-subdomains-off true',
    );
    expect(ended).toBe(0);
  });
});
