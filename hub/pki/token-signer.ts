// Tokens of service accounts: JSON Web Tokens signed by a key of the cluster's own.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
import { createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto';
import { join } from 'node:path';
import {
  calculateJwkThumbprint,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importPKCS8,
  type JWK,
  jwtVerify,
  SignJWT,
} from 'jose';
import type { Disk } from '../../platform/disk.ts';

type CryptoKey = webcrypto.CryptoKey;

const algorithm = 'ES256';

/** Who makes the tokens, and for whom they are when nobody else is named: this API. */
export const tokenIssuer = 'https://kubernetes.default.svc.cluster.local';

type Reference = { name: string; uid: string };

/** What a token says, besides who signed it. Times are in seconds since 1970. */
export type TokenClaims = {
  sub: string;
  aud: string[];
  exp: number;
  iat: number;
  nbf: number;
  jti: string;
  'kubernetes.io': {
    namespace: string;
    serviceaccount: Reference;
    pod?: Reference;
    secret?: Reference;
    node?: Reference;
  };
};

export class TokenSigner {
  #key: CryptoKey;
  #publicKey: CryptoKey;
  #jwk: JWK;

  private constructor(key: CryptoKey, publicKey: CryptoKey, jwk: JWK) {
    this.#key = key;
    this.#publicKey = publicKey;
    this.#jwk = jwk;
  }

  /** Loads the signing key of a directory, making it when there is none. */
  static async open(disk: Disk, directory: string): Promise<TokenSigner> {
    const path = join(directory, 'service-account.key');
    const known = await disk.read(path);
    if (known !== undefined) return TokenSigner.#from(Buffer.from(known).toString());
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const pem = await exportPKCS8(privateKey);
    await disk.write(path, pem);
    return TokenSigner.#from(pem);
  }

  static async #from(pem: string): Promise<TokenSigner> {
    const key = await importPKCS8(pem, algorithm);
    const jwk = await exportJWK(createPublicKey(createPrivateKey(pem)));
    const kid = await calculateJwkThumbprint(jwk);
    const publicKey = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'verify',
    ]);
    return new TokenSigner(key, publicKey, { ...jwk, kid, alg: algorithm, use: 'sig' });
  }

  /** The public key, as https://www.rfc-editor.org/rfc/rfc7517 writes it. */
  keySet(): { keys: JWK[] } {
    return { keys: [this.#jwk] };
  }

  sign(claims: TokenClaims): Promise<string> {
    return new SignJWT({ ...claims, iss: tokenIssuer })
      .setProtectedHeader({ alg: algorithm, kid: this.#jwk.kid ?? '' })
      .sign(this.#key);
  }

  /** What a token says; undefined when it was not signed here, is not valid at `nowMs`, or is for others than `audiences`. */
  async verify(token: string, audiences: readonly string[], nowMs: number): Promise<TokenClaims | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, {
        issuer: tokenIssuer,
        audience: [...audiences],
        algorithms: [algorithm],
        currentDate: new Date(nowMs),
      });
      const aud = [payload.aud ?? []].flat();
      return { ...(payload as unknown as TokenClaims), aud };
    } catch {
      return undefined;
    }
  }
}

/** Makes and reads tokens. */
export type Tokens = Pick<TokenSigner, 'keySet' | 'sign' | 'verify'>;
