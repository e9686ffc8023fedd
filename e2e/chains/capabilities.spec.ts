import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NOBODY, type Result, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

describe.each(['capsh', 'ts-capsh'])('K2: masks, by %s', (capsh) => {
  const decode = (mask: string) => shell(`${capsh} --decode=${mask}`, { compat: true });

  test('the container engine’s default capabilities', () => {
    const { status, stdout } = decode('00000000a80425fb');
    expect(status).toBe(0);
    expect(stdout).toBe(
      '0x00000000a80425fb=cap_chown,cap_dac_override,cap_fowner,cap_fsetid,cap_kill,cap_setgid,cap_setuid,cap_setpcap,cap_net_bind_service,cap_net_raw,cap_sys_chroot,cap_mknod,cap_audit_write,cap_setfcap\n',
    );
  });

  test('the first 38', () => {
    const names = decode('0000003fffffffff').stdout.trim().split('=')[1]?.split(',') ?? [];
    expect([names.length, names[0], names.at(-1)]).toEqual([38, 'cap_chown', 'cap_audit_read']);
  });
});

const NET_RAW = '0000000000002000';

/** A network of the test's own, in which only a raw socket can ping. */
const RAW_ONLY = 'ip link set lo up && echo 1 0 > /proc/sys/net/ipv4/ping_group_range';

const AS_NOBODY = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;

describe.each(['', 'ts-'])('K1: a copied ping, by %ssetcap and %sgetcap', (prefix) => {
  test('fails for an ordinary user until it has the capability', (context) => {
    needs(context, needsRoot, needsProgram('ping', 'ip'));
    const ping = `${AS_NOBODY} ./ping -c1 -W5 127.0.0.1`;
    const { stdout, status } = pinging(
      `${ping} >/dev/null 2>&1; echo $?; ${prefix}setcap CAP_NET_RAW+ep ./ping && ${prefix}getcap ./ping && ${ping} | grep received; ${prefix}setcap -r ./ping && ${prefix}getcap -v ./ping; ${ping} >/dev/null 2>&1; echo $?`,
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^2\n\.\/ping cap_net_raw=ep\n1 packets transmitted, 1 received.*\n\.\/ping\n2\n$/);
  });
});

describe('ts-setcap in a chain', () => {
  test('as root of a user namespace: the attribute counts only there', (context) => {
    needs(context, needsRoot, needsProgram('getcap'));
    for (const fuse of ['', 'env TS_TOOLS_NO_FUSE=1']) {
      const { stdout, stderr } = pinging(
        `chown ${NOBODY}:${NOBODY} . ping; ${AS_NOBODY} ${fuse} ts-unshare -r ts-setcap cap_net_raw+ep ping -- ts-getcap -n ping; /usr/sbin/getcap -n ping; ${AS_NOBODY} ts-setcap -r ping; echo $?`,
      );
      expect(stdout).toBe(`ping cap_net_raw=ep\nping cap_net_raw=ep [rootid=${NOBODY}]\n1\n`);
      expect(stderr).toMatch(
        /CAP_SETFCAP effective capability: Operation not permitted\nts-setcap: this needs CAP_SETFCAP/,
      );
    }
  });

  test('when a later file fails, those before it get back what they had, and the program is not run', (context) => {
    needs(context, needsRoot);
    for (const end of ['', '-- echo ran']) {
      const { stdout, stderr } = pinging(
        `cp ping other; ts-setcap cap_kill=i ping; unshare -m sh -c 'mount --bind other other && mount -o remount,bind,ro other && ts-setcap cap_chown=p ping cap_chown=p other ${end}; echo $?'; ts-getcap -v ping other`,
      );
      expect(stdout).toBe('1\nping cap_kill=i\nother\n');
      expect(stderr).toBe("ts-setcap: failed to set capabilities on file 'other': Read-only file system\n");
    }
  });
});

test('JSON: what capsh prints, one object a line', (context) => {
  needs(context, needsRoot);
  const { stdout, status } = shell(
    'capsh --json --decode=a0 --modes --mode --drop=cap_kill --inh=cap_chown --addamb=cap_chown --current --print --explain=cap_kill --suggest=chroot',
    { compat: true },
  );
  expect(status).toBe(0);
  const [decoded, modes, mode, current, state, meaning, suggested] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(decoded).toEqual({ mask: '0x00000000000000a0', capabilities: ['cap_kill', 'cap_setuid'] });
  expect(modes).toEqual({ modes: ['NOPRIV', 'PURE1E_INIT', 'PURE1E', 'HYBRID'] });
  expect(mode).toEqual({ mode: 'HYBRID' });
  expect(current.iab).toMatch(/^\^cap_chown,!cap_kill/);
  expect(state).toMatchObject({
    ...current,
    ambient: ['cap_chown'],
    uid: { id: 0, name: 'root' },
    'no-new-privs': false,
  });
  expect(state.bounding).not.toContain('cap_kill');
  expect(state['secure-noroot']).toEqual({ on: false, locked: false });
  expect(meaning).toMatchObject({ capability: 'cap_kill', number: 5, mask: '0x0000000000000020' });
  expect(suggested.map(({ capability }: { capability: string }) => capability)).toContain('cap_sys_chroot');
});

test('JSON: what files and processes have', (context) => {
  needs(context, needsRoot);
  const json = (script: string) => JSON.parse(pinging(script).stdout);
  expect(json('setcap -n 7 cap_net_raw,cap_kill=ep ping && getcap --json ping')).toEqual([
    {
      file: 'ping',
      text: 'cap_kill,cap_net_raw=ep',
      permitted: ['cap_kill', 'cap_net_raw'],
      inheritable: [],
      effective: true,
      rootid: 7,
    },
  ]);
  expect(json('setcap -v --json cap_net_raw=p ping')).toEqual([
    { file: 'ping', ok: false, differs: 'p', text: '=', rootid: 0 },
  ]);
  const [one] = json('ts-capsh --inh=cap_kill --addamb=cap_kill --drop=cap_chown -- -c "exec getpcaps --json 0"');
  expect(one).toMatchObject({ pid: 0, inheritable: ['cap_kill'], ambient: ['cap_kill'] });
  expect(one.iab).toMatch(/^!cap_chown,\^cap_kill/);
  expect(one.bounding).not.toContain('cap_chown');
});

/** K3 as the articles have it. */
const K3 = `capsh --caps="cap_net_raw+ip cap_setpcap,cap_setuid,cap_setgid+ep" --keep=1 --user=$USER --addamb=cap_net_raw -- -c 'id && getcap -v ./ping && grep Cap /proc/$$/status && ./ping -c1 127.0.0.1'`;
const FORMS = {
  'word for word': K3,
  'by our names': K3.replace('capsh', 'ts-capsh'),
  'with a look in between, so that all is done live': K3.replace('--addamb', '--print --addamb').replace(
    '-- -c',
    '--has-a=cap_net_raw --current -- -c',
  ),
};

function pinging(script: string): Result {
  using folder = temporaryFolder();
  copyFileSync('/usr/bin/ping', join(folder.path, 'ping'));
  return run(['unshare', '-n', 'sh', '-c', `${RAW_ONLY} && cd ${folder.path} && ${script}`], {
    env: { PATH: compatRun, USER: 'nobody' },
  });
}

const compatRun = shell('echo $PATH', { compat: true }).stdout.trim();

describe('K3: one capability for an ordinary user, options in order', () => {
  for (const [form, script] of Object.entries(FORMS))
    test(form, (context) => {
      needs(context, needsRoot, needsProgram('ping', 'getcap', 'ip'));
      const { status, stdout, stderr } = pinging(script);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain(`uid=${NOBODY}(nobody) gid=${NOBODY}(nogroup) groups=${NOBODY}(nogroup)\n./ping\n`);
      for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) expect(stdout).toContain(`Cap${set}:\t${NET_RAW}\n`);
      expect(stdout).toContain('1 received');
    });

  const REFUSED = [
    ['without the ambient capability the execve takes it', K3.replace('--addamb=cap_net_raw', '')],
    [
      'without --keep the change of user takes what could become ambient',
      K3.replace('--keep=1 --user', '--uid=65534 --user'),
    ],
  ] as const;
  for (const [what, script] of REFUSED)
    test(what, (context) => {
      needs(context, needsRoot, needsProgram('ping', 'getcap', 'ip'));
      const { status, stdout } = pinging(script);
      expect(status).not.toBe(0);
      expect(stdout).not.toContain('1 received');
    });
});

describe('what an execve in between would change', () => {
  const caps = (script: string) => shell(script, { compat: true });

  test('as root it gives the capabilities back, as with the original', (context) => {
    needs(context, needsRoot);
    const { stdout } = caps(
      `capsh --caps= --current -- -c 'grep CapEff /proc/self/status'; capsh --secbits=1 --caps= -- -c 'grep CapEff /proc/self/status'`,
    );
    const own = /CapPrm:\t(\w+)/.exec(caps('cat /proc/self/status').stdout)?.[1];
    expect(stdout).toMatch(new RegExp(`Current: =\n.*\nCapEff:\t${own}\nCapEff:\t0{16}\n`));
  });

  test('== is capsh again, after an execve', (context) => {
    needs(context, needsRoot);
    expect(caps('capsh --caps= == --has-p=cap_kill').status).toBe(0);
    expect(caps('capsh --uid=65534 == --has-p=cap_kill').status).toBe(1);
    expect(caps('capsh --inh=cap_kill --keep=1 --uid=65534 --addamb=cap_kill == --has-p=cap_kill').status).toBe(0);
  });

  test('in a chain with other tools', (context) => {
    needs(context, needsRoot);
    const look = `-c 'grep -E "^Cap(Prm|Bnd)|^Uid" /proc/self/status'`;
    for (const options of ['--drop=cap_kill', '--user=nobody', '--print --drop=cap_kill --uid=5']) {
      const chain = `unshare -u hostname box capsh ${options} -- ${look}`;
      const fused = caps(chain);
      expect(fused).toEqual(shell(chain, { compat: true, env: { TS_TOOLS_NO_FUSE: '1' } }));
      // What the original has printed to a pipe is lost when it becomes the shell.
      const { stdout } = shell(`capsh ${options} -- ${look}`);
      expect(fused.stdout.endsWith(stdout) && stdout).toMatch(/^Uid:/);
    }
  });
});

describe('bad input: one line, status 1, nothing is run', () => {
  const WRONG = [
    ['--drop=cap_net_rew', 'capsh: unknown capability: cap_net_rew', "capsh: did you mean 'cap_net_raw'?"],
    ['--user=no-such-user', 'capsh: no such user: no-such-user', undefined],
    ['--uid=ten', 'capsh: invalid --uid value: want non-negative integer, got "ten"', undefined],
    ['--chroot=/nowhere', 'capsh: unable to chroot/chdir to [/nowhere]: No such file or directory', undefined],
    ['--shell=/nowhere', 'capsh: cannot execute /nowhere: No such file or directory', undefined],
    [
      '--addamb=cap_kill',
      'capsh: failed to raise ambient [cap_kill=5]: Operation not permitted',
      'capsh: cap_kill must be inheritable first: --inh=cap_kill before --addamb',
    ],
  ] as const;
  for (const [option, message, hint] of WRONG)
    test(option, (context) => {
      needs(context, needsRoot);
      const { status, stdout, stderr } = shell(`capsh ${option} -- -c 'echo ran'`, { compat: true });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr.trimEnd().split('\n')).toEqual(hint === undefined ? [message] : [message, hint]);
    });

  const REFUSED = [
    ['--chroot=/', 'unable to raise CAP_SYS_CHROOT', 'CAP_SYS_CHROOT'],
    ['--drop=cap_kill', 'unable to raise CAP_SETPCAP for changes of the bounding set', 'CAP_SETPCAP'],
    ['--uid=0', 'failed to set uid=0', 'CAP_SETUID'],
    ['--gid=0', 'failed to set gid=0', 'CAP_SETGID'],
    ['--groups=0', 'failed to set the supplementary groups', 'CAP_SETGID'],
    ['--secbits=1', 'failed to set securebits to 01/0x1', 'CAP_SETPCAP'],
  ] as const;
  for (const [option, message, needed] of REFUSED)
    for (const look of [[], ['--has-ambient']])
      test(`as an ordinary user: ${[...look, option].join(' ')}`, (context) => {
        needs(context, needsRoot);
        const { status, stderr } = run(['ts-capsh', ...look, option, '--', '-c', 'true'], { uid: NOBODY });
        expect(status).toBe(1);
        const [first, second] = stderr.split('\n');
        expect(first).toBe(`ts-capsh: ${message}: Operation not permitted`);
        expect(second).toMatch(new RegExp(`^ts-capsh: this needs ${needed}: be root`));
      });

  test('options before the wrong one have acted', () => {
    const { status, stdout } = shell('capsh --modes --decode=3 --nonsense --decode=4', { compat: true });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^Supported modes.*\n0x0000000000000003=.*\nusage: capsh/);
    expect(stdout).not.toContain('0x0000000000000004');
  });
});
