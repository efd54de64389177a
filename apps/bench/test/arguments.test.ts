import { describe, expect, it } from '@jest/globals';
import { parseArguments, USAGE, UsageError } from '../src/arguments.js';

describe('parseArguments()', () => {
  it('runs everything in five rounds by default', () => {
    const settings = parseArguments([]);
    expect(settings).toMatchObject({ command: 'run', rounds: 5, only: undefined, jsonFile: undefined });
  });

  it('is shorter with --quick', () => {
    const [quick, full] = [parseArguments(['--quick']), parseArguments([])];
    expect(quick.rounds).toBeLessThan(full.rounds);
    expect(quick.warmUpRequests).toBeLessThan(full.warmUpRequests);
    expect(quick.warmUpMs + quick.slices * quick.sliceMs).toBeLessThan(full.warmUpMs + full.slices * full.sliceMs);
  });

  it('takes the number of rounds also with --quick', () => {
    expect(parseArguments(['--quick', '--rounds', '9'])).toMatchObject({ rounds: 9 });
    expect(parseArguments(['--rounds=100'])).toMatchObject({ rounds: 100 });
  });

  it('takes a part of the names and a file', () => {
    const settings = parseArguments(['--only', 'cache', '--json', 'out.json']);
    expect(settings).toMatchObject({ only: 'cache', jsonFile: 'out.json' });
  });

  it('takes versions of Node and a folder for the charts', () => {
    const settings = parseArguments(['--node', '20,24', '--charts', 'charts']);
    expect(settings).toMatchObject({ nodes: ['20', '24'], chartFolder: 'charts' });
    expect(parseArguments([])).toMatchObject({ nodes: [], chartFolder: undefined });
    expect(() => parseArguments(['--node', '20,'])).toThrow(UsageError);
  });

  it('profiles, lists and helps', () => {
    expect(parseArguments(['--profile'])).toMatchObject({ command: 'profile' });
    expect(parseArguments(['--list'])).toMatchObject({ command: 'list' });
    expect(parseArguments(['--help', '--list'])).toMatchObject({ command: 'help' });
  });

  it.each([
    ['--rounds', '0'],
    ['--rounds', '-1'],
    ['--rounds', '1.5'],
    ['--rounds', '101'],
    ['--rounds', 'many'],
    ['--rounds'],
  ])('refuses %s %s', (...args) => {
    expect(() => parseArguments(args)).toThrow(UsageError);
    expect(() => parseArguments(args)).toThrow('--rounds');
  });

  it.each([['--onyl', 'x'], ['cache'], ['-x'], ['--quick=yes']])('refuses %s', (...args) => {
    expect(() => parseArguments(args)).toThrow(UsageError);
  });

  it('explains every option', () => {
    const options = ['--only', '--quick', '--rounds', '--node', '--json', '--charts', '--profile', '--list', '--help'];
    for (const option of options) expect(USAGE).toContain(option);
  });
});
