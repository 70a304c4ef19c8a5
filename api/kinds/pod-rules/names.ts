// How a pod finds others and is found: host names, DNS, aliases.
// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
import type { PodSpec } from '../../meta/kubernetes.ts';
import { dnsLabelError, dnsSubdomainError, isIpAddress } from '../../meta/names.ts';
import { type FieldError, invalidValue, notSupported, required } from '../../meta/status.ts';

const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;
const addressRule = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

function addressErrors(address: string, field: string): FieldError[] {
  return isIpAddress(address) ? [] : [invalidValue(field, address, addressRule)];
}

function dnsErrors({ dnsPolicy, dnsConfig }: PodSpec, path: string): FieldError[] {
  const at = `${path}.dnsConfig`;
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const errors: FieldError[] = [];
  if (!dnsPolicies.includes(dnsPolicy ?? '')) errors.push(notSupported(`${path}.dnsPolicy`, dnsPolicy, dnsPolicies));
  if (dnsPolicy === 'None' && dnsConfig === undefined)
    errors.push(required(at, 'must provide `dnsConfig` when `dnsPolicy` is None'));
  else if (dnsPolicy === 'None' && nameservers.length === 0)
    errors.push(required(`${at}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
  if (nameservers.length > maxNameservers)
    errors.push(
      invalidValue(`${at}.nameservers`, nameservers, `must not have more than ${maxNameservers} nameservers`),
    );
  nameservers.forEach((address, index) => {
    errors.push(...addressErrors(address, `${at}.nameservers[${index}]`));
  });
  if (searches.length > maxSearches)
    errors.push(invalidValue(`${at}.searches`, searches, `must not have more than ${maxSearches} search paths`));
  if (searches.join(' ').length > maxSearchLength) {
    const rule = `must not have more than ${maxSearchLength} characters (including spaces) in the search list`;
    errors.push(invalidValue(`${at}.searches`, searches, rule));
  }
  searches.forEach((search, index) => {
    // A dot at the end makes it absolute; underscores are for service records.
    const name =
      search === '.'
        ? 'root'
        : search
            .replace(/\.$/, '')
            .replaceAll('_', '-')
            .replace(/(^|\.)-/g, '$1x');
    const problem = dnsSubdomainError(name);
    if (problem !== undefined) errors.push(invalidValue(`${at}.searches[${index}]`, search, problem));
  });
  options.forEach(({ name }, index) => {
    if (!name) errors.push(required(`${at}.options[${index}]`, 'must not be empty'));
  });
  return errors;
}

function aliasErrors({ hostAliases = [] }: PodSpec, path: string): FieldError[] {
  return hostAliases.flatMap(({ ip, hostnames = [] }, index) => {
    const at = `${path}.hostAliases[${index}]`;
    return [
      ...addressErrors(ip ?? '', `${at}.ip`),
      ...hostnames.flatMap((hostname) => {
        const problem = dnsSubdomainError(hostname);
        return problem === undefined ? [] : [invalidValue(`${at}.hostnames`, hostname, problem)];
      }),
    ];
  });
}

/** The pod's own names, and how it resolves those of others. */
export function nameErrors(spec: PodSpec, path: string): FieldError[] {
  const { hostname, subdomain, nodeName, serviceAccountName } = spec;
  const check = (names: Record<string, string | undefined>, say: (name: string) => string | undefined): FieldError[] =>
    Object.entries(names).flatMap(([field, name]) => {
      const problem = name ? say(name) : undefined;
      return problem === undefined ? [] : [invalidValue(`${path}.${field}`, name, problem)];
    });
  return [
    ...dnsErrors(spec, path),
    ...check({ nodeName, serviceAccountName }, dnsSubdomainError),
    ...check({ hostname, subdomain }, dnsLabelError),
    ...aliasErrors(spec, path),
  ];
}
