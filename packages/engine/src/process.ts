/** `process`, as far as the tools use it. Nothing of the machine or of the call is kept from before `started`. */
import { host } from './host.ts';
import { systemError } from './refusals.ts';
import { isSignal, listen, type SignalListener, signalNumber, unlisten } from './signals.ts';

/** What the host tells of: nothing is left to be done, or an error that nobody has caught. */
type Ending = 'beforeExit' | 'uncaughtException';
type EndingListener = (error?: unknown) => void;

const endings = new Map<string, EndingListener[]>([
  ['beforeExit', []],
  ['uncaughtException', []],
]);

function endingListeners(name: string): EndingListener[] {
  const found = endings.get(name);
  // A listener that nobody ever calls would be waited for in vain.
  if (!found) throw new TypeError(`process tells nothing of '${name}' here`);
  return found;
}

let variables: Map<string, string> | undefined;

/** Read when it is first asked for. Of entries with the same name the first counts, as for getenv(3). */
function environment(): Map<string, string> {
  if (variables) return variables;
  variables = new Map();
  for (const entry of host.environment()) {
    const equals = entry.indexOf('=', 1);
    const name = entry.slice(0, equals);
    if (equals > 0 && !variables.has(name)) variables.set(name, entry.slice(equals + 1));
  }
  return variables;
}

/** One object for good, since libraries keep it. */
const env = new Proxy({} as Record<string, string | undefined>, {
  get: (_, name) => (typeof name === 'string' ? environment().get(name) : undefined),
  has: (_, name) => typeof name === 'string' && environment().has(name),
  set(_, name, value) {
    environment().set(String(name), String(value));
    return true;
  },
  deleteProperty(_, name) {
    environment().delete(String(name));
    return true;
  },
  ownKeys: () => [...environment().keys()],
  getOwnPropertyDescriptor: (_, name) =>
    typeof name === 'string' && environment().has(name)
      ? { value: environment().get(name), writable: true, enumerable: true, configurable: true }
      : undefined,
});

function workingDirectory(): string {
  const found = host.workingDirectory();
  if (typeof found === 'number') throw systemError(found, 'uv_cwd');
  return found;
}

const modules = new Map<string, unknown>();

/** Makes a module known to `process.getBuiltinModule`. */
export function provide(name: string, module: unknown): void {
  modules.set(name, module);
}

/** To be called when a process starts: what a snapshot may hold of the machine and the process that made it is forgotten. */
export function started(): void {
  variables = undefined;
}

export const process = {
  platform: 'linux' as const,
  /** There is no Node: libraries ask. */
  versions: {},
  env,
  stdout: {},
  stderr: {},

  get arch() {
    return host.arch;
  },
  get pid() {
    return host.pid();
  },
  get execPath() {
    return host.executable();
  },
  get argv(): string[] {
    return [host.executable(), ...host.arguments()];
  },

  getuid: () => host.ids()[0],
  geteuid: () => host.ids()[1],
  getgid: () => host.ids()[2],
  getegid: () => host.ids()[3],
  cwd: workingDirectory,
  hrtime: { bigint: () => host.monotonic() },
  exit: (status = 0): never => host.exit(status),

  kill(pid: number, signal: string | number = 'SIGTERM'): true {
    const result = host.kill(pid, signalNumber(signal));
    if (result < 0) throw systemError(result, 'kill');
    return true;
  },

  /** Listens to a signal, see signals.ts, or to how a run ends. */
  on(name: string, listener: SignalListener | EndingListener) {
    if (isSignal(name)) listen(name, listener as SignalListener);
    else endingListeners(name).push(listener as EndingListener);
    return process;
  },
  off(name: string, listener: SignalListener | EndingListener) {
    if (isSignal(name)) {
      unlisten(name, listener as SignalListener);
      return process;
    }
    const listeners = endingListeners(name);
    const at = listeners.lastIndexOf(listener as EndingListener);
    if (at >= 0) listeners.splice(at, 1);
    return process;
  },
  removeListener(name: string, listener: SignalListener | EndingListener) {
    return process.off(name, listener);
  },
  /** For the host. @returns whether anybody was told. */
  emit(name: Ending, error?: unknown): boolean {
    const told = [...endingListeners(name)];
    for (const listener of told) listener(error);
    return told.length > 0;
  },

  /** After what runs now. */
  nextTick(act: (...operands: unknown[]) => void, ...operands: unknown[]): void {
    Promise.resolve().then(() => act(...operands));
  },
  getBuiltinModule: (name: string): unknown => modules.get(name),
};
