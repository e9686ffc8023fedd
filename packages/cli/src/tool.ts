/** What a tool is: its table, its plan, its system calls. ./run.ts does the rest. */
import type { LiveSys, Recording, Sys } from '@ts/sys';
import type { Cause } from './causes.ts';
import type { Grammar } from './getopt.ts';
import type { Option, Parsed } from './option.ts';
import type { Identity, World } from './world.ts';

/**
 * State of the process that one tool of a chain changes and the planning of the next may depend on.
 *
 * `root`: what paths mean. `credentials`: ids and capabilities, where an execve in between would change them again.
 * `ids`: user and group ids as the process sees them. `pid`: its own PID. `cgroups`: its control groups. `limits`: its
 * resource limits. `filter`: which system calls it may make.
 */
export type Facet = 'root' | 'credentials' | 'ids' | 'pid' | 'cgroups' | 'limits' | 'filter';

/** How a tool ends. */
export type Outcome =
  | { readonly exit: number }
  | {
      readonly become: readonly string[];
      /** Environment of the program, where it is not the tool's own. */
      readonly environment?: readonly string[];
      /** argv[0] of the program, where it is not its name ("-sh"). */
      readonly argv0?: string;
      readonly changes?: readonly Facet[];
      /** Who the process is then, where that is known: the next tool is planned for it. */
      readonly identity?: Identity;
      /** Paths that something was mounted on. */
      readonly mounted?: readonly string[];
      /** What is said when it cannot be executed, and the statuses; by default as util-linux. */
      readonly failure?: { readonly message: string; readonly status: number; readonly statusMissing?: number };
      /** Executed as this very path, without a search in PATH. */
      readonly path?: string;
      /**
       * The line behind the message where execve(2) gives EACCES although the permissions of `file` allow it: said without an
       * explainer, which could not be executed either.
       */
      readonly refused?: { readonly file: string; readonly line: string };
    };

export const exit = (status: number): Outcome => ({ exit: status });

export interface Tool<Table extends readonly Option[] = readonly Option[], Plan = unknown> {
  /** Name of the executable: `ts-unshare`. */
  readonly name: string;
  /** Names of the original that it replaces, the first one first. */
  readonly replaces: readonly string[];
  /** Names of the original under which messages stand without a name before them (ip). */
  readonly bare?: readonly string[];
  readonly section: 1 | 8;
  /** What --version says in parentheses: what scripts look for before they rely on it. */
  readonly features?: string;
  /** One sentence, as in the man page's NAME. */
  readonly summary: string;
  /** What stands behind the name in the usage line, one an alternative. */
  readonly synopsis: readonly string[];
  readonly options: Table;
  readonly grammar?: Grammar;
  /** Exit status of failures (default 1) and of wrong usage (default 1). */
  readonly status?: number;
  readonly usageStatus?: number;
  /** Said of wrong usage instead of "Try …": the original's own line, before what is wrong where getopt(3) has not said that. */
  readonly usageLine?: (prog: string) => string;
  /** Long names of options of which at most one may be given. */
  readonly exclusive?: readonly (readonly string[])[];
  /** Paragraphs of the man page. */
  readonly description?: string;
  readonly differences?: readonly string[];
  readonly exitStatuses?: readonly (readonly [status: string, meaning: string])[];
  readonly examples?: readonly { readonly command: string; readonly says: string }[];
  readonly causes?: readonly Cause[];
  /** What this plan came from, or what every plan does: after a tool that changed one of these, this one is executed instead of planned onto the same tape. */
  readonly reads?: readonly Facet[] | ((plan: Plan) => readonly Facet[]);
  /** Files that this plan came from: after a tool that has mounted something over one of them, likewise. */
  readonly files?: (plan: Plan) => readonly string[];
  /** What of this plan holds for this run alone, in words, so that --emit is refused: an open descriptor, say. */
  readonly momentary?: (plan: Plan) => string | undefined;
  /** Checks all that can be checked; changes nothing. Throws UsageError or Failure. */
  plan(input: Parsed<Table>, world: World): Plan;
  /** True where the plan ends in a program: its calls are recorded; otherwise they are made at once. */
  becomes(plan: Plan): boolean;
  /** Whether `prepare` has something to do: such a plan is never put behind another tool's on a tape. */
  prepares?(plan: Plan): boolean;
  /**
   * Where `becomes` is true: what has to be done live, since the kernel's answers matter, before the rest is recorded.
   * Result: the plan that is recorded. Not called where calls are only shown.
   */
  prepare?(plan: Plan, sys: LiveSys, world: World): Plan;
  /** The system calls, in kernel order. */
  apply(plan: Plan, sys: Recording, world: World): Outcome;
  /** The same in the place of `apply` and `act`: calls that may be recorded or made at once. */
  both?(plan: Plan, sys: Sys, world: World): Outcome;
  /** Instead of `apply` where `becomes` is false. A promise where data streams through: it ends in no program then. */
  act?(plan: Plan, sys: LiveSys, world: World): Outcome | Promise<Outcome>;
  /** More for --dry-run, before the calls: what results, in words. */
  describe?(plan: Plan, world: World): string;
}

/** A tool that ends in no program, and does everything in `act`, leaves out `becomes` and `apply`; one with `both` leaves out `apply`. */
type Definition<Table extends readonly Option[], Plan> = Omit<Tool<Table, Plan>, 'becomes' | 'apply'> &
  Partial<Pick<Tool<Table, Plan>, 'becomes' | 'apply'>>;

/** Types a tool by its option table. */
export const defineTool = <const Table extends readonly Option[], Plan>(
  tool: Definition<Table, Plan>,
): Tool<Table, Plan> => ({ becomes: () => false, apply: tool.both ?? (() => exit(0)), ...tool });
