// Header blocks of SPDY/3: names and values with lengths in front, deflated
// with a dictionary that both sides know, one stream a connection and direction.
// https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/#TOC-2.6.10-Name-Value-Header-Block
import { constants, createDeflate, createInflate } from 'node:zlib';
import { maxSpdyHeaderBytes } from './limits.ts';

/** Words of the dictionary, each with its length in front there. */
const dictionaryWords =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status'.split(
    ' ',
  );
const moreWords = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'];
/** What stands behind the words. */
const dictionaryTail =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

function withLength(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

const dictionary = Buffer.concat([...[...dictionaryWords, ...moreWords].map(withLength), Buffer.from(dictionaryTail)]);

export type SpdyHeaders = Record<string, string>;

/** Reads and writes the header blocks of one connection; each in the order in which they go over it. */
export class HeaderCodec {
  #inflate = createInflate({ dictionary });
  #deflate = createDeflate({ dictionary });
  #inflated: Buffer[] = [];
  #deflated: Buffer[] = [];

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#inflated.push(chunk);
      // A small block may inflate to a large one: it is not waited for.
      const bytes = this.#inflated.reduce((sum, { length }) => sum + length, 0);
      if (bytes > maxSpdyHeaderBytes) this.#inflate.destroy(new Error('a SPDY header block is too large'));
    });
    this.#deflate.on('data', (chunk: Buffer) => this.#deflated.push(chunk));
    // A block that can't be inflated rejects the call that waits for it.
    this.#inflate.on('error', () => undefined);
  }

  /** Frees what zlib holds. */
  close(): void {
    this.#inflate.close();
    this.#deflate.close();
  }

  /** @throws Error when the block is damaged or too large */
  async decode(block: Uint8Array): Promise<SpdyHeaders> {
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once('error', reject);
      this.#inflate.write(block, (error) => {
        this.#inflate.off('error', reject);
        if (error) reject(error);
        else resolve();
      });
    });
    return parseBlock(Buffer.concat(this.#inflated.splice(0)));
  }

  async encode(headers: SpdyHeaders): Promise<Buffer> {
    const entries = Object.entries(headers);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(entries.length);
    this.#deflate.write(Buffer.concat([count, ...entries.flat().map(withLength)]));
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    return Buffer.concat(this.#deflated.splice(0));
  }
}

function parseBlock(block: Buffer): SpdyHeaders {
  if (block.length > maxSpdyHeaderBytes) throw new Error('a SPDY header block is too large');
  let offset = 0;
  const readNumber = (): number => {
    if (offset + 4 > block.length) throw new Error('a SPDY header block is cut off');
    offset += 4;
    return block.readUInt32BE(offset - 4);
  };
  const readText = (): string => {
    const length = readNumber();
    if (offset + length > block.length) throw new Error('a SPDY header block is cut off');
    offset += length;
    return block.toString('utf8', offset - length, offset);
  };
  const headers: SpdyHeaders = {};
  for (let left = readNumber(); left > 0; left -= 1) {
    const name = readText().toLowerCase();
    const value = readText();
    if (name !== '__proto__') headers[name] = value;
  }
  return headers;
}
