// One hostile input: a request as data, so that it can be shrunk, printed and
// sent again; and its bytes on the wire.

export type Identity = 'admin' | 'node' | 'user' | 'nobody';

/** A body in parts: text (UTF-8), bytes, or a text so many times. Large bodies stay small to hold and to print. */
export type Part = string | Uint8Array | readonly [text: string, times: number];

export type Input = {
  surface: string;
  identity: Identity;
  method: string;
  /** The request target as it stands in the request line. */
  target: string;
  headers: readonly (readonly [name: string, value: string])[];
  body?: readonly Part[];
  /** Instead of all that: the bytes of a connection, which need not be HTTP. */
  raw?: readonly Part[];
  /** What follows on the connection when it has been upgraded. */
  frames?: readonly Part[];
};

/** The bytes of a body. */
export function joinParts(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part);
      return part instanceof Uint8Array ? part : Buffer.from(part[0].repeat(part[1]));
    }),
  );
}

/** What is sent for an input. A Content-Length is added unless the input has one, or a Transfer-Encoding. */
export function encodeInput(input: Input): Buffer {
  if (input.raw !== undefined) return joinParts(input.raw);
  const body = input.body === undefined ? undefined : joinParts(input.body);
  const names = new Set(input.headers.map(([name]) => name.toLowerCase()));
  const lines = [`${input.method} ${input.target} HTTP/1.1`];
  if (!names.has('host')) lines.push('Host: hub');
  for (const [name, value] of input.headers) lines.push(`${name}: ${value}`);
  if (body !== undefined && !names.has('content-length') && !names.has('transfer-encoding'))
    lines.push(`Content-Length: ${body.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  return body === undefined ? head : Buffer.concat([head, body]);
}

/**
 * Whether HTTP itself forbids the input, so that a server may refuse it before it knows what is asked, in words of its
 * own and not in a Status (RFC 9112 sections 3 and 5; Go's server answers such requests with a line of text).
 */
export function breaksHttp({ raw, method, target, headers }: Input): boolean {
  if (raw !== undefined) return true;
  const size = headers.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 4, target.length);
  return (
    size > 12_000 ||
    !/^[A-Z]+$/.test(method) ||
    !knownMethods.has(method) ||
    !/^\/[\x21-\x7e]*$/.test(target) ||
    headers.some(
      ([name, value]) =>
        !/^[-\w!#$%&'*+.^`|~]+$/.test(name) || !/^[\t\x20-\x7e\x80-\u{10ffff}]*$/u.test(value) || framing.test(name),
    )
  );
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Headers by which a message says where it ends, or how its connection goes on. */
const framing = /^(content-length|transfer-encoding|expect|upgrade|connection|host|te|trailer)$/i;

type Printed = Omit<Input, 'body' | 'raw' | 'frames'> & Record<'body' | 'raw' | 'frames', unknown[] | undefined>;

/** An input as one line of JSON; bytes in base64. */
export function printInput(input: Input): string {
  const print = (parts: readonly Part[] | undefined): unknown[] | undefined =>
    parts?.map((part) => (part instanceof Uint8Array ? { base64: Buffer.from(part).toString('base64') } : part));
  return JSON.stringify({
    ...input,
    body: print(input.body),
    raw: print(input.raw),
    frames: print(input.frames),
  } satisfies Printed);
}

/** The input of a printed line. */
export function parseInput(line: string): Input {
  const printed = JSON.parse(line) as Printed;
  const parse = (parts: unknown[] | undefined): Part[] | undefined =>
    parts?.map((part) =>
      typeof part === 'object' && part !== null && 'base64' in part
        ? new Uint8Array(Buffer.from(String(part.base64), 'base64'))
        : (part as Part),
    );
  const { body, raw, frames, ...rest } = printed;
  return {
    ...rest,
    ...(body === undefined ? {} : { body: parse(body) ?? [] }),
    ...(raw === undefined ? {} : { raw: parse(raw) ?? [] }),
    ...(frames === undefined ? {} : { frames: parse(frames) ?? [] }),
  };
}
