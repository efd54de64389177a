import { describe, expect, it } from '@jest/globals';
import { formatTable } from '../src/table.js';

describe('formatTable()', () => {
  it('lines up text to the left and figures to the right', () => {
    expect(
      formatTable(
        ['scenario', '×'],
        [
          ['express/json', '1.00'],
          ['http', '10.25'],
        ],
      ),
    ).toBe(
      [
        '| scenario     |     × |',
        '| ------------ | ----: |',
        '| express/json |  1.00 |',
        '| http         | 10.25 |',
      ].join('\n'),
    );
  });

  it('fills up rows that are too short', () => {
    expect(formatTable(['a', 'b'], [['x']])).toContain('| x   |     |');
  });
});
