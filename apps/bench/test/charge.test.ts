import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Profiler } from 'node:inspector';
import { describe, expect, it } from '@jest/globals';
import { charge } from '../src/charge.js';
import { startProfile } from '../src/profile-session.js';
import { sourceOf } from '../src/source-of.js';

const node = (id: number, functionName: string, url: string, children: number[] = []): Profiler.ProfileNode => ({
  id,
  callFrame: { functionName, scriptId: '0', url, lineNumber: 9, columnNumber: 0 },
  children,
});

describe('charge()', () => {
  const profile: Profiler.Profile = {
    nodes: [
      node(1, '(root)', '', [2, 5, 6, 7]),
      node(2, 'handle', 'file:///x/node_modules/.pnpm/router@2/node_modules/router/index.js', [3]),
      node(3, 'read', 'file:///x/packages/session/dist/cookie.js', [4]),
      node(4, 'createHmac', 'node:crypto'),
      node(5, '(garbage collector)', ''),
      node(6, '(idle)', ''),
      node(7, 'onread', 'node:net'),
    ],
    startTime: 0,
    endTime: 1,
    samples: [4, 4, 3, 2, 5, 6, 6, 7, 7, 7],
  };

  it('charges what the core does for a package to the package, and leaves idle time out', () => {
    expect(charge(profile).packages).toEqual([
      { who: '@sallyport/session', share: 3 / 8 },
      { who: 'node core', share: 3 / 8 },
      { who: 'router', share: 1 / 8 },
      { who: '(garbage collector)', share: 1 / 8 },
    ]);
  });

  it('names the line of the package that it was for', () => {
    expect(charge(profile).lines).toEqual([
      { who: 'packages/session/dist/cookie.js:10 read', share: 3 / 8 },
      { who: 'router/index.js:10 handle', share: 1 / 8 },
    ]);
  });
});

describe('startProfile()', () => {
  it('gives a profile of this process', async () => {
    const taken = await startProfile(20);
    expect(taken.samples?.length).toBeGreaterThan(0);
    expect(taken.nodes[0]?.callFrame.functionName).toBe('(root)');
  });
});

describe('sourceOf()', () => {
  it('leaves alone what was not built here', () => {
    expect(sourceOf('file:///x/node_modules/a/index.js', 4, 0)).toEqual({
      url: 'file:///x/node_modules/a/index.js',
      line: 4,
    });
    expect(sourceOf('node:net', 4, 0)).toEqual({ url: 'node:net', line: 4 });
  });

  it('finds the line of the source by the map beside the build', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-map-'));
    const map = { version: 3, sources: ['../src/a.ts'], names: [], mappings: 'AAAA;AACA;AAEA' };
    writeFileSync(join(folder, 'a.js.map'), JSON.stringify(map));
    const url = pathToFileURL(join(folder, 'a.js')).href;
    expect(sourceOf(url, 2, 0)).toEqual({ url: new URL('../src/a.ts', url).href, line: 3 });
    rmSync(folder, { recursive: true });
  });
});
