/** The machine that this process runs on: one of two tables of numbers counts. */
export type Arch = 'x64' | 'arm64';

export const arch: Arch = process.arch === 'arm64' ? 'arm64' : 'x64';
export const arm64 = arch === 'arm64';
