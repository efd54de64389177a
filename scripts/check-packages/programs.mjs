// The program that a stranger writes with each package: make what its factory makes, and for a middleware answer one
// request in a real Express app. No Redis runs there, so every policy for its absence is at work as well.

/** Package folder → exported names, an expression that builds it, how to mount it when it is a middleware, and what must be true of it. */
const USES = {
  core: { names: ['createRedis', 'buildKey'], build: "buildKey('shop:', 'a')", expect: "'shop:{a}'" },
  'redis-server': { names: ['startRedis'], build: 'typeof startRedis', expect: "'function'", needsRedis: false },
  server: {
    names: ['listen'],
    build: "await listen((req, res) => void res.end('open'), { port: 0, host: '127.0.0.1' })",
    check: "await (await fetch(built.url)).text() === 'open' && (await built.close()).aborted === 0",
    needsRedis: false,
  },
  'rate-limit': { names: ['rateLimit'], build: 'rateLimit({ redis, limit: 1, windowMs: 1_000 })', mount: 'built' },
  cache: { names: ['createCache'], build: "createCache({ redis, namespace: 'shop' })" },
  'response-cache': { names: ['responseCache'], build: 'responseCache({ redis, ttlMs: 1_000 })', mount: 'built' },
  session: {
    names: ['createSessions'],
    build: "createSessions({ redis, secrets: ['x'.repeat(32)], idleMs: 60_000 })",
    mount: 'built.middleware',
  },
  lock: { names: ['createLock'], build: 'createLock({ redis })' },
  idempotency: { names: ['idempotency'], build: "idempotency({ redis, scope: 'public' })", mount: 'built' },
};

/** Gives the program for one package as an ES module, as CommonJS, and as CommonJS in TypeScript. */
export function programFor(folder) {
  const use = USES[folder];
  if (use === undefined) throw new Error(`scripts/check-packages/programs.mjs has no program for packages/${folder}`);
  const modules = [{ names: use.names, from: `@sallyport/${folder}` }];
  if (use.needsRedis !== false) modules.push({ names: ['Redis'], from: 'ioredis' });
  const body = bodyOf(use);
  const imports = modules.map(({ names, from }) => `import { ${names.join(', ')} } from '${from}';`);
  const requires = modules.map(({ names, from }) => `const { ${names.join(', ')} } = require('${from}');`);
  const mount = use.mount !== undefined;
  return {
    esm: [...imports, ...(mount ? ["import express from 'express';"] : []), body].join('\n'),
    cjs: [...requires, ...(mount ? ["const express = require('express');"] : []), body].join('\n'),
    ctsSource: [...imports, ...(mount ? ["import express = require('express');"] : []), body].join('\n'),
  };
}

function bodyOf({ build, expect = 'built', check, mount, needsRedis = true }) {
  const lines = ['void (async () => {'];
  if (needsRedis) {
    lines.push("  const redis = new Redis({ host: '127.0.0.1', port: 1, lazyConnect: true });");
    lines.push("  redis.on('error', () => undefined);");
  }
  lines.push(`  const built = ${build};`, `  if (built !== ${expect}) throw new Error(\`got \${String(built)}\`);`);
  if (check !== undefined) lines.push(`  if (!(${check})) throw new Error('not as it says');`);
  if (mount !== undefined) {
    lines.push(
      `  const app = express().use(${mount}).get('/', (req, res) => void res.send('open'));`,
      "  const server = app.listen(0, '127.0.0.1');",
      "  await new Promise((resolve) => server.once('listening', resolve));",
      '  const address = server.address();',
      "  if (address === null || typeof address === 'string') throw new Error('no port');",
      '  const response = await fetch(`http://127.0.0.1:${address.port}/`);',
      "  if (response.status !== 200 || (await response.text()) !== 'open') throw new Error(`status ${response.status}`);",
      '  server.close();',
      '  server.closeAllConnections();',
    );
  }
  if (needsRedis) lines.push('  redis.disconnect();');
  lines.push('})();', '');
  return lines.join('\n');
}
