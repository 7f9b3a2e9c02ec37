/**
 * The client of @grpc/grpc-js. Arguments: ADDRESS METHOD DEADLINE_MS unary|stream|loop.
 * It prints one line of JSON: the code, the text and the messages; `loop` runs until stdin ends, and counts lost calls.
 */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [address, method, deadlineMs, kind] = process.argv.slice(2);
// The library is in the working folder, not beside this file.
const library = pathToFileURL(join(process.cwd(), 'node_modules/@grpc/grpc-js/build/src/index.js'));
const { Client, Metadata, credentials } = (await import(library.href)).default;

const client = new Client(address, credentials.createInsecure());
const bytes = (value) => Buffer.from(value);
const text = (value) => value.toString();
const deadline = () => new Date(Date.now() + Number(deadlineMs));

function unary(metadata) {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      method,
      bytes,
      text,
      'hello',
      metadata,
      { deadline: deadline() },
      (error, value) =>
        resolve(
          error
            ? { code: error.code, text: error.details, messages: [] }
            : { code: 0, text: '', messages: [value] },
        ),
    );
  });
}

function stream() {
  return new Promise((resolve) => {
    const messages = [];
    const call = client.makeServerStreamRequest(method, bytes, text, 'hello', new Metadata(), {
      deadline: deadline(),
    });
    call.on('data', (value) => messages.push(value));
    call.on('error', () => {});
    call.on('status', ({ code, details }) => resolve({ code, text: details, messages }));
  });
}

async function loop() {
  const over = new AbortController();
  process.stdin.resume().on('end', () => over.abort());
  let calls = 0;
  const lost = {};
  const caller = async () => {
    while (!over.signal.aborted) {
      const { code, text } = await unary(new Metadata({ waitForReady: true }));
      calls++;
      if (code !== 0) lost[`${code} ${text}`] = (lost[`${code} ${text}`] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, caller));
  return { calls, lost };
}

const run = { unary: () => unary(new Metadata()), stream, loop }[kind];
console.log(JSON.stringify(await run()));
client.close();
process.stdin.destroy();
