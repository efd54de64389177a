export { allowConsole } from './console.js';
export { connect, redisUrl, uniquePrefix } from './redis.js';
export { countCommands, type CommandCount } from './count-commands.js';
export { deferred, type Deferred } from './deferred.js';
export { expectTtlOnAllKeys, keysOutside, keysUnder, type TtlExpectation } from './keys.js';
export { expressVersions, type Express } from './express-versions.js';
export { listen, type Listening } from './listen.js';
export { until, within, type UntilOptions } from './waiting.js';
export { countingProxy, type CountingProxy, type CountingProxyOptions } from './proxy/counting-proxy.js';
export {
  dedicatedCluster,
  dedicatedRedis,
  dedicatedSentinel,
  type DedicatedCluster,
  type DedicatedRedis,
  type DedicatedSentinel,
} from './dedicated.js';
export { withForeignKeys } from './foreign-keys.js';
export {
  runProcesses,
  startProcess,
  type RunProcessesOptions,
  type StartedProcess,
} from './processes/run-processes.js';
export { startQuickStart } from './quick-start.js';
export { startProxy, type FaultProxy } from './proxy/fault-proxy.js';
export type { ProcessContext } from './processes/messages.js';
export type { ProxiedCommand } from './proxy/link.js';
export type { ProxyTarget } from './proxy/relay.js';
export { middlewareContract, type MiddlewareSubject } from './contract/middleware-contract.js';
export { storeContract, type StoreSubject } from './contract/store-contract.js';
export type { ContractHandle, ContractSubject } from './contract/subject.js';
export { randomBy } from './random-by.js';
