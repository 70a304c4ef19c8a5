// Names of objects and what may stand in them.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/

const labelPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label1035Pattern = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** Says what is wrong with an RFC 1123 label, or nothing. */
export function dnsLabelError(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 bytes';
  if (!labelPattern.test(name)) {
    return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
  }
  return undefined;
}

/** Says what is wrong with an RFC 1123 subdomain, or nothing. */
export function dnsSubdomainError(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 bytes';
  if (!subdomainPattern.test(name)) {
    return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  }
  return undefined;
}

/** Says what is wrong with an RFC 1035 label (names of Services), or nothing. */
export function dns1035LabelError(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 bytes';
  if (!label1035Pattern.test(name)) {
    return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
  }
  return undefined;
}

/** Whether a text is an IP address, in any of the ways to write one but octets that begin with zeros. */
export function isIpAddress(text: string): boolean {
  if (/^[\d.]+$/.test(text)) return ipAddressError(text) === undefined;
  return /^[\da-f:.]+$/i.test(text) && text.includes(':') && URL.canParse(`http://[${text}]`);
}

/** Says what is wrong with an IP address, or nothing; of the ways to write one only the canonical (RFC 5952) will do. */
export function ipAddressError(text: string): string | undefined {
  const problem = 'must be a valid IP address in canonical form';
  const parts = text.split('.');
  if (parts.length === 4)
    return parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256) ? undefined : problem;
  if (text.length > 39 || !/^[0-9a-f:]+$/.test(text)) return problem;
  const host = `[${text}]`;
  return URL.canParse(`http://${host}`) && new URL(`http://${host}`).hostname === host ? undefined : problem;
}
