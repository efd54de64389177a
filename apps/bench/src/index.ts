export { runBench, type BenchOptions } from './bench.js';
export { parseArguments, UsageError, type BenchSettings } from './arguments.js';
export { summarize, type ScenarioRun, type Summary, type VariantResult } from './summary.js';
export { formatTable } from './table.js';
export { names, loadScenario, REFERENCE } from './catalogue.js';
export { variantsOf, type Variant } from './variant.js';
