/** The state of the calling thread as capsh prints it. */
import {
  ambientSet,
  boundingSet,
  capabilityName,
  formatCapabilityList,
  formatCapabilitySets,
  formatIab,
  guessMode,
  MODES,
  type Mode,
  members,
} from '@ts/capabilities';
import type { World } from '@ts/cli';
import {
  type LiveSys,
  SECBIT_KEEP_CAPS,
  SECBIT_NO_CAP_AMBIENT_RAISE,
  SECBIT_NO_SETUID_FIXUP,
  SECBIT_NOROOT,
} from '@ts/sys';

export const modeOf = (sys: LiveSys, count: number): Mode =>
  guessMode({
    sets: sys.capget(),
    ambient: ambientSet(sys, count),
    bounding: boundingSet(sys, count),
    securebits: sys.getSecurebits(),
  });

const currentIab = (sys: LiveSys, count: number) =>
  formatIab(
    {
      inheritable: sys.capget().inheritable,
      ambient: ambientSet(sys, count),
      blocked: ~boundingSet(sys, count),
    },
    count,
  );

/** What --current prints, for programs. */
export const currentObject = (sys: LiveSys, count: number) => ({
  current: formatCapabilitySets(sys.capget(), count),
  iab: currentIab(sys, count),
});

export const formatCurrent = (sys: LiveSys, count: number): string =>
  `Current: ${formatCapabilitySets(sys.capget(), count)}\nCurrent IAB: ${currentIab(sys, count)}\n`;

/** Each secure bit has its lock to the left. */
const SECUREBITS = [
  ['secure-noroot', SECBIT_NOROOT],
  ['secure-no-suid-fixup', SECBIT_NO_SETUID_FIXUP],
  ['secure-keep-caps', SECBIT_KEEP_CAPS],
  ['secure-no-ambient-raise', SECBIT_NO_CAP_AMBIENT_RAISE],
] as const;

function formatSecurebits(bits: number, noNewPrivs: boolean): string {
  const binary = bits.toString(2);
  const lines = SECUREBITS.map(
    ([name, bitOf]) => ` ${name}: ${bits & bitOf ? 'yes' : 'no'} (${bits & (bitOf << 1) ? 'locked' : 'unlocked'})\n`,
  );
  const head = `Securebits: 0${bits.toString(8)}/0x${bits.toString(16)}/${binary.length}'b${binary}`;
  return `${head} (no-new-privs=${Number(noNewPrivs)})\n${lines.join('')}`;
}

export function formatState(sys: LiveSys, world: World, count: number): string {
  const user = (uid: number) => `${uid}(${world.user(uid)?.name ?? '???'})`;
  const group = (gid: number) => `${gid}(${world.group(gid)?.name ?? '???'})`;
  const mode = modeOf(sys, count);
  return [
    `Current: ${formatCapabilitySets(sys.capget(), count)}\n`,
    `Bounding set =${formatCapabilityList(boundingSet(sys, count))}\n`,
    `Ambient set =${formatCapabilityList(ambientSet(sys, count))}\n`,
    `Current IAB: ${currentIab(sys, count)}\n`,
    formatSecurebits(sys.getSecurebits(), sys.getNoNewPrivs()),
    `uid=${user(sys.look('getuid'))} euid=${user(sys.look('geteuid'))}\n`,
    `gid=${group(sys.look('getgid'))}\n`,
    `groups=${sys.getgroups().map(group).join(',')}\n`,
    `Guessed mode: ${mode} (${MODES[mode]})\n`,
  ].join('');
}

/** What --print prints, for programs. Names of users and groups are null where they have none. */
export function stateObject(sys: LiveSys, world: World, count: number) {
  const user = (uid: number) => ({ id: uid, name: world.user(uid)?.name ?? null });
  const group = (gid: number) => ({ id: gid, name: world.group(gid)?.name ?? null });
  const bits = sys.getSecurebits();
  return {
    ...currentObject(sys, count),
    bounding: members(boundingSet(sys, count)).map(capabilityName),
    ambient: members(ambientSet(sys, count)).map(capabilityName),
    securebits: bits,
    ...Object.fromEntries(
      SECUREBITS.map(([name, bitOf]) => [name, { on: Boolean(bits & bitOf), locked: Boolean(bits & (bitOf << 1)) }]),
    ),
    'no-new-privs': sys.getNoNewPrivs(),
    uid: user(sys.look('getuid')),
    euid: user(sys.look('geteuid')),
    gid: group(sys.look('getgid')),
    groups: sys.getgroups().map(group),
    mode: modeOf(sys, count),
  };
}
