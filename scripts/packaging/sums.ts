// SHA256SUMS of a directory of packages and its signature with the release key
// (ed25519), also readable by `sha256sum -c` and `openssl pkeyutl -verify -rawin`.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const sumsName = 'SHA256SUMS';
const signatureName = 'SHA256SUMS.sig';

/** SHA-256 of a file, hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function packagesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name !== sumsName && name !== signatureName)
    .sort();
}

/** @throws Error naming the file when it holds no such ed25519 key */
function readKey(path: string, read: (pem: string) => KeyObject, what: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path}: expected a ${what} key in PEM: ${(error as Error).message}`, { cause: error });
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`${path}: expected an ed25519 key, found ${key.asymmetricKeyType}`);
  return key;
}

export function readSigningKey(path: string): KeyObject {
  return readKey(path, createPrivateKey, 'private');
}

/** Writes the checksums of all files of a directory, and their signature when there is a key; an old one goes. */
export async function writeSums(directory: string, key: KeyObject | undefined): Promise<void> {
  rmSync(join(directory, signatureName), { force: true });
  const lines: string[] = [];
  for (const name of packagesIn(directory)) lines.push(`${await sha256Of(join(directory, name))}  ${name}\n`);
  const sums = lines.join('');
  writeFileSync(join(directory, sumsName), sums);
  if (key !== undefined) writeFileSync(join(directory, signatureName), sign(null, Buffer.from(sums), key));
}

/**
 * What speaks against a directory of packages, a line each: nothing when all of it is as the holder of the key left it.
 * @throws Error when the key can't be read
 */
export async function problemsOf(directory: string, publicKeyPath: string): Promise<string[]> {
  const key = readKey(publicKeyPath, createPublicKey, 'public');
  const [sumsPath, signaturePath] = [join(directory, sumsName), join(directory, signatureName)];
  if (!existsSync(sumsPath)) return [`${sumsName}: is missing`];
  if (!existsSync(signaturePath)) return [`${signatureName}: is missing: these packages are not signed`];
  const sums = readFileSync(sumsPath);
  // Before anything that it says is believed.
  if (!verify(null, sums, key, readFileSync(signaturePath)))
    return [`${signatureName}: is not the signature of ${sumsName} by this key`];
  const expected = new Map<string, string>();
  for (const line of sums.toString().split('\n').filter(Boolean)) {
    const [sum = '', name = ''] = line.split('  ');
    expected.set(name, sum);
  }
  const found = packagesIn(directory);
  const problems = [...expected.keys()].filter((name) => !found.includes(name)).map((name) => `${name}: is missing`);
  for (const name of found) {
    const sum = expected.get(name);
    if (sum === undefined) problems.push(`${name}: is not in ${sumsName}`);
    else if ((await sha256Of(join(directory, name))) !== sum) problems.push(`${name}: its checksum differs`);
  }
  return problems;
}
