import type { ProcessContext } from '@sallyport/testkit';

export async function run(_args: unknown, { index, barrier }: ProcessContext) {
  if (index === 1) throw Object.assign(new RangeError('the second process fails'), { code: 'E_SECOND' });
  await barrier();
}
