declare module 'generated:tools' {
  /** All tools, each loaded when it is asked for. */
  export const tools: Readonly<Record<string, () => import('@ts/cli').Tool>>;
  /** The tool that each name means, ours and those of the originals. */
  export const names: Readonly<Record<string, string>>;
}
