import { type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { workspaceRoot } from '../workspace.ts';

/** Standard output goes to the terminal, or nowhere. Errors are always shown. */
export type Output = 'shown' | 'quiet';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  output?: Output;
}

// Programs that start `node` by its name get the one that runs this.
function environmentWith(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), process.env.PATH].filter(Boolean).join(delimiter);
  return { ...process.env, PATH: path, ...env };
}

/** The exit status; 128 and the number of the signal when one ended the program, 127 when it cannot be started. */
export function run(command: string, args: string[], { cwd, env, output }: RunOptions = {}): Promise<number> {
  const options: SpawnOptions = {
    cwd: cwd ?? workspaceRoot,
    env: environmentWith(env),
    stdio: ['ignore', output === 'quiet' ? 'ignore' : 'inherit', 'inherit'],
  };
  return new Promise((resolve) => {
    const child = spawn(command, args, options);
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    child.on('close', (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** Runs a program of an installed package with the present Node, whichever Node is first in the path. */
export function runNode(script: string, args: string[], options: RunOptions = {}): Promise<number> {
  return run(process.execPath, [join(workspaceRoot, 'node_modules', script), ...args], options);
}

export function runTool(name: string, args: string[] = []): Promise<number> {
  return run(process.execPath, [join(workspaceRoot, 'tools/run.mjs'), name, ...args]);
}
