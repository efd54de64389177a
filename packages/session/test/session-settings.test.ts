import { describe, expect, it } from '@jest/globals';
import { openShop } from './shop.js';

describe('describe()', () => {
  it('gives plain data, without secrets, that is what the options say', async () => {
    const { sessions } = await openShop({
      renewalMs: 3_600_000,
      maxDeviceCount: 5,
      encryption: { keys: ['an encryption key of more than 32 bytes'] },
      binding: { network: 'step-up' },
      cookie: { secure: true, sameSite: 'none', partitioned: true, path: '/app', persistent: true },
    });
    const settings = sessions.describe();
    expect(JSON.parse(JSON.stringify(settings))).toStrictEqual(settings);
    expect(settings).toStrictEqual({
      idleMs: 600_000,
      absoluteMs: 2_592_000_000,
      renewalMs: 3_600_000,
      renewalGraceMs: 30_000,
      onReplay: 'end',
      maxDeviceCount: 5,
      onDeviceLimit: 'evict-oldest',
      maxBytes: 65_536,
      isEncrypted: true,
      binding: { userAgent: 'observe', network: 'step-up' },
      cookie: {
        name: '__Secure-sid',
        nameOnLoopback: 'sid',
        path: '/app',
        httpOnly: true,
        secure: true,
        sameSite: 'none',
        domain: null,
        partitioned: true,
        persistent: true,
      },
    });
  });
});
