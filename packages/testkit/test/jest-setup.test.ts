import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Runs the fixture in a Jest of its own, with the real configuration. */
async function runFixture(): Promise<Map<string, string>> {
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const args = [
    '--experimental-vm-modules',
    '--no-warnings',
    jest,
    '--json',
    '--testMatch',
    '**/test/fixtures/console.fixture.ts',
  ];
  // Jest ends with code 1, since tests fail; the report is in the error then.
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root }).catch(
    (error: { stdout: string }) => error,
  );
  const report = JSON.parse(stdout) as Report;
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  return new Map(results.map(({ title, status, failureMessages }) => [title, [status, ...failureMessages].join(' ')]));
}

describe('the Jest setup', () => {
  let results: Map<string, string>;
  beforeAll(async () => {
    results = await runFixture();
  });

  it('fails a test that prints, quoting what and where', () => {
    expect(results.get('prints')).toMatch(/^failed [^]*an unexpected word\n[^]*console\.fixture\.ts/);
  });

  it('passes a test that prints after allowConsole(), and one that does not print', () => {
    expect(results.get('prints with permission')).toBe('passed');
    expect(results.get('is quiet')).toBe('passed');
  });

  it('fails a test that leaves a rejection unhandled', () => {
    expect(results.get('leaves a rejection unhandled')).toMatch(/^failed [^]*nobody handles this/);
  });
});
