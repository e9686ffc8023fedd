/**
 * A thread and the capabilities that it bears.
 *
 * Some changes need a capability to be made effective first and taken back afterwards, so they need to know what the
 * sets are at that point. On a tape they cannot be read: they follow from what they were and from the calls in between
 * by the rules of capabilities(7), which this class keeps account of.
 */
import {
  CAP_SETPCAP,
  CAP_SETUID,
  type CapabilitySets,
  type LiveSys,
  PR_SET_KEEPCAPS,
  SECBIT_KEEP_CAPS,
  SECBIT_KEEP_CAPS_LOCKED,
  SECBIT_NO_SETUID_FIXUP,
  type Sys,
} from '@ts/sys';
import { lackingIn } from './causes.ts';
import { bit, has } from './names.ts';

export interface Credentials {
  readonly uids: { readonly real: number; readonly effective: number; readonly saved: number };
  readonly sets: CapabilitySets;
  readonly securebits: number;
}

/** Credentials of the calling thread. */
export function readCredentials(sys: LiveSys): Credentials {
  const buffers = [Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)] as const;
  sys.look('getresuid', ...buffers);
  const [real, effective, saved] = buffers.map((buffer) => buffer.readUInt32LE()) as [number, number, number];
  return { uids: { real, effective, saved }, sets: sys.capget(), securebits: sys.getSecurebits() };
}

/** What setuid(2) makes of credentials. */
export function afterSetuid({ uids, sets, securebits }: Credentials, uid: number): Credentials {
  const changed = has(sets.effective, CAP_SETUID)
    ? { real: uid, effective: uid, saved: uid }
    : { ...uids, effective: uid };
  if (securebits & SECBIT_NO_SETUID_FIXUP) return { uids: changed, sets, securebits };
  const anyRoot = ({ real, effective, saved }: Credentials['uids']) => real === 0 || effective === 0 || saved === 0;
  let { effective, permitted } = sets;
  if (anyRoot(uids) && !anyRoot(changed) && !(securebits & SECBIT_KEEP_CAPS)) [effective, permitted] = [0n, 0n];
  if (uids.effective === 0 && changed.effective !== 0) effective = 0n;
  if (uids.effective !== 0 && changed.effective === 0) effective = permitted;
  return { uids: changed, sets: { ...sets, effective, permitted }, securebits };
}

export class Bearer {
  constructor(
    readonly sys: Sys,
    /** What is known of it now. */
    public credentials: Credentials,
  ) {}

  get sets(): CapabilitySets {
    return this.credentials.sets;
  }

  /** Sets the capability sets. `says`: the words of a failure. */
  capset(sets: CapabilitySets, says: string): void {
    this.sys.or(says).capset(sets);
    this.credentials = { ...this.credentials, sets };
  }

  setuid(uid: number, says: string): void {
    lackingIn(this.sys.or(says), this.sets, CAP_SETUID).setuid(uid);
    this.credentials = afterSetuid(this.credentials, uid);
  }

  /** PR_SET_KEEPCAPS; the kernel refuses what is neither 0 nor 1. Without words for it a failure is let pass. */
  keepCaps(value: number, says?: string): void {
    const sys = says === undefined ? this.sys.ignoring() : this.sys.or(says);
    sys.do('prctl', PR_SET_KEEPCAPS, value, 0, 0, 0);
    const { securebits } = this.credentials;
    if (securebits & SECBIT_KEEP_CAPS_LOCKED) return;
    const changed = value ? securebits | SECBIT_KEEP_CAPS : securebits & ~SECBIT_KEEP_CAPS;
    this.credentials = { ...this.credentials, securebits: changed };
  }

  setSecurebits(bits: number, says: string): void {
    lackingIn(this.sys.or(says), this.sets, CAP_SETPCAP).setSecurebits(bits);
    this.credentials = { ...this.credentials, securebits: bits };
  }

  /**
   * Does `work` with a capability made effective, and takes it back. `says`: the words where it is not permitted; the
   * failure is explained as one of `lacks NAME`.
   */
  with(capability: number, says: string, work: () => void): void {
    if (has(this.sets.effective, capability)) {
      work();
      return;
    }
    const effective = this.sets.effective | bit(capability);
    const raising = this.sys.or(says);
    const explained = has(this.sets.permitted, capability) ? raising : lackingIn(raising, this.sets, capability);
    explained.capset({ ...this.sets, effective });
    this.credentials = { ...this.credentials, sets: { ...this.sets, effective } };
    work();
    this.capset({ ...this.sets, effective: this.sets.effective & ~bit(capability) }, says);
  }

  /** The same where it is permitted; where not, `work` is done without it. */
  withIfPermitted(capability: number, says: string, work: () => void): void {
    if (has(this.sets.permitted, capability)) this.with(capability, says, work);
    else work();
  }

  /**
   * Sets all user ids and keeps the permitted set, as cap_setuid(3): the effective set is empty afterwards.
   *
   * Where the secure bits are locked, keep-capabilities cannot be turned on, and need not be without the fix-up.
   */
  setuidKeeping(uid: number, says: string): void {
    this.keepCaps(1);
    this.capset({ ...this.sets, effective: bit(CAP_SETUID) }, says);
    this.setuid(uid, says);
    this.keepCaps(0);
    this.capset({ ...this.sets, effective: 0n }, says);
  }
}
