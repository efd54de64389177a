/**
 * The advice for a machine without Redis. It is most people's first contact with this package, so it tells what was
 * looked at, and gives commands that can be copied.
 */
import { RedisNotFoundError } from './errors.js';
import { readOsRelease } from './cache-dir.js';
import { MINIMUM_VERSION } from './redis-binary.js';

/** The error that tells what was tried and three ways to a Redis, with the commands of this platform. */
export function redisNotFound(
  reasons: string[],
  cause?: unknown,
  installCommand = installCommandFor(),
): RedisNotFoundError {
  const lines = [
    `No usable redis-server (${MINIMUM_VERSION} or newer) on this machine:`,
    ...reasons.map((reason) => `  - ${reason}`),
    'Any one of these gives you one:',
    `  1. Install it: ${installCommand}`,
    '  2. Name a redis-server or valkey-server binary: SALLYPORT_REDIS_SERVER=/path/to/redis-server',
    '  3. Use one that runs already: REDIS_URL=redis://127.0.0.1:6379, for instance from',
    '     docker run --rm -p 127.0.0.1:6379:6379 redis:7',
  ];
  return new RedisNotFoundError(lines.join('\n'), { cause });
}

/** The command that installs Redis here; on an unknown platform, the three most common ones. */
export function installCommandFor(platform: NodeJS.Platform = process.platform, release = readOsRelease()): string {
  if (platform === 'darwin') return 'brew install redis';
  if (platform === 'win32') return 'in WSL: sudo apt-get install redis-server (Redis has no native Windows build)';
  const family = `${release['ID'] ?? ''} ${release['ID_LIKE'] ?? ''}`;
  if (/alpine/.test(family)) return 'apk add redis';
  if (/debian|ubuntu/.test(family)) return 'sudo apt-get install redis-server';
  if (/fedora|rhel|centos/.test(family)) return 'sudo dnf install redis (or valkey)';
  if (/arch/.test(family)) return 'sudo pacman -S valkey';
  return 'brew install redis, apk add redis or apt-get install redis-server';
}
