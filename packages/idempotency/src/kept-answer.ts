// The form in which an answer lies in Redis: the head as versioned JSON, the body as bytes beside it.

import type { AnswerHead } from './answer-head.js';

const VERSION = 1;

/** The head of an answer, and whether its body lies beside it. */
export interface KeptHead extends AnswerHead {
  /** False when the body was larger than `maxBodyBytes`. */
  readonly isBodyKept: boolean;
}

/** The head for the record. */
export function formatHead(head: KeptHead): string {
  return JSON.stringify({ version: VERSION, ...head });
}

/** Reads it back. @throws {TypeError} when it is of another version, or no head at all */
export function parseHead(text: Buffer | string): KeptHead {
  const kept: unknown = JSON.parse(text.toString());
  const isHead = typeof kept === 'object' && kept !== null && 'version' in kept && kept.version === VERSION;
  if (!isHead) throw new TypeError('the record holds an answer of another version');
  return kept as unknown as KeptHead;
}
