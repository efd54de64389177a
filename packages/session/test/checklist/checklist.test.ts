import { describe, expect, it } from '@jest/globals';
import { checklist } from './checklist.js';
import { sallyportSubject } from './sallyport-subject.js';

describe('the checklist of OWASP and ASVS 5.0', () => {
  it('has the 48 lines, in order', () => {
    const lines = Object.values(checklist).flat();
    expect(lines.map(({ line }) => line)).toStrictEqual(Array.from({ length: 48 }, (_, index) => index + 1));
  });

  for (const { line, source, claim, check } of Object.values(checklist).flat()) {
    it(`${line}: ${claim} (${source})`, () => check(sallyportSubject));
  }
});
