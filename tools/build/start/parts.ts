/** What the loader is told of the file that it belongs to. */
export interface Part {
  readonly offset: number;
  readonly size: number;
}

export interface Parts {
  readonly name: string;
  /** What the code caches are valid for. */
  readonly key: string;
  readonly script: Part;
  readonly cache: Part;
  readonly wholeScript: Part;
  /** Scripts to be loaded behind it, each with its code cache. */
  readonly behind: Part;
  /** Where in them each lies: JSON, tool → [offset, size, offset, size] of script and cache. */
  readonly index: Part;
}

/** What a script of a build gives: run as a function of what a CommonJS module would get. */
export type Script<Result> = (require: (name: string) => unknown, module: object) => Result;

/** A tool, to be put behind another one's plan. */
export type Behind = (name: string) => Script<unknown> | undefined;

/** What a tool's script gives. `state`: what the launcher has noted. `library`: path of koffi's. `file`: path of the tool's own. */
export type Run = (
  name: string,
  state: string,
  library: string,
  file: string | undefined,
  whole?: () => void,
  behind?: Behind,
) => void;
