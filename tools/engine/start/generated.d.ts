declare module 'generated:tools' {
  /** All tools, each loaded when it is asked for. */
  export const tools: Readonly<Record<string, () => import('@ts/cli').Tool>>;
  /** The one tool that the file is, by whatever name it is called; undefined where it is all. */
  export const only: string | undefined;
  /** The tool that each name means, ours and those of the originals. */
  export const names: Readonly<Record<string, string>>;
}
