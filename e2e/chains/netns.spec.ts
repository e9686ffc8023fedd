/** Recipes W1 to W3, N8 and the namespaces of A3; connect, run, NAT and published ports; ordinary users. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inNetwork, inOwnNetwork } from '../harness/network.ts';
import { bin, compatPath, isRoot, NOBODY, original, originalPath, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const USERS = isRoot ? [0, NOBODY] : [process.getuid?.() as number];
const FORMS = [
  { form: 'original name', ip: 'ip', netns: 'ip netns', path: compatPath },
  { form: 'our name', ip: 'ts-netns', netns: 'ts-netns', path: originalPath },
] as const;
const IP = original('ip') ?? '/usr/sbin/ip';

/** Answers each connection with who it sees, as a script for sh. */
const server = (port: number) =>
  `node -e 'require("net").createServer((s) => s.end("seen from " + s.remoteAddress + "\\n")).listen(${port}, "0.0.0.0", () => console.log("ready")).unref; setTimeout(() => process.exit(), 30000)'`;
const client = (address: string, port: number) =>
  `node -e 'require("net").connect({ host: "${address}", port: ${port}, timeout: 3000 }).on("data", (d) => process.stdout.write(d)).on("timeout", function () { console.log("timeout"); this.destroy(); }).on("error", (e) => console.log(e.code))'`;
/** Starts it in the background and waits until it listens. */
const started = (command: string, name: string) =>
  `${command} > /run/${name}.out & SERVERS="$SERVERS $!"; for i in $(seq 200); do grep -q ready /run/${name}.out && break; sleep 0.05; done`;

for (const { form, ip, netns, path } of FORMS) {
  const script = (text: string) => inNetwork(text, { env: { PATH: path } });

  describe(`W1, W3: a bridge, a pair, a namespace, ${form}`, () => {
    test('a container reaches its gateway; what is deleted is gone', (context) => {
      needs(context, needsRoot, needsProgram('ip', 'ping'));
      const { stdout, stderr, status } = script(`set -e
        ${ip} link add br0 type bridge
        ${ip} addr add 192.168.77.1/24 brd + dev br0 label br0:gw
        ${ip} link set br0 up
        ${netns} add ns0
        ${ip} link add veth0 type veth peer name veth0_peer
        ${ip} link set veth0 master br0
        ${ip} link set veth0 up
        ${ip} link set veth0_peer netns ns0
        ${netns} exec ns0 ${ip} link set veth0_peer name eth0
        ${ip} -n ns0 addr add 192.168.77.2/24 dev eth0
        ${ip} -n ns0 link set eth0 up
        ${ip} -n ns0 route add default via 192.168.77.1
        ${IP} -o addr show dev br0 scope global
        ${ip} link show veth0 | head -1
        ${IP} link show veth0 | head -1
        ${IP} -n ns0 route
        ${netns} exec ns0 ping -q -c 3 -i 0.2 192.168.77.1 | grep transmitted
        ${netns} list; ${IP} netns list
        ${netns} del ns0
        for i in $(seq 100); do ${IP} link show veth0 >/run/shown 2>&1 || break; sleep 0.05; done; cat /run/shown
        ${ip} link del br0
        ${IP} -br link`);
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout).toContain('inet 192.168.77.1/24 brd 192.168.77.255 scope global br0:gw');
      expect(
        stdout.match(
          /^\d+: veth0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP /gm,
        ),
      ).toHaveLength(2);
      expect(stdout).toContain(
        'default via 192.168.77.1 dev eth0 \n192.168.77.0/24 dev eth0 proto kernel scope link src 192.168.77.2',
      );
      expect(stdout).toContain('3 packets transmitted, 3 received, 0% packet loss');
      expect(stdout.split('ns0 (id: 0)\n')).toHaveLength(3);
      expect(stdout).toContain('Device "veth0" does not exist.');
      expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^lo /);
    });
  });

  describe(`N8: a new network namespace has lo alone, down, ${form}`, () => {
    for (const uid of USERS)
      test(`as user ${uid}`, (context) => {
        needs(context, needsProgram('unshare'));
        const { stdout, stderr } = run(['unshare', '-nr', ...ip.split(' '), 'link'], { uid, env: { PATH: path } });
        expect(stderr).toBe('');
        expect(stdout).toMatch(/^1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN .*\n {4}link\/loopback .*\n$/);
      });
  });
}

describe('exec', () => {
  test('a mount namespace of its own: /sys of the namespace, files of /etc/netns in /etc, nothing outside', (context) => {
    needs(context, needsRoot, needsProgram('ip'));
    const { stdout, stderr } = inNetwork(`
      ts-netns add a; mkdir -p /etc/netns/a; echo 'nameserver 9.9.9.9' > /etc/netns/a/resolv.conf; : > /etc/netns/a/nosuch
      ${IP} link add out0 type ifb
      ts-netns exec a sh -c 'cat /etc/resolv.conf; ls /sys/class/net; readlink /proc/self/ns/net; ts-netns identify; readlink /proc/self/ns/mnt' > /run/inside
      ${IP} netns exec a readlink /proc/self/ns/net; readlink /proc/self/ns/mnt
      cat /run/inside; cat /etc/resolv.conf; ls /sys/class/net | tr '\\n' ' '`);
    expect(stderr.replaceAll('ts-netns: ', '')).toContain(
      'Bind /etc/netns/a/nosuch -> /etc/nosuch failed: No such file or directory\n',
    );
    const [net, mnt, servers, link, own, name, ownMnt, ...outside] = stdout.split('\n');
    expect({ servers, link, own, name }).toEqual({ servers: 'nameserver 9.9.9.9', link: 'lo', own: net, name: 'a' });
    expect(ownMnt).not.toBe(mnt);
    expect(outside.join('\n')).toBe('lo out0 ');
  });

  test('the program’s own status, or death by its signal; one process a chain, fused or not', (context) => {
    needs(context, needsRoot, needsProgram('ip'));
    for (const fuse of ['0', '1']) {
      const { stdout, stderr } = inNetwork(
        `ts-netns add a; ts-netns exec a sh -c 'exit 7'; echo $?
         ts-netns exec a ts-mount --version >/dev/null; ts-unshare -u ts-netns exec a ts-unshare -u ts-hostname box sh -c 'hostname; ls /sys/class/net; echo $PPID'; echo $$`,
        { env: { TS_TOOLS_NO_FUSE: fuse, PATH: originalPath } },
      );
      expect(stderr).toMatch(/^(ts-hostname: .*\n.*\n)?$/);
      const [status, host, link, parent, self] = stdout.split('\n');
      expect({ status, host, link, parent }).toEqual({ status: '7', host: 'box', link: 'lo', parent: self });
    }
  });

  test('A3: ip netns exec, then capsh with another root, another user and fewer capabilities', (context) => {
    needs(context, needsRoot, needsProgram('capsh', 'ip'));
    using folder = temporaryFolder();
    run(['ts-rootfs', join(folder.path, 'rootfs')]);
    mkdirSync(join(folder.path, 'rootfs/proc'), { recursive: true });
    const command = (set: string) =>
      `ip netns add box; mount -t proc proc ${folder.path}/rootfs/proc; PATH=${set} ip netns exec box capsh --inh=cap_chown --drop=cap_sys_admin --chroot=${folder.path}/rootfs --gid=1000 --uid=1000 -- -c 'grep -E "^(Uid|Gid|Cap)" /proc/self/status; grep : /proc/net/dev'`;
    const [ours, theirs] = [compatPath, originalPath].map((set) =>
      inNetwork(command(set), { env: { PATH: originalPath } }),
    );
    expect(ours).toEqual(theirs);
    expect(ours?.stdout).toContain('lo:');
  });

  test('-all: one after the other', (context) => {
    needs(context, needsRoot, needsProgram('ip'));
    const list = (path: string) =>
      inNetwork(
        `${IP} netns add a; ${IP} netns add b; PATH=${path}; ip -all netns exec sh -c 'echo in $(ip netns identify)'`,
      ).stdout;
    expect(list(compatPath)).toBe(list(originalPath));
  });
});

const CONNECT =
  'ts-netns connect c1 --bridge br0 --address 192.168.77.2/24 --gateway 192.168.77.1 --nat --publish 8080:80/tcp --dns 192.168.77.1';
/** Another "host" behind a link of this one, which does not know the container's net. */
const FAR = `${IP} link set lo up; ${IP} netns add far; ${IP} link add out0 type veth peer name far0 netns far
  ${IP} addr add 10.9.9.1/24 dev out0; ${IP} link set out0 up
  ${IP} -n far addr add 10.9.9.2/24 dev far0; ${IP} -n far link set far0 up; ${IP} -n far link set lo up`;
const FORWARDING = 'cat /proc/sys/net/ipv4/ip_forward';

describe('W2: NAT, and ports', () => {
  test('out with the host’s address, in through a port; taken back with all it had turned on', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft', 'ping'));
    const { stdout, stderr } = inNetwork(`${FAR}
      nft add table inet others; nft list ruleset > /run/before
      echo "before: $(${FORWARDING})"
      ${CONNECT}; ${CONNECT}; echo "connected: $? $(${FORWARDING})"
      ${started(`${IP} netns exec far ${server(81)}`, 'far')}
      ${started(`${IP} netns exec c1 ${server(80)}`, 'c1')}
      echo "out: $(${IP} netns exec c1 ${client('10.9.9.2', 81)})"
      echo "in: $(${IP} netns exec far ${client('10.9.9.1', 8080)})"
      echo "here: $(${client('192.168.77.1', 8080)})"
      echo "loopback: $(${client('127.0.0.1', 8080)})"
      echo "itself: $(${IP} netns exec c1 ${client('192.168.77.1', 8080)})"
      ts-netns exec c1 cat /etc/resolv.conf | tail -1
      ts-netns nat; ts-netns publish; ts-netns -j publish
      nft list table inet ts-netns | grep -c comment
      kill $SERVERS
      ts-netns disconnect c1; echo "disconnected: $? $(${FORWARDING})"
      nft list ruleset | cmp - /run/before && echo same
      ${IP} -br link | cut -d' ' -f1; ${IP} netns | cut -d' ' -f1; ls /etc/netns 2>&1`);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      'before: 0',
      'connected: 0 1',
      'out: seen from 10.9.9.1',
      'in: seen from 10.9.9.2',
      'here: seen from 192.168.77.1',
      'loopback: ECONNREFUSED',
      'itself: seen from 192.168.77.1',
      'nameserver 192.168.77.1',
      '192.168.77.0/24 for c1',
      'c1 8080:80/tcp to 192.168.77.2',
      '[{"namespace":"c1","ports":"8080:80/tcp","to":"192.168.77.2"}]',
      '5',
      'disconnected: 0 0',
      'same',
      'lo',
      'out0@if2',
      'far',
      "ls: cannot access '/etc/netns': No such file or directory",
      '',
    ]);
  });

  test('nat, publish, filter by hand: added once, listed, removed, the table goes with the last', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft'));
    const { stdout, stderr } = inNetwork(`
      ts-netns nat add --source 10.1.2.3/16 --out lo; ts-netns nat add --source 10.1.0.0/16 --out lo; echo $?
      ts-netns filter add --source 10.1.0.0/16 --destination 10.2.0.0/16 --port 22/tcp --drop
      ts-netns nat add --source fd00::/64; ts-netns nat; ts-netns filter; ts-netns -j nat
      cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
      nft list table inet ts-netns | grep -E 'masquerade|drop' | sed 's/^\\s*//'
      ts-netns nat del --source 10.1.0.0/16 --out lo; ts-netns nat del --source 10.1.0.0/16 --out lo; echo $?
      ts-netns nat del --source fd00::/64; cat /proc/sys/net/ipv4/ip_forward
      ts-netns filter del --source 10.1.0.0/16 --destination 10.2.0.0/16 --port 22/tcp --drop
      cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding; nft list ruleset`);
    expect(stderr).toBe(
      'ts-netns: nat: the rule is there already\nts-netns: there is no such rule: nat 10.1.0.0/16 out lo\n',
    );
    expect(stdout.split('\n')).toEqual([
      '2',
      '10.1.0.0/16 out lo',
      'fd00::/64',
      'source 10.1.0.0/16 destination 10.2.0.0/16 port 22/tcp drop',
      '[{"source":"10.1.0.0/16","out":"lo"},{"source":"fd00::/64"}]',
      '1',
      '1',
      'ip saddr 10.1.0.0/16 oifname "lo" masquerade comment "nat 10.1.0.0/16 out lo"',
      'ip6 saddr fd00::/64 ip6 daddr != fd00::/64 masquerade comment "nat fd00::/64"',
      'ip saddr 10.1.0.0/16 ip daddr 10.2.0.0/16 tcp dport 22 drop comment "filter source 10.1.0.0/16 destination 10.2.0.0/16 port 22/tcp drop"',
      '1',
      '1',
      '0',
      '0',
      '',
    ]);
  });
});

describe('next hops', () => {
  test('routes by id: changing the object moves their traffic; a group spreads it', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'ping'));
    // Two routers between the container and an address that both have.
    const router = (n: number) =>
      `${IP} netns add r${n}; ${IP} link add v${n} type veth peer name e netns r${n}; ${IP} addr add 10.0.${n}.1/24 dev v${n}; ${IP} link set v${n} up
       ${IP} -n r${n} link set e up; ${IP} -n r${n} addr add 10.0.${n}.2/24 dev e; ${IP} -n r${n} link set lo up; ${IP} -n r${n} addr add 9.9.9.9/32 dev lo
       for a in $(seq 16); do ${IP} -n r${n} addr add 9.9.8.$a/32 dev lo; done`;
    // Echo requests that each router has answered so far.
    const answered = [1, 2]
      .map((n) => `echo "r${n}: $(${IP} netns exec r${n} awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp)"`)
      .join('; ');
    const { stdout, stderr } = inNetwork(`${router(1)}; ${router(2)}
      for i in 1 2; do until ${IP} link show v$i | grep -q LOWER_UP; do sleep 0.05; done; done
      ts-netns nexthop add id 1 via 10.0.1.2 dev v1; ts-netns nexthop add id 2 via 10.0.2.2 dev v2
      ts-netns nexthop add id 3 via 10.0.1.2 dev v1; ts-netns nexthop add id 10 group 1,2/2
      ts-netns route add 9.9.9.9 nhid 3; ts-netns route add 9.9.8.0/24 nhid 10
      ping -q -c 5 -i 0.05 -W 3 9.9.9.9 | grep -o '5 received'; ${answered}
      ts-netns nexthop replace id 3 via 10.0.2.2 dev v2
      ping -q -c 5 -i 0.05 -W 3 9.9.9.9 | grep -o '5 received'; ${answered}
      for a in $(seq 16); do ${IP} route get 9.9.8.$a; done | grep -o 'dev v.' | sort -u
      ts-netns nexthop del id 2; ${IP} route show 9.9.8.0/24
      ts-netns nexthop flush; ${IP} nexthop; ${IP} route show 9.9.0.0/16`);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      ...['5 received', 'r1: 5', 'r2: 0', '5 received', 'r1: 5', 'r2: 5', 'dev v1', 'dev v2'],
      '9.9.8.0/24 nhid 10 via 10.0.1.2 dev v1 ',
      'Flushed 3 nexthops',
      '',
    ]);
  });
});

describe('connect: all or nothing', () => {
  /** State of the host, to be compared: links, namespaces, rules, forwarding, files. */
  const state = `(${IP} -o link | sed 's/link.ether.*//'; ${IP} -o addr | grep -v fe80; ${IP} netns; nft list ruleset; ${FORWARDING}; ls -R /etc/netns 2>&1)`;
  for (const [what, before, command, message] of [
    ['the device is there inside', 'ip netns add c1; ip -n c1 link add eth0 type ifb', CONNECT, /File exists/],
    ['the host’s end is there', 'ip link add ve-c1 type ifb', CONNECT, /ve-c1 is there already/],
    ['the bridge is none', 'ip link add br0 type ifb', CONNECT, /br0 is there, and no bridge/],
    [
      'a port is taken',
      // Its links are up a moment later.
      'ts-netns connect c0 --bridge br0 --address 192.168.77.9/24 --publish 8080:81; until ip -o link show br0 | grep -q "state UP"; do sleep 0.05; done',
      CONNECT,
      /is published by c0/,
    ],
    [
      'resolv.conf is another’s',
      'mkdir -p /etc/netns/c1; echo x > /etc/netns/c1/resolv.conf',
      CONNECT,
      /resolv.conf is there already/,
    ],
    ['a kernel’s refusal', '', `${CONNECT} --mtu 65535 --address 0.0.0.0/24`, /gateway/],
    ['no prefix length', '', 'ts-netns connect c1 --bridge br0 --address 1.2.3.4', /has no prefix length/],
    [
      'a gateway elsewhere',
      '',
      'ts-netns connect c1 --bridge br0 --address 1.2.3.4/24 --gateway 2.2.2.2',
      /not in the net/,
    ],
    ['a long name', '', 'ts-netns connect c1 --bridge br0123456789012345 --address 1.2.3.4/24', /not a valid ifname/],
    ['no namespace of that name', '', 'ts-netns connect a/b --bridge br0', /Invalid netns name/],
    ['forwarding cannot be turned on', 'mount -o bind,ro /proc/sys /proc/sys', CONNECT, /Read-only file system/],
  ] as const)
    test(what, (context) => {
      needs(context, needsRoot, needsProgram('ip', 'nft'));
      const { stdout, stderr } = inNetwork(
        `${before || ':'}; ${state} > /run/before; ${command} 2>/run/error; echo "status $?"; ${state} > /run/after; diff /run/before /run/after && echo same; cat /run/error`,
      );
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^status (1|2|255)\nsame\n/);
      expect(stdout).toMatch(message);
    });

  test('--dry-run says what would be done, and does nothing', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft'));
    const { stdout, stderr } = inNetwork(
      `${CONNECT.replace('ts-netns', 'ts-netns --dry-run')}; ${IP} -br link | cut -d' ' -f1; ls -A /run/netns 2>&1`,
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(`ip netns add c1
ip link add br0 type bridge
ip address add 192.168.77.1/24 brd + dev br0
ip link set br0 up
ip link add ve-c1 type veth peer name eth0 netns c1
ip link set ve-c1 master br0 up
ip -n c1 link set lo up
ip -n c1 address add 192.168.77.2/24 brd + dev eth0
ip -n c1 link set eth0 up
ip -n c1 route replace default via 192.168.77.1 dev eth0
table inet ts-netns: nat 192.168.77.0/24 for c1
table inet ts-netns: publish c1 8080:80/tcp to 192.168.77.2
/etc/netns/c1/resolv.conf: nameserver 192.168.77.1
lo
ls: cannot access '/run/netns': No such file or directory
`);
  });

  test('what is there already stays when connect comes again, and disconnect leaves what others made', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft'));
    const { stdout, stderr } = inNetwork(`
      ${IP} netns add mine; ${IP} link add br0 type bridge; ${IP} link set br0 up
      ts-netns connect mine --bridge br0 --address 10.0.0.2/24 --gateway 10.0.0.1
      ts-netns connect mine --bridge br0 --address 10.0.0.2/24 --gateway 10.0.0.1; echo $?
      ts-netns disconnect mine; echo $?; ${IP} netns | cut -d' ' -f1; ${IP} -br link | cut -d' ' -f1
      ts-netns disconnect mine; echo $?`);
    expect(stderr).toBe('ts-netns: namespace mine is not connected\n');
    expect(stdout).toBe('0\n0\nmine\nlo\nbr0\n1\n');
  });
});

describe('connect: several at once', () => {
  const ended = 'for p in $P; do wait $p; echo $?; done > /run/ended; P=; sort /run/ended | tr "\\n" " "; echo';
  const rest = `${IP} -br link | cut -d' ' -f1; nft list ruleset; ${FORWARDING}; ls /run/netns; ls /etc/netns 2>&1 | grep -o 'No such file.*'`;

  test('namespaces of different names at one bridge', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft', 'ping'));
    const { stdout, stderr } = inNetwork(`
      for i in 1 2 3 4 5 6; do ts-netns connect c$i --bridge br0 --address 10.5.0.1$i/24 --gateway 10.5.0.1 --nat --publish 808$i:80 --dns 1.1.1.1 & P="$P $!"; done; ${ended}
      ${IP} -br -4 addr show br0 | tr -s ' '; nft list table inet ts-netns | grep -c comment; ${FORWARDING}
      for i in 1 2 3 4 5 6; do ${IP} netns exec c$i ping -q -c 1 -W 3 10.5.0.1 | grep -o ' 1 received'; done | sort | uniq -c | tr -s ' '
      for i in 1 2 3 4 5 6; do ts-netns disconnect c$i & P="$P $!"; done; ${ended}; ${rest}`);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      ...['0 0 0 0 0 0 ', 'br0 UP 10.5.0.1/24 ', '25', '1', ' 6 1 received', '0 0 0 0 0 0 '],
      ...['lo', '0', 'No such file or directory', ''],
    ]);
  });

  test('the same namespace: made once, taken away once', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft', 'ping'));
    const { stdout, stderr } = inNetwork(`
      for i in 1 2 3 4; do ts-netns connect s --bridge br0 --address 10.5.0.9/24 --gateway 10.5.0.1 --nat --publish 8080:80 --dns 1.1.1.1 & P="$P $!"; done; ${ended}
      nft list table inet ts-netns | grep -c comment; ${IP} netns exec s ping -q -c 1 -W 3 10.5.0.1 | grep -o ' 1 received'; ${IP} -n s -br link | wc -l
      for i in 1 2 3 4; do ts-netns disconnect s & P="$P $!"; done; ${ended}; ${rest}`);
    expect(stderr).toBe('ts-netns: namespace s is not connected\n'.repeat(3));
    expect(stdout.split('\n')).toEqual([
      ...['0 0 0 0 ', '5', ' 1 received', '2', '0 1 1 1 ', 'lo', '0', 'No such file or directory', ''],
    ]);
  });
});

describe('connect: at each of its steps', () => {
  const call = (inject: string) =>
    `strace -f -qqq -o /dev/null -e inject=sendto:${inject}:when=$n ${bin}/${CONNECT} >/dev/null 2>&1; s=$?`;
  /** All but whether packets are passed on: what a killed process had turned on, nobody can know any more. */
  const state = `(${IP} -o link | sed 's/link.ether.*//; s/^[0-9]*: //; s/@if[0-9]*//'; ${IP} -o addr | grep -v fe80 | sed 's/^[0-9]*: //'; ${IP} netns; nft list ruleset; ls -R /etc/netns 2>&1)`;

  test('refused: nothing of it is left', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft', 'strace'));
    const { stdout } = inNetwork(`mkdir /run/netns; ${state} > /run/before; echo "$(${FORWARDING})" >> /run/before
      for n in $(seq 100); do ${call('error=ENOBUFS')}; [ $s = 0 ] && break
        ${state} > /run/after; echo "$(${FORWARDING})" >> /run/after; cmp -s /run/before /run/after || { echo "step $n"; diff /run/before /run/after; }; done
      echo "refused $((n > 20)), then connected: $s"`);
    expect(stdout).toBe('refused 1, then connected: 0\n');
  });

  test('killed: never one end of a pair alone; connect again completes it, disconnect takes it away', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft', 'ping', 'strace'));
    const { stdout } = inNetwork(`
      for n in $(seq 100); do { ${call('signal=KILL')}; } 2>/dev/null; [ $s = 0 ] && break
        there=$(${IP} -br link show ve-c1 2>/dev/null | wc -l); inside=$(${IP} -n c1 -br link show eth0 2>/dev/null | wc -l)
        [ $there = $inside ] || echo "step $n: half a pair"
        ${CONNECT} || echo "step $n: not again"
        ${IP} netns exec c1 ping -q -c 1 -W 3 192.168.77.1 | grep -q ' 1 received' || echo "step $n: no answer"
        ts-netns disconnect c1 || echo "step $n: not taken away"
        ${IP} -br link show ve-c1 2>/dev/null; nft list ruleset; ls /etc/netns 2>/dev/null
        ${IP} netns del c1 2>/dev/null; ${IP} link del br0 2>/dev/null; done
      echo "killed $((n > 20)), then connected: $s"`);
    expect(stdout).toBe('killed 1, then connected: 0\n');
  });

  test('interrupted: done to the end', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft', 'ping', 'strace'));
    const { stdout } = inNetwork(`
      for n in 1 5 10 15 20; do ${call('signal=INT')}; echo "status $s"; ${IP} netns exec c1 ping -q -c 1 -W 3 192.168.77.1 | grep -o 'received'; ts-netns disconnect c1; done | sort | uniq -c | tr -s ' '
      ${IP} -br link | cut -d' ' -f1; nft list ruleset; ${FORWARDING}`);
    expect(stdout).toBe(' 5 received\n 5 status 0\nlo\n0\n');
  });

  test('a file in /run/netns on which nothing is mounted is named', (context) => {
    needs(context, needsRoot);
    const { stdout, stderr } = inNetwork(
      `ts-netns add a; : > /run/netns/c1; ${CONNECT}; echo $?; ts-netns del c1; ${CONNECT}; echo $?`,
    );
    expect(stdout).toBe('255\n0\n');
    expect(stderr).toMatch(
      /^ts-netns: setting the network namespace "c1" failed: Invalid argument\nts-netns: that is a file/,
    );
  });
});

describe('run: a namespace that goes with its program', () => {
  const RUN = 'ts-netns run --bridge br0 --address 192.168.77.4/24 --gateway 192.168.77.1 --nat --dns 1.2.3.4 --';
  for (const [how, program, status] of [
    ['ends', 'exit 5', 5],
    ['is killed', 'kill -9 $$', 137],
  ] as const)
    test(`that ${how}`, (context) => {
      needs(context, needsRoot, needsProgram('ip', 'nft', 'ping'));
      const { stdout } = inNetwork(`${FAR}
        ${RUN} sh -c '${IP} -br -4 addr | tr -s " "; cat /etc/resolv.conf; ping -q -c 1 -W 3 10.9.9.2 | grep -o "1 received"; ${program}' 2>/run/err; echo "status $?"
        ${IP} -br link | cut -d' ' -f1 | tr '\\n' ' '; nft list ruleset; ${FORWARDING}; ls /run/netns; cat /etc/resolv.conf`);
      expect(stdout.split('\n')).toEqual([
        'lo UNKNOWN 127.0.0.1/8 ',
        expect.stringMatching(/^eth0@if\d+ UP 192.168.77.4\/24 $/),
        'nameserver 1.2.3.4',
        '1 received',
        `status ${status}`,
        'lo out0@if2 0',
        'far',
        '',
      ]);
    });

  for (const signal of ['HUP', 'TERM'] as const)
    test(`whose tool gets SIG${signal}`, (context) => {
      needs(context, needsRoot, needsProgram('ip', 'nft'));
      const { stdout } = inNetwork(`
        ${RUN} sleep 20 2>/dev/null & P=$!; for i in $(seq 200); do pgrep -P $P sleep >/dev/null && break; sleep 0.05; done
        kill -${signal} $P; wait $P 2>/dev/null; echo "status $?"; ${IP} -br link | cut -d' ' -f1; nft list ruleset; ${FORWARDING}`);
      expect(stdout).toBe(`status ${{ HUP: 129, TERM: 143 }[signal]}\nlo\n0\n`);
    });

  test('killed together with its tool: the next one there takes the bridge away', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft'));
    const { stdout } = inNetwork(`
      ${RUN} sleep 20 2>/dev/null & P=$!; for i in $(seq 200); do C=$(pgrep -P $P sleep) && break; sleep 0.05; done
      kill -9 $P $C; wait $P 2>/dev/null; until [ $(${IP} -br link | wc -l) = 2 ]; do sleep 0.05; done
      nft list ruleset; ${RUN} true; ${IP} -br link | cut -d' ' -f1; nft list ruleset`);
    expect(stdout).toBe('lo\n');
  });

  test('the table goes at once when even its parent is killed', (context) => {
    needs(context, needsRoot, needsProgram('ip', 'nft'));
    const { stdout } = inNetwork(`
      ${RUN} sleep 20 & P=$!
      for i in $(seq 200); do pgrep -P $P sleep >/dev/null && break; sleep 0.05; done
      nft list tables | tr -d '[0-9]'; C=$(pgrep -P $P); kill -9 $P; wait $P 2>/dev/null; kill -9 $C; sleep 0.3; nft list tables`);
    expect(stdout).toBe('table inet ts-netns-\n');
  });

  test('without options, lo alone, and up', (context) => {
    needs(context, needsRoot, needsProgram('ip'));
    expect(inNetwork(`ts-netns run ${IP} -br link | cut -d' ' -f1; ts-netns run -- /nosuch; echo $?`)).toMatchObject({
      stdout: 'lo\n1\n',
      stderr: 'ts-netns: exec of "/nosuch" failed: No such file or directory\n',
    });
  });
});

describe('ordinary users', () => {
  for (const uid of USERS.filter((each) => each !== 0)) {
    test('all of it in namespaces of one’s own', (context) => {
      needs(context, needsProgram('ip', 'unshare'));
      const { stdout, stderr } = inOwnNetwork(
        `ts-netns connect c1 --bridge br0 --address 10.7.0.2/24 --gateway 10.7.0.1 --nat --publish 8080:80 && ts-netns list
         ts-netns exec c1 ${IP} -br -4 addr | tr -s ' '; ts-netns publish; cat /proc/sys/net/ipv4/ip_forward
         ts-netns run --bridge br0 --address 10.7.0.9/24 ${IP} -br -4 addr | tr -s ' '; ts-netns disconnect c1; cat /proc/sys/net/ipv4/ip_forward`,
        { uid },
      );
      expect(stderr).toBe('');
      expect(stdout).toMatch(
        /^c1 \(id: 0\)\nlo UNKNOWN 127.0.0.1\/8 \neth0@if\d+ UP 10.7.0.2\/24 \nc1 8080:80\/tcp to 10.7.0.2\n1\nlo .*\neth0@if\d+ UP 10.7.0.9\/24 \n0\n$/,
      );
    });
    test('elsewhere the error says what is needed', () => {
      const network = ['link set lo mtu 1400', 'link del lo', 'addr add 1.2.3.4/8 dev lo', 'route add default dev lo'];
      const more = ['neigh add 1.2.3.4 lladdr 1:2:3:4:5:6 dev lo', 'nexthop add id 1 blackhole', 'nexthop flush id 1'];
      const names = ['add x', 'attach x 1', 'monitor', 'connect x --bridge br0 --address 10.0.0.2/24'];
      const rules = [
        'nat',
        'nat add --source 10.0.0.0/8',
        'publish',
        'publish x 80:80 --to 1.2.3.4',
        'unpublish x',
        'filter',
      ];
      const ours = ['disconnect x', 'filter add --drop', 'run true', 'run --bridge br0 --address 10.0.0.2/24 true'];
      for (const words of ['link add br0 type bridge', ...network, ...more, ...names, ...rules, ...ours])
        expect(run(['ts-netns', ...words.split(' ')], { uid, cwd: '/' })).toMatchObject({
          status: expect.toSatisfy((status: number) => status !== 0),
          stderr: expect.stringMatching(
            /^ts-netns: .*(not permitted|denied).*\nts-netns: .*ts-unshare --map-root-user.*\n$/,
          ),
        });
    });
    test('every verb in namespaces of one’s own', (context) => {
      needs(context, needsProgram('ip', 'unshare'));
      const words = [
        ...[
          'add a',
          'attach b $$',
          'set a 5',
          'list',
          'list-id',
          'identify',
          'pids a',
          'exec a true',
          '-all exec true',
        ],
        ...[
          'link add br0 type bridge',
          'link set br0 up',
          'link add v type veth peer name w netns a',
          'link set v master br0',
        ],
        ...[
          'link add x type vxlan id 5 dstport 4789',
          'link set lo up',
          'link add i type ifb',
          'link add link i name m type macvlan',
          'link del i',
        ],
        ...[
          'link property add dev v altname foo',
          'link show',
          'addr add 10.0.0.1/24 dev br0',
          'addr show',
          '-n a addr show',
        ],
        ...['route add default via 10.0.0.2 dev br0', 'route show', 'route get 10.0.0.1', 'nexthop add id 1 blackhole'],
        ...[
          'nexthop add id 2 group 1',
          'nexthop show',
          'nexthop flush',
          'neigh add 10.0.0.9 lladdr 1:2:3:4:5:6 dev br0',
          'neigh show',
        ],
        ...['neigh flush dev br0', 'route flush dev br0', 'addr flush dev br0', 'nat add --source 10.0.0.0/8', 'nat'],
        ...[
          'filter add --port 5/tcp --drop',
          'publish a 80:80 --to 1.2.3.4',
          'unpublish a',
          'nat del --source 10.0.0.0/8',
        ],
        ...[
          'filter del --port 5/tcp --drop',
          'connect c --bridge br1 --address 10.7.0.2/24 --gateway 10.7.0.1 --nat --dns 1.1.1.1',
        ],
        ...['exec c grep 1.1.1.1 /etc/resolv.conf', 'disconnect c', 'run true', 'del a', 'del b'],
      ];
      const { stdout, stderr } = inOwnNetwork(
        words.map((each) => `ts-netns ${each} >/dev/null || echo "failed: ${each}"`).join('\n'),
        { uid },
      );
      expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    });
  }
});

describe('batches', () => {
  test('lines with options, names of namespaces, a comment; the number of a line that fails', (context) => {
    needs(context, needsRoot, needsProgram('ip'));
    using folder = temporaryFolder();
    const file = join(folder.path, 'batch');
    writeFileSync(
      file,
      'add n1 # one\nlink add v type veth peer name w netns n1\n-n n1 addr add 1.2.3.4/8 dev w\n\nlink set nope up\nadd n2\n',
    );
    const { stdout, stderr } = inNetwork(
      `ts-netns -batch ${file}; echo $?; ${IP} -n n1 -br addr | tr -s ' '; ${IP} netns`,
    );
    expect(stdout).toBe('1\nlo DOWN \nw@if2 DOWN 1.2.3.4/8 \nn1 (id: 0)\n'.replace('lo DOWN \n', 'lo DOWN \n'));
    expect(stderr).toBe(`ts-netns: Cannot find device "nope"\nts-netns: Command failed ${file}:5\n`);
  });
});

test('a program in a batch runs in its namespace, and the batch goes on', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  using folder = temporaryFolder();
  const file = join(folder.path, 'batch');
  writeFileSync(
    file,
    `netns exec n1 sh -c "ip -br link | grep -c own; echo $A; exit 3"\nlink add here type veth\nnetns exec n1 true\n`,
  );
  const { stdout, stderr } = inNetwork(
    `ts-netns add n1; ${IP} -n n1 link add own type veth; PATH=${compatPath}; A=1 ip -force -batch ${file}; echo $?; ${IP} -br link show here | cut -d@ -f1; ip -batch ${file} >/dev/null; echo $?`,
  );
  expect(stdout).toBe('2\n1\n1\nhere\n1\n');
  expect(stderr).toBe(`Command failed ${file}:1\n`.repeat(2));
});

test('what a failed connect or an ended run leaves: nothing', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  const left = `${IP} -br link | cut -d' ' -f1 | tr '\\n' ' '; ls /run/netns; cat /proc/sys/net/ipv4/ip_forward`;
  // A read-only /etc with name servers that are ours to replace: the last step fails, and so does what would take it back.
  const readOnly = `mount -t tmpfs etc /etc && mkdir -p /etc/netns/n1 && echo '# written by ts-netns connect' >/etc/netns/n1/resolv.conf && mount -o remount,ro /etc`;
  const connect = 'ts-netns connect n1 --bridge b2 --address 10.6.0.2/24 --gateway 10.6.0.1 --nat --dns 9.9.9.9';
  const failed = inNetwork(`mkdir -p /run/netns; ${readOnly}; ${connect}; echo $?; ${left}`);
  expect(failed.stdout).toBe('1\nlo 0\n');
  expect(failed.stderr).toBe("ts-netns: cannot write '/etc/netns/n1/resolv.conf': Read-only file system\n");
  const run = '--bridge b1 --address 10.5.0.2/24 --gateway 10.5.0.1 --nat -- true';
  const renamed = inNetwork(`mkdir -p /run/netns; bash -c 'exec -a foo ts-netns run ${run}'; echo $?; ${left}`);
  expect(renamed).toMatchObject({ stdout: '0\nlo 0\n', stderr: '' });
});

test('a range of ports is published and taken back; a loopback address is refused', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  const { stdout, stderr } = inNetwork(
    `ts-netns add n1; ts-netns publish n1 0.0.0.0:9000-9002:80-82/udp --to 10.1.1.1; ts-netns publish
     ts-netns publish n1 9002 --to 10.1.1.1; ts-netns publish n1 9002/udp --to 10.1.1.1; echo $?
     ts-netns unpublish n1 9000-9001:80-81/udp; ts-netns unpublish n1 9002:82/udp; ts-netns publish
     ts-netns publish n1 127.0.0.1:9000:80/tcp --to 10.1.1.1; echo $?; ts-netns unpublish n1; ts-netns publish; cat /proc/sys/net/ipv4/ip_forward`,
    { env: { TS_HINTS: '0' } },
  );
  expect(stdout).toBe(
    'n1 9000:80/udp to 10.1.1.1\nn1 9001:81/udp to 10.1.1.1\nn1 9002:82/udp to 10.1.1.1\n2\nn1 9002:9002/tcp to 10.1.1.1\n255\n0\n',
  );
  expect(stderr).toBe(
    'ts-netns: port 9002/udp is published already\nts-netns: Error: argument "127.0.0.1" is wrong: connections to a loopback address cannot be forwarded\n',
  );
});

test('names as they come and go', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  const { stdout } = inNetwork(`${bin}/ts-netns monitor > /run/events & P=$!
    for i in $(seq 200); do grep -q inotify /proc/$P/fdinfo/* 2>/dev/null && test -d /run/netns && break; sleep 0.05; done; sleep 0.2
    ${IP} netns add a; ts-netns add b; ${IP} netns del b; sleep 0.2; kill $P; cat /run/events`);
  expect(stdout).toBe('add a\nadd b\ndelete b\n');
});
