/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

/**
 * Tests run on the TypeScript sources as ES modules, without a build. One real Redis serves the whole run;
 * each worker has a database of its own, and suites that must break a server start their own.
 */
const config: Config = {
  testMatch: ['<rootDir>/{packages,apps}/*/test/**/*.test.ts'],
  globalSetup: '<rootDir>/packages/testkit/jest/global-setup.mjs',
  globalTeardown: '<rootDir>/packages/testkit/jest/global-teardown.mjs',
  setupFilesAfterEnv: ['<rootDir>/packages/testkit/jest/fail-on-console.mjs'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' } }],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@sallyport/source', 'node', 'node-addons'] },
  modulePathIgnorePatterns: ['<rootDir>/(packages|apps)/[^/]+/dist/', '<rootDir>/.cache/'],
  maxWorkers: 2,
  testTimeout: 20_000,
};

export default config;
