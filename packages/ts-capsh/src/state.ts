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

/** What a thread may do. Each set takes a call for each capability. */
const stateOf = (sys: LiveSys, count: number) => ({
  sets: sys.capget(),
  ambient: ambientSet(sys, count),
  bounding: boundingSet(sys, count),
  securebits: sys.getSecurebits(),
});

type State = ReturnType<typeof stateOf>;

export const modeOf = (sys: LiveSys, count: number): Mode => guessMode(stateOf(sys, count));

const iabOf = ({ sets: { inheritable }, ambient, bounding }: State, count: number) =>
  formatIab({ inheritable, ambient, blocked: ~bounding }, count);

const currentOf = (state: State, count: number) => ({
  current: formatCapabilitySets(state.sets, count),
  iab: iabOf(state, count),
});

/** What --current prints, for programs. */
export const currentObject = (sys: LiveSys, count: number) => currentOf(stateOf(sys, count), count);

export function formatCurrent(sys: LiveSys, count: number): string {
  const { current, iab } = currentObject(sys, count);
  return `Current: ${current}\nCurrent IAB: ${iab}\n`;
}

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
  const state = stateOf(sys, count);
  const { current, iab } = currentOf(state, count);
  const mode = guessMode(state);
  return [
    `Current: ${current}\n`,
    `Bounding set =${formatCapabilityList(state.bounding)}\n`,
    `Ambient set =${formatCapabilityList(state.ambient)}\n`,
    `Current IAB: ${iab}\n`,
    formatSecurebits(state.securebits, sys.getNoNewPrivs()),
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
  const state = stateOf(sys, count);
  const { securebits: bits, bounding, ambient } = state;
  return {
    ...currentOf(state, count),
    bounding: members(bounding).map(capabilityName),
    ambient: members(ambient).map(capabilityName),
    securebits: bits,
    ...Object.fromEntries(
      SECUREBITS.map(([name, bitOf]) => [name, { on: Boolean(bits & bitOf), locked: Boolean(bits & (bitOf << 1)) }]),
    ),
    'no-new-privs': sys.getNoNewPrivs(),
    uid: user(sys.look('getuid')),
    euid: user(sys.look('geteuid')),
    gid: group(sys.look('getgid')),
    groups: sys.getgroups().map(group),
    mode: guessMode(state),
  };
}
