/** A made-up world for tests: root on a host of which nothing is known but what a test says. */
import type { World } from '../src/world.ts';

export const madeUpWorld = (known: Partial<World> = {}): World => ({
  prog: 'test',
  pid: 77,
  uid: 0,
  euid: 0,
  gid: 0,
  egid: 0,
  environment: [],
  variable: () => undefined,
  read: () => undefined,
  exists: () => false,
  user: () => undefined,
  group: () => undefined,
  print: () => undefined,
  warn: () => undefined,
  ...known,
});
