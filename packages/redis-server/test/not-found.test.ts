import { describe, expect, it } from '@jest/globals';
import { installCommandFor } from '../src/not-found.js';

describe('installCommandFor()', () => {
  it.each([
    ['darwin', {}, 'brew install redis'],
    ['linux', { ID: 'alpine' }, 'apk add redis'],
    ['linux', { ID: 'debian' }, 'sudo apt-get install redis-server'],
    ['linux', { ID: 'linuxmint', ID_LIKE: 'ubuntu debian' }, 'sudo apt-get install redis-server'],
    ['linux', { ID: 'fedora' }, 'sudo dnf install redis (or valkey)'],
    ['linux', { ID: 'arch' }, 'sudo pacman -S valkey'],
    ['linux', {}, 'brew install redis, apk add redis or apt-get install redis-server'],
  ] as const)('on %s %j is: %s', (platform, release, command) => {
    expect(installCommandFor(platform, release)).toBe(command);
  });

  it('sends Windows users to WSL', () => {
    expect(installCommandFor('win32', {})).toContain('WSL');
  });
});
