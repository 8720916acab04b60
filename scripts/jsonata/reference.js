// Evaluates expressions in the reference as engine/jsonata/examples/evaluate.rs does in ours: the same lines in, the same out.
'use strict';

const readline = require('node:readline');

const NOW_MILLIS = 1772600767089;

// Expressions ask for the time through this.
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length > 0 ? parts : [NOW_MILLIS]));
  }
  static now() {
    return NOW_MILLIS;
  }
};

const jsonata = require('jsonata');

// Step Functions has numbers that JSON cannot write as text.
function writable(value) {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

// Values made here may be circular and functions hold whole scopes: look before writing.
function holdsFunction(value) {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (value._jsonata_lambda || value._jsonata_function) return true;
  return Object.values(value).some(holdsFunction);
}

// An expression of JSONata has no effects, but a group-by over an empty array adds an element to it: what else the
// expression reads of that array then hangs on which part is evaluated first.
async function outcome({expression, input}) {
  const before = JSON.stringify(input);
  const found = await evaluated(expression, input);
  return JSON.stringify(input) === before ? found : {error: 'none', message: 'changes its input'};
}

async function evaluated(expression, input) {
  try {
    const value = await jsonata(expression).evaluate(undefined, {states: {input}});
    if (value === undefined) return {undefined: true};
    if (holdsFunction(value)) return {function: true};
    return {value};
  } catch (error) {
    return {error: error.code || 'none', message: String(error.message)};
  }
}

(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const written = JSON.stringify(await outcome(JSON.parse(line)), (_, value) => writable(value));
    process.stdout.write(`${written}\n`);
  }
})();
