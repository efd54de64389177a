import { describe, expect, it } from '@jest/globals';
import { ChargeLedger } from '../src/charge-ledger.js';

describe('ChargeLedger', () => {
  it('numbers decisions in order and names the oldest that has no answer', () => {
    const ledger = new ChargeLedger();
    const [a, b, c] = [ledger.open(), ledger.open(), ledger.open()];
    expect([a, b, c].map(({ sequence, oldest }) => [sequence, oldest])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
    ledger.close(b);
    expect(ledger.open().oldest).toBe(0);
    ledger.close(a);
    expect(ledger.open().oldest).toBe(2);
  });

  it('is its own oldest when everything is answered', () => {
    const ledger = new ChargeLedger();
    ledger.close(ledger.open());
    expect(ledger.open()).toMatchObject({ sequence: 1, oldest: 1 });
  });

  it('begins again at 0 after the largest 32-bit number', () => {
    const ledger = new ChargeLedger(2 ** 32 - 1);
    const last = ledger.open();
    expect(ledger.open()).toMatchObject({ sequence: 0, oldest: 2 ** 32 - 1 });
    ledger.close(last);
    expect(ledger.open()).toMatchObject({ sequence: 1, oldest: 0 });
  });

  it('has a random 32-bit name', () => {
    const names = new Set(Array.from({ length: 50 }, () => new ChargeLedger().open().instance));
    expect(names.size).toBe(50);
    for (const name of names) expect(name >>> 0).toBe(name);
  });
});
