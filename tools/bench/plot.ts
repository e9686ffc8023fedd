/** Bars as an SVG drawing: minima of some comparisons, one below the other, with the median as a thin line. Pure. */
import type { Row } from './measure.ts';

const WIDTH = 760;
const LEFT = 250;
const BAR = 14;
const GAP = 4;
const HEAD = 34;

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** @param title Above it all. @param rows Those of one comparison stand together; times in milliseconds. */
export function plot(title: string, rows: readonly Row[]): string {
  const longest = Math.max(...rows.map(({ median }) => median));
  const x = (value: number) => ((WIDTH - LEFT - 60) * value) / longest;
  const parts: string[] = [];
  let y = HEAD;
  let last = '';
  for (const { what, who, minimum, median } of rows) {
    if (what !== last) {
      y += 2 * GAP;
      parts.push(`<text x="8" y="${y + BAR - 2}" font-weight="bold">${escaped(what)}</text>`);
      last = what;
    }
    const isOurs = /^ts-|^ours/.test(who);
    parts.push(
      `<text x="${LEFT - 8}" y="${y + BAR - 2}" text-anchor="end">${escaped(who)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${x(minimum).toFixed(1)}" height="${BAR}" fill="${isOurs ? '#3178c6' : '#9aa0a6'}"/>`,
      `<line x1="${LEFT}" x2="${(LEFT + x(median)).toFixed(1)}" y1="${y + BAR / 2}" y2="${y + BAR / 2}" stroke="#000" stroke-opacity="0.35"/>`,
      `<text x="${(LEFT + x(median) + 6).toFixed(1)}" y="${y + BAR - 2}">${minimum.toFixed(1)}</text>`,
    );
    y += BAR + GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 12}" font-family="sans-serif" font-size="11">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="8" y="20" font-size="13">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
