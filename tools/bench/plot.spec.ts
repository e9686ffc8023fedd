import { expect, test } from 'vitest';
import { plot } from './plot.ts';

const row = (what: string, who: string, minimum: number) => ({ what, who, minimum, median: 2 * minimum, ratio: 1 });

test('a bar for each row, as long as its minimum, under the name of its comparison', () => {
  const drawing = plot('a <b> & c', [row('chain', 'originals', 10), row('chain', 'ours', 20), row('other', 'ours', 5)]);
  const widths = [...drawing.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
  expect(widths).toHaveLength(3);
  expect((widths[1] as number) / (widths[0] as number)).toBeCloseTo(2, 1);
  expect((widths[2] as number) / (widths[0] as number)).toBeCloseTo(0.5, 1);
  expect(drawing.match(/>chain</g)).toHaveLength(1);
  expect(drawing).toContain('a &lt;b> &amp; c');
});
