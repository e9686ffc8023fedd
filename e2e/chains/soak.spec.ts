import { describe, expect, test } from 'vitest';
import { soak } from '../../tools/soak/chains.ts';
import { testNodes, versionOf } from '../../tools/soak/nodes.ts';
import { bin } from '../harness/run.ts';

// The long one is `npm run soak`.
describe('300 forking chains in a row', () => {
  for (const node of testNodes())
    test(`on Node ${versionOf(node)}`, async () => {
      const { count, failures } = await soak({ bin, node, count: 300 });
      expect({ count, failures }).toEqual({ count: 300, failures: [] });
    });
});
