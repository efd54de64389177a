import { describe, expect, it } from '@jest/globals';
import { CliUsageError, parseCliArguments } from '../src/cli-arguments.js';

const parse = (line: string) => parseCliArguments(line.split(' ').filter(Boolean));

describe('parseCliArguments()', () => {
  it.each([
    ['', { topology: 'single', options: {}, isPortChosen: false }],
    ['single --port 7777', { topology: 'single', options: { port: 7777 }, isPortChosen: true }],
    ['--password s3cret', { topology: 'single', options: { password: 's3cret' }, isPortChosen: false }],
    ['cluster --replicas=1', { topology: 'cluster', options: { replicasPerMaster: 1 }, isPortChosen: false }],
    ['--replicas 2 sentinel', { topology: 'sentinel', options: { replicas: 2 }, isPortChosen: false }],
    ['sentinel --master-name shop', { topology: 'sentinel', options: { masterName: 'shop' }, isPortChosen: false }],
    ['-- --port 1', { topology: 'single', options: { args: ['--port', '1'] }, isPortChosen: false }],
  ])('reads "%s"', (line, expected) => {
    expect(parse(line)).toEqual(expected);
  });

  it.each(['--help', '-h', 'cluster --help'])('takes "%s" as a request for help', (line) => {
    expect(parse(line)).toEqual({ help: true });
  });

  it.each([
    ['ring', 'Unknown topology "ring"'],
    ['constructor', 'Unknown topology "constructor"'],
    ['single more', 'Unexpected argument "more"'],
    ['--verbose', "Unknown option '--verbose'"],
    ['--port', "Option '--port <value>' argument missing"],
    ['--port six', '--port must be a number, got "six"'],
    ['--port=-1', '--port must be a number, got "-1"'],
    ['cluster --password x', '--password has no meaning for cluster'],
    ['--masters 3', '--masters has no meaning for single'],
  ])('refuses "%s"', (line, message) => {
    expect(() => parse(line)).toThrow(CliUsageError);
    expect(() => parse(line)).toThrow(message);
  });
});
