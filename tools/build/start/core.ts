/** What every tool's script has, without a tool: its modules are shared with the scripts that are loaded behind it (../shared.ts). */
export { main, rehearse } from '@ts/cli';
export { inheritedFromLauncher, useLibrary } from '@ts/sys';
