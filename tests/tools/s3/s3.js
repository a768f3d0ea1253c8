// An S3 store for tests: s3rver keeps the objects, and each request's Signature V4 is computed
// anew with AWS's own signer before s3rver sees it (s3rver itself takes any V4 signature).
//
//   node s3.js DIRECTORY PORT BUCKET [KEY_ID SECRET]
//
// In the environment, for tests: AIRLIFT_S3_CERT and _KEY (PEM files) serve HTTPS; AIRLIFT_S3_DELAY waits so many
// milliseconds before a GET is answered, and AIRLIFT_S3_CUT ends the connection after so many bytes of its body.
//
// Prints "listening on PORT" once it serves; port 0 takes a free one. Ends with SIGTERM.
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');
const modules = path.resolve(process.env.AIRLIFT_S3_MODULES || path.join(__dirname, 'node_modules'));
const { Sha256 } = require(path.join(modules, '@aws-crypto/sha256-js'));
const { SignatureV4 } = require(path.join(modules, '@smithy/signature-v4'));
const S3rver = require(path.join(modules, 's3rver'));

const [directory, port, bucket, keyId = 'S3RVER', secret = 'S3RVER'] = process.argv.slice(2);

// What s3rver knows under its one account is what we sign with; a session token is only signed along.
function signer(region, sessionToken) {
    return new SignatureV4({
        service: 's3',
        region,
        uriEscapePath: false,
        applyChecksum: false,
        sha256: Sha256,
        credentials: { accessKeyId: keyId, secretAccessKey: secret, sessionToken },
    });
}

// The date of a request that is signed for "20261127T200341Z".
function parseDate(text) {
    const m = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text || '');
    return m && new Date(Date.UTC(+m[1], m[2] - 1, +m[3], +m[4], +m[5], +m[6]));
}

async function checkQuery(req, query) {
    const { 'X-Amz-Signature': signature, 'X-Amz-Credential': credential, 'X-Amz-Date': date,
            'X-Amz-Expires': expires, 'X-Amz-Security-Token': token, ...others } = query;
    for (const name of Object.keys(others).filter((n) => n.startsWith('X-Amz-'))) {
        delete others[name];
    }
    const signed = await signer(credential.split('/')[2], token).presign(
        { method: req.method, protocol: 'http:', hostname: req.headers.host, path: rawPath(req), query: others,
          headers: { host: req.headers.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } },
        { signingDate: parseDate(date), expiresIn: Math.min(Number(expires), 604800),
          unhoistableHeaders: new Set(['x-amz-content-sha256']),
          unsignableHeaders: new Set(['x-amz-content-sha256']) });
    return credential.split('/')[0] === keyId && signed.query['X-Amz-Signature'] === signature;
}

async function checkHeader(req, query) {
    const m = /^AWS4-HMAC-SHA256 Credential=([^,]*), ?SignedHeaders=([^,]*), ?Signature=([0-9a-f]{64})$/
        .exec(req.headers.authorization);
    if (!m) {
        return false;
    }
    const headers = {};
    for (const name of m[2].split(';')) {
        headers[name] = req.headers[name];
    }
    const signed = await signer(m[1].split('/')[2]).sign(
        { method: req.method, protocol: 'http:', hostname: req.headers.host, path: rawPath(req), query, headers },
        { signingDate: parseDate(req.headers['x-amz-date']), signableHeaders: new Set(Object.keys(headers)),
          unsignableHeaders: new Set() });
    return m[1].split('/')[0] === keyId && signed.headers.authorization.endsWith(`Signature=${m[3]}`);
}

// The path as it was sent: what is signed is not normalised.
function rawPath(req) {
    return req.url.split('?')[0];
}

async function isSigned(req) {
    const query = Object.fromEntries(new URL(req.url, 'http://x').searchParams);
    if (req.headers.authorization) {
        return checkHeader(req, query);
    }
    return query['X-Amz-Signature'] ? checkQuery(req, query) : false;
}

function refuse(req, res) {
    req.resume();
    res.writeHead(403, { 'Content-Type': 'application/xml', Connection: 'close' });
    res.end('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request ' +
            'signature we calculated does not match the signature you provided.</Message></Error>');
}

// Let a download be slow and break off.
function hamper(req, res) {
    const cut = Number(process.env.AIRLIFT_S3_CUT || 0);
    if (req.method !== 'GET' || !cut) {
        return;
    }
    const write = res.write.bind(res);
    let sent = 0;
    res.write = (chunk, ...rest) => {
        const part = chunk.subarray(0, cut - sent);
        sent += part.length;
        if (sent >= cut) {
            write(part, () => req.socket.destroy());
            return false;
        }
        return write(part, ...rest);
    };
}

async function answer(req, res, serve) {
    if (!await isSigned(req)) {
        refuse(req, res);
        return;
    }
    if (req.method === 'GET' && process.env.AIRLIFT_S3_DELAY) {
        await new Promise((resolve) => setTimeout(resolve, Number(process.env.AIRLIFT_S3_DELAY)));
    }
    hamper(req, res);
    serve(req, res);
}

function main() {
    const store = new S3rver({ directory, silent: true, resetOnClose: false });
    const serve = store.callback();
    const listener = (req, res) => answer(req, res, serve).catch((error) => {
        console.error(error);
        refuse(req, res);
    });
    const { AIRLIFT_S3_CERT: cert, AIRLIFT_S3_KEY: key } = process.env;
    const server = cert ? https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, listener)
        : http.createServer(listener);
    fs.mkdirSync(path.join(directory, bucket), { recursive: true });
    server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
    process.on('SIGTERM', () => process.exit(0));
}

main();
