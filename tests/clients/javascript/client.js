// Answers calls with the AWS SDK for JavaScript. Speaks as ../boto3_client.py does.
"use strict";

const { createInterface } = require("node:readline");
const sfn = require("@aws-sdk/client-sfn");

const client = new sfn.SFNClient({ disableHostPrefix: true });

async function outcome({ operation, parameters }) {
  try {
    const { $metadata, ...answer } = await client.send(new sfn[`${operation}Command`](parameters));
    return { answer };
  } catch (error) {
    if (!(error instanceof sfn.SFNServiceException)) throw error;
    return { error: error.name };
  }
}

// `this` holds the date itself; the value is already a text.
function inSeconds(key, value) {
  return this[key] instanceof Date ? this[key].getTime() / 1000 : value;
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await outcome(JSON.parse(line)), inSeconds));
  }
}

main();
