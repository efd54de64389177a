import { boolean, checkOptions, optional, type Check } from '@sallyport/core';
import { createFieldCipher, type FieldCipher } from './field-cipher.js';
import { secrets } from './secrets.js';

/** How what sessions hold is encrypted in Redis. */
export interface EncryptionOptions {
  /** The first encrypts, all decrypt. At least 32 bytes each; other ones than `secrets`. */
  readonly keys: readonly string[];
  /** Whether values that were stored before there was encryption are taken, and encrypted when seen. @default false */
  readonly acceptPlain?: boolean;
}

/** Fits `checkOptions` as the check of an `encryption` option. */
export const encryptionOptions: Check<FieldCipher> = (value, site) => {
  const { keys, acceptPlain } = checkOptions(
    site.packageName,
    value,
    { keys: secrets, acceptPlain: optional(boolean, false) },
    `${site.option}.`,
  );
  return createFieldCipher(keys, acceptPlain);
};
