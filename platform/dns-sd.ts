// Services on a local network as DNS records and back (DNS-SD, RFC 6763). Pure.
import type { Answer, Question } from 'dns-packet';

export type Service = {
  /** Such as `_skerry._tcp`. */
  type: string;
  /** One label: letters, digits and hyphens. */
  name: string;
  port: number;
  /** `key=value`, each at most 255 bytes. */
  txt: readonly string[];
};
export type FoundService = Omit<Service, 'txt'> & { txt: string[]; addresses: string[] };

/** How long others may remember, seconds (RFC 6762 section 10). */
const ttlSeconds = 120;
/** Records looked at in one message. */
const maxRecords = 200;

/** All records of a service; with `ttl` 0 they say that it is gone. */
export function recordsOf(
  { type, name, port, txt }: Service,
  addresses: readonly string[],
  ttl = ttlSeconds,
): Answer[] {
  const [domain, host] = [`${type}.local`, `${name}.local`];
  const instance = `${name}.${domain}`;
  return [
    { type: 'PTR', name: domain, ttl, data: instance },
    { type: 'SRV', name: instance, ttl, data: { target: host, port, priority: 0, weight: 0 } },
    { type: 'TXT', name: instance, ttl, data: txt.map((text) => Buffer.from(text)) },
    ...addresses.map((data) => ({ type: 'A' as const, name: host, ttl, data })),
  ];
}

/** Whether one of the questions is about the service. */
export function isAsked({ type, name }: Service, questions: readonly Question[]): boolean {
  const names = [`${type}.local`, `${name}.${type}.local`, `${name}.local`];
  return questions.slice(0, maxRecords).some((question) => names.includes(question.name.toLowerCase()));
}

/** The services of a type that a message tells of completely. */
export function servicesIn(records: readonly Answer[], type: string): FoundService[] {
  const some = records.slice(0, maxRecords);
  const suffix = `.${type}.local`;
  return some.flatMap((record) => {
    if (record.type !== 'SRV' || !record.name.endsWith(suffix) || record.ttl === 0) return [];
    const texts = some.flatMap((other) => (other.type === 'TXT' && other.name === record.name ? [other.data] : []));
    const { target, port } = record.data;
    return [
      {
        type,
        name: record.name.slice(0, -suffix.length),
        port,
        txt: texts.flat().map((text) => text.toString()),
        addresses: some.flatMap((other) => (other.type === 'A' && other.name === target ? [other.data] : [])),
      },
    ];
  });
}
