import { inspect } from 'node:util';
import { OptionError } from '@sallyport/core';
import { jestGlobals } from '../jest-globals.js';
import type { Arena } from './arena.js';

/** Wrong values of the options that all packages share. */
const sharedBadOptions: Readonly<Record<string, readonly unknown[]>> = {
  noSuchOption: [1],
  redis: [undefined, null, {}, 'redis://:hunter2@127.0.0.1'],
  prefix: ['', null, 7, 'with space:', '{tag}:'],
  deadlineMs: [-1, Number.NaN, Number.POSITIVE_INFINITY, '10', null],
  onStoreFailure: ['sometimes', null, 1],
  onEvent: ['log', null],
  skip: ['never', null],
};

/** Bad options are refused by the factory, at once and in words that name them; good ones are left as they are. */
export function optionCases<Outcome>(arena: Arena<Outcome>): void {
  const { describe, expect, it } = jestGlobals();
  const { subject, create } = arena.specimen;
  const code = `ERR_${subject.name.replaceAll('-', '_').toUpperCase()}_OPTION`;
  const bad = Object.entries({ ...sharedBadOptions, ...subject.badOptions }).flatMap(([option, values]) =>
    values.map((value) => ({ option, value, shown: inspect(value) })),
  );

  describe('options', () => {
    it.each(bad)('refuses $option: $shown, naming both', ({ option, value }) => {
      const error = thrownBy(() => create(arena.options({ [option]: value })));
      expect(error).toBeInstanceOf(OptionError);
      expect(error).toMatchObject({ code, message: expect.stringContaining(option) });
      expect(error).not.toMatchObject({ message: expect.stringContaining('hunter2') });
      // Clients, objects and what stands under an unknown name may be described; other primitives are shown as they are.
      if (option !== 'redis' && typeof value !== 'object' && !String(error).includes('no such option'))
        expect(error).toMatchObject({ message: expect.stringContaining(shownShort(value)) });
    });

    it.each([undefined, null, 'options'])('refuses %p in place of the options', (options) => {
      expect(thrownBy(() => create(options))).toMatchObject({ code });
    });

    it('takes undefined for an option that is left out', async () => {
      const { use } = await arena.start(subject.lacks?.includes('onEvent') ? {} : { onEvent: undefined });
      await arena.specimen.expectHealthy(await use());
    });

    it("works with frozen options and leaves the caller's object unchanged", async () => {
      const options = Object.freeze(arena.options());
      const before = { ...options };
      const use = await arena.specimen.install(create(options));
      await arena.specimen.expectHealthy(await use());
      expect(options).toStrictEqual(before);
    });
  });
}

function shownShort(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
}

function thrownBy(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return 'nothing was thrown';
}
