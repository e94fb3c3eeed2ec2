// An SMSC on the package smpp: it takes what is submitted, keeps a record of the octets, sends receipts, and is steered over HTTP.
//
//   node server.js <dir>      in <dir>: key.pem, cert.pem, password; writes <dir>/ports with the ports of SMPP over TLS, SMPP and HTTP
//
// What becomes of a submit_sm is in the recipient's number:
//   4529000088   the command_status 88 (any number of 5 digits)       4529100088   the same for the second segment on
//   4529200000   never answered                                       4529300500   answered after 500 ms
//   4529400000   taken, and reported undeliverable with err:001       4529500000   taken with an empty message_id, never reported
//   any other    taken and reported delivered
// A message_id is hexadecimal in the submit_sm_resp and decimal in the receipt. Receipts have by turns the text form, and the fields.
//
//   GET  /messages   [{octets: hex with the sequence number 0, id}]      GET  /state   {binds, sessions, refused, waiting}
//   POST /deliver    {from, to, class, coding, octets: hex, ton, options} sends a deliver_sm and answers {status}
//   POST /silent     {on} stops answering anything                       POST /unbind  says goodbye to every session
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const smpp = require('smpp');

const dir = process.argv[2];
const read = (name) => fs.readFileSync(path.join(dir, name));
const password = read('password').toString().trim();

// The package hands out decoded texts; the record wants the octets.
let octets = null;
const fromStream = smpp.PDU.fromStream;
smpp.PDU.fromStream = (stream, length) => fromStream({
  read: (n) => {
    const rest = stream.read(n);
    if (rest) {
      octets = Buffer.alloc(4 + rest.length);
      octets.writeUInt32BE(length, 0);
      rest.copy(octets, 4);
    }
    return rest;
  },
}, length);

const messages = [];
const bound = new Set();
const receipts = [];
let binds = 0, refused = 0, silent = false, under = 0;

const stamp = () => new Date().toISOString().replace(/[-T:]/g, '').slice(2, 12);

function receipt(id, pdu, word) {
  const undelivered = word !== 'DELIVRD';
  const text = `id:${String(id).padStart(10, '0')} sub:001 dlvrd:${undelivered ? '000' : '001'} submit date:${stamp()} done date:${stamp()} ` +
    `stat:${word} err:${undelivered ? '001' : '000'} text:id:0 stat:UNDELIV`;
  const options = { esm_class: 4, data_coding: 0, short_message: Buffer.from(text, 'latin1') };
  if (id % 2) {
    Object.assign(options, {
      short_message: Buffer.alloc(0), receipted_message_id: String(id), message_state: undelivered ? 5 : 2, network_error_code: Buffer.from([3, 0, undelivered ? 1 : 0]),
    });
  }
  if (pdu.user_message_reference !== undefined) options.user_message_reference = pdu.user_message_reference;
  return Object.assign(options, {
    source_addr_ton: pdu.dest_addr_ton, source_addr_npi: pdu.dest_addr_npi, source_addr: pdu.destination_addr,
    dest_addr_ton: pdu.source_addr_ton, dest_addr_npi: pdu.source_addr_npi, destination_addr: pdu.source_addr,
  });
}

// Receipts go out as long as there is a session; what is refused or not answered goes again.
function flush() {
  while (receipts.length && under < 200 && !silent) {
    const session = [...bound].find((s) => s.socket.writable);
    if (!session) return;
    const r = receipts.shift();
    let answered = false;
    const again = () => {
      if (answered) return;
      answered = true;
      setTimeout(() => {
        under--;
        receipts.push(r);
        flush();
      }, 50);
    };
    under++;
    session.once('close', again);
    session.deliver_sm({ ...r }, (resp) => {
      session.removeListener('close', again);
      if (answered) return;
      if (resp.command_status) {
        refused++;
        again();
        return;
      }
      answered = true;
      under--;
      setImmediate(flush);
    }, undefined, again);
  }
}

function submitted(session, pdu, raw) {
  const to = pdu.destination_addr;
  const udh = pdu.short_message && pdu.short_message.udh;
  const further = udh && udh[0] && udh[0][udh[0].length - 1] > 1;
  const rule = to.slice(0, 5), number = parseInt(to.slice(5), 10);
  let status = 0;
  if (rule === '45290' || (rule === '45291' && further)) status = number;
  if (status) {
    session.send(pdu.response({ command_status: status }));
    return;
  }
  raw.writeUInt32BE(0, 12);
  const id = messages.length + 1000;
  messages.push({ octets: raw.toString('hex'), id });
  if (rule === '45292') return;
  const answer = () => {
    if (!silent && !session.closed) session.send(pdu.response({ message_id: rule === '45295' ? '' : id.toString(16).toUpperCase() }));
    if (pdu.registered_delivery === 1 && rule !== '45295') {
      receipts.push(receipt(id, pdu, rule === '45294' ? 'UNDELIV' : 'DELIVRD'));
      setTimeout(flush, 20);
    }
  };
  if (rule === '45293') setTimeout(answer, number);
  else answer();
}

function listener(session) {
  session.setMaxListeners(0);
  session.on('error', () => session.destroy());
  session.on('close', () => bound.delete(session));
  session.on('pdu', (pdu) => {
    const raw = octets;
    if (silent) return;
    switch (pdu.command) {
      case 'bind_transceiver':
        if (pdu.system_id !== 'husk' || pdu.password !== password || pdu.interface_version !== 0x34) {
          session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }), () => session.close());
          return;
        }
        binds++;
        session.send(pdu.response({ system_id: 'smsc' }));
        bound.add(session);
        setTimeout(flush, 20);
        return;
      case 'submit_sm':
        if (!bound.has(session)) session.send(pdu.response({ command_status: smpp.ESME_RINVBNDSTS }));
        else submitted(session, pdu, raw);
        return;
      case 'enquire_link':
        session.send(pdu.response());
        return;
      case 'unbind':
        bound.delete(session);
        session.send(pdu.response(), () => session.close());
        return;
      default:
        if (!pdu.isResponse()) session.send(pdu.response());
    }
  });
}

const control = {
  'GET /messages': (_, done) => done(messages),
  'GET /state': (_, done) => done({ binds, sessions: bound.size, refused, waiting: receipts.length + under }),
  'POST /silent': (body, done) => {
    silent = body.on;
    done({});
  },
  'POST /unbind': (_, done) => {
    for (const s of bound) {
      bound.delete(s);
      s.unbind(() => s.close());
    }
    done({});
  },
  'POST /deliver': (body, done) => {
    const session = [...bound][0];
    if (!session) {
      done({ status: -1 });
      return;
    }
    const close = () => done({ status: -1 });
    session.once('close', close);
    session.deliver_sm({
      source_addr_ton: body.ton === undefined ? 1 : body.ton, source_addr_npi: 1, source_addr: body.from, destination_addr: body.to || '1204',
      esm_class: body.class || 0, data_coding: body.coding || 0, short_message: Buffer.from(body.octets || '', 'hex'), ...body.options,
    }, (resp) => {
      session.removeListener('close', close);
      done({ status: resp.command_status });
    });
  },
};

const steer = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', () => {
    const act = control[`${req.method} ${req.url}`];
    if (!act) {
      res.writeHead(404).end();
      return;
    }
    act(chunks.length ? JSON.parse(Buffer.concat(chunks)) : {}, (answer) => res.end(JSON.stringify(answer)));
  });
});

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
const secure = smpp.createServer({ key: read('key.pem'), cert: read('cert.pem'), minVersion: 'TLSv1.2' }, listener);
const plain = smpp.createServer({}, listener);
for (const s of [secure, plain]) s.on('tlsClientError', () => {}).on('error', () => {});
(async () => {
  const ports = [await listen(secure), await listen(plain), await listen(steer)];
  fs.writeFileSync(path.join(dir, 'ports.new'), ports.join('\n') + '\n');
  fs.renameSync(path.join(dir, 'ports.new'), path.join(dir, 'ports'));
})();
