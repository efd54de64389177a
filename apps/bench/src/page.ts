// A page of about 50 KB of HTML, and the route that answers with it.

import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { fillCache } from './fill-cache.js';
import { expectAnswer, type Answer, type BenchRequest, type Expectation, type Scenario } from './scenario.js';

const rows = Array.from(
  { length: 560 },
  (_, index) =>
    `<li><a href="/lanterns/${1000 + index}">Lantern no. ${index + 1}, brass</a> with a wick of cotton, £${49 + index}</li>`,
);

export const page = `<!doctype html>\n<title>Lanterns</title>\n<ul>\n${rows.join('\n')}\n</ul>\n`;

const PAGE: BenchRequest = { method: 'GET', path: '/page' };

export const answerPage = (_req: Request, res: Response): void => void res.send(page);

/** The route behind a middleware. */
export const pageApp = (...middleware: RequestHandler[]): Express => express().get('/page', ...middleware, answerPage);

export const askPage: Scenario['prepare'] = async () => PAGE;

/** Asks until the page comes from the cache. */
export const fillPage: Scenario['prepare'] = (send) => fillCache(send, PAGE);

export const pageIs =
  (headers: Expectation['headers']) =>
  (answer: Answer): void =>
    expectAnswer(answer, {
      status: 200,
      headers: { 'Content-Type': /^text\/html; charset=utf-8$/, ...headers },
      body: page,
    });
