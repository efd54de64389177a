import type { ProcessContext } from '@sallyport/testkit';

export async function run(_args: unknown, { index }: ProcessContext) {
  process.stdout.write(`process ${index} prints\n`);
  if (index === 0) return;
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
