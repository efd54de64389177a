export { runBench, type BenchOptions } from './bench.js';
export { parseArguments, UsageError, type BenchSettings } from './arguments.js';
export { summarize, type ScenarioRun, type Summary } from './summary.js';
export { formatTable } from './table.js';
export { catalogue, REFERENCE } from './scenarios/catalogue.js';
