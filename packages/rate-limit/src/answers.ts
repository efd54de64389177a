// The responses to requests that are turned away.

import { sendProblem } from '@sallyport/core';
import type { Request, Response } from 'express';
import type { Decision } from './decision.js';

/** RFC 9457 problem types of the IETF draft on rate limit fields; `violated-policies` names what refused. */
const PROBLEM_TYPES = 'https://iana.org/assignments/http-problem-types';

/** Answers a request that was not admitted; `Retry-After` and the other fields are set already. */
export function answerRefusal(req: Request, res: Response, decision: Decision, limiterName: string): void {
  const { outcome, reason, policies } = decision;
  if (reason === 'blocked') return sendProblem(req, res, { status: 403, title: 'Forbidden' });
  const wait = `Try again in ${String(res.getHeader('Retry-After') ?? 1)} s.`;
  if (outcome === 'degraded' && policies.length === 0) {
    return sendProblem(req, res, {
      type: `${PROBLEM_TYPES}#temporary-reduced-capacity`,
      title: 'Temporary Reduced Capacity',
      status: 503,
      detail: 'Requests cannot be counted at the moment.',
      'violated-policies': [limiterName],
    });
  }
  if (reason === 'banned') {
    return sendProblem(req, res, {
      type: `${PROBLEM_TYPES}#abnormal-usage-detected`,
      title: 'Abnormal Usage Detected',
      status: 429,
      detail: `Too many requests over the limit. ${wait}`,
      'violated-policies': [limiterName],
    });
  }
  const violated = policies.filter(({ isAllowed }) => !isAllowed);
  const [first] = violated;
  const limit = first === undefined ? 'The limit' : `The limit of ${first.limit} ${first.unit}`;
  return sendProblem(req, res, {
    type: `${PROBLEM_TYPES}#quota-exceeded`,
    title: 'Quota Exceeded',
    status: 429,
    detail: `${limit} is used up. ${wait}`,
    'violated-policies': violated.map(({ name }) => name),
  });
}
