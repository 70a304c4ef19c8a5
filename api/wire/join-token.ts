// Join tokens: `skerry1.ID.SECRET.CA`. The last part is the SHA-256 of the
// cluster's CA certificate, so that a device knows the hub before it trusts it.
// ID and SECRET have the form of Kubernetes' bootstrap tokens.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/

export type JoinToken = { id: string; secret: string; authorityFingerprint: string };

const pattern = /^skerry1\.([a-z0-9]{6})\.([a-z0-9]{16})\.([0-9a-f]{64})$/;

export function formatJoinToken({ id, secret, authorityFingerprint }: JoinToken): string {
  return `skerry1.${id}.${secret}.${authorityFingerprint}`;
}

/** The parts of a token, or undefined when the text is none. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const match = pattern.exec(text.trim());
  if (match === null) return undefined;
  const [, id = '', secret = '', authorityFingerprint = ''] = match;
  return { id, secret, authorityFingerprint };
}
