/** Modules that the build writes: tools/build/bundle.ts. */
declare module 'generated:tool' {
  /** The tool that the script is for. */
  export const tool: import('@ts/cli').Tool;
  export const name: string;
}

declare module 'generated:tools' {
  /** All tools, each loaded when it is asked for. */
  export const tools: Readonly<Record<string, () => import('@ts/cli').Tool>>;
}

declare module 'generated:shared' {
  /** Modules of the script that others are loaded behind, by the names that these ask for them. */
  export const shared: Readonly<Record<string, () => object>>;
}

/** Of the build. */
declare const VERSION: string;
declare const BUILD: string;
