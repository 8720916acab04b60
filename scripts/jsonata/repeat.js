// Evaluates an expression over and over in the reference, as engine/jsonata/examples/repeat.rs does in ours.
'use strict';

const readline = require('node:readline');
const jsonata = require('jsonata');

async function repeat({expression, input, times}) {
  const compiled = jsonata(expression);
  // Step Functions has this one besides.
  compiled.registerFunction('parse', (text) => JSON.parse(text), '<s-:x>');
  let result;
  for (let count = 0; count < times; count += 1) {
    result = JSON.stringify(await compiled.evaluate(undefined, {states: {input: JSON.parse(input)}}));
  }
  return result;
}

(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    process.stdout.write(`${await repeat(JSON.parse(line))}\n`);
  }
})();
