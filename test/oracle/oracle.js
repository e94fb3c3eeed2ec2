// Reads numbers from standard input, one a line, and answers each with a line that names the validators which call it valid,
// with a space between the names. A number that none knows gets an empty line.
//
// The validators are other people's, in the exact versions of package.json. `npm ci` in this directory installs them. The Go
// test pkg/redact TestOracle asks; the numbers are drawn, and nothing here is anybody's.
'use strict';

const readline = require('node:readline');
const { idnr } = require('@navikt/fnrvalidator');
const norsk = require('norsk-validator');
const danish = require('danish-ssn');
const kennitala = require('kennitala');
const personnummer = require('personnummer');

// Each takes what is no number of its own for not valid, but the Danish one, which throws.
const validators = {
  'danish-ssn': (n) => /^\d{10}$/.test(n) && danish.isValid(n),
  'personnummer': (n) => personnummer.valid(n),
  'personnummer:interim': (n) => !/^\d+$/.test(n) && personnummer.valid(n, { allowInterimNumber: true }),
  'fnrvalidator': (n) => idnr(n).status === 'valid',
  'norsk:fodselsnummer': (n) => norsk.fodselsnummer(n),
  'norsk:dnummer': (n) => norsk.dnummer(n),
  'norsk:hnummer': (n) => norsk.hnummer(n),
  'norsk:fhnummer': (n) => norsk.fhnummer(n),
  'kennitala:person': (n) => kennitala.isPerson(n),
  'kennitala:company': (n) => kennitala.isCompany(n),
  'kennitala:temporary': (n) => kennitala.isTemporary(n),
};

const answers = [];
const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (number) => {
  answers.push(Object.keys(validators).filter((name) => validators[name](number)).join(' '));
});
lines.on('close', () => {
  process.stdout.write(answers.join('\n') + '\n');
});
