import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../workspace.ts';
import { type Output, runNode } from './process.ts';

export interface TaskResult {
  project: string;
  root: string;
  target: string;
  status: string;
}

export interface TaskRun {
  exitStatus: number;
  /** Undefined when nx ended before it could say. */
  tasks: TaskResult[] | undefined;
}

const offline = { NX_NO_CLOUD: 'true', NX_DAEMON: 'false', NX_TUI: 'false' };

export function runNx(args: string[], env: NodeJS.ProcessEnv = {}, output: Output = 'shown'): Promise<number> {
  return runNode('nx/dist/bin/nx.js', args, { env: { ...offline, ...env }, output });
}

/** Runs a target in every package that has it, or takes the result from the cache. */
export async function runTarget(target: string): Promise<TaskRun> {
  mkdirSync(cacheFolder, { recursive: true });
  const file = join(cacheFolder, `task-results-${process.pid}.json`);
  rmSync(file, { force: true });
  const exitStatus = await runNx(['run-many', '-t', target, '--outputStyle=static'], { TASK_RESULTS_FILE: file });
  if (!existsSync(file)) return { exitStatus, tasks: undefined };
  const tasks = JSON.parse(readFileSync(file, 'utf8')) as TaskResult[];
  rmSync(file);
  return { exitStatus, tasks };
}

const succeeded: readonly string[] = ['success', 'local-cache', 'local-cache-kept-existing', 'remote-cache'];

export function hasPassed({ status }: TaskResult): boolean {
  return succeeded.includes(status);
}
