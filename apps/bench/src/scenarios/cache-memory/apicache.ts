import { apicacheScenario } from '../../apicache.js';

export const scenario = apicacheScenario(
  'apicache answers from the memory of the process; the handler never runs',
  () => ({}),
);
