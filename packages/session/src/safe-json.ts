// JSON.parse makes `__proto__` an ordinary property. Whoever copies the object later with an assignment gives it to a
// setter: that is how stored data reaches a prototype. Such properties are left out, at every depth.

/** The name as it is written, or with any of its characters escaped. */
const SUSPECT = /__proto__|\\u00(?:5[fF]|7[024]|6[fF])/;

/** Parses JSON without `__proto__` properties. Throws SyntaxError and nothing else. */
export function parseJson(json: string): unknown {
  if (!SUSPECT.test(json)) return JSON.parse(json) as unknown;
  return JSON.parse(json, (name, value: unknown) => (name === '__proto__' ? undefined : value)) as unknown;
}
