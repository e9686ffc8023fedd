import { beforeAll } from 'vitest';

beforeAll(() => {
  // A fixed locale keeps the messages of the system's own tools comparable.
  process.env.LC_ALL = 'C';
});
