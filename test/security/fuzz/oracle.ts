// What an answer must be, whatever was asked: no fault of the server's own, a
// Status for every refusal, one well-formed answer to one request.
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { parse } from 'yaml';
import type { Answer } from '../../support/http-connection.ts';
import { breaksHttp, type Input } from './input.ts';

/**
 * Codes from 500 on that may be an answer, with the reason that the Status must give and what may be asked for to get
 * it; all else is a fault. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
const allowedServerErrors: readonly {
  code: number;
  reason: string;
  asked: RegExp;
  /** Of the message, where the reason is one that faults have too. */
  says?: RegExp;
  why: string;
}[] = [
  {
    code: 500,
    reason: 'InternalError',
    asked: /\/eviction\b/,
    says: /^This pod has more than one PodDisruptionBudget/,
    why: 'two budgets for one pod: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/',
  },
  { code: 504, reason: 'Timeout', asked: /resourceVersion|continue/, why: 'a revision that is still to come' },
  {
    code: 504,
    reason: 'Timeout',
    asked: /\/(log|exec|attach|portforward|proxy)\b/,
    why: 'a node that does not answer',
  },
  {
    code: 503,
    reason: 'ServiceUnavailable',
    asked: /\/(log|exec|attach|portforward|proxy|eviction)\b/,
    why: 'a node or endpoint out of reach',
  },
  {
    code: 503,
    reason: 'ServiceUnavailable',
    asked: /^\/apis\/metrics\.k8s\.io\//,
    why: 'figures that no node has sent yet',
  },
  { code: 507, reason: 'InsufficientStorage', asked: /^(?!)/, why: 'a full disk, which there is none of here' },
];

/** How the problem begins that may be the fault of the input before. */
export const noAnswer = 'no answer';

type Status = {
  kind?: unknown;
  apiVersion?: unknown;
  status?: unknown;
  message?: unknown;
  reason?: unknown;
  code?: unknown;
};

/** What is wrong with the answer to an input, if anything. The first words tell one kind of fault from another. */
export function answerProblem(input: Input, answer: Answer): string | undefined {
  const { end, code, extraBytes } = answer;
  const isLoose = breaksHttp(input);
  if (input.raw !== undefined) return rawProblem(input, answer);
  if (end === 'silent' && !isLoose)
    return `${noAnswer}: nothing came${code === 0 ? '' : ` behind the head of a ${code}`}`;
  if (end === 'closed' && !isLoose && !isTooLarge(input))
    return `${noAnswer}: the connection was closed${code === 0 ? '' : ` within a ${code}`}`;
  if (extraBytes > 0 && !isLoose) return `too much: ${extraBytes} bytes came behind the answer ${code}`;
  if (end !== 'whole') return undefined;
  if (code < 200 || code > 599) return `no HTTP: the code is ${code}`;
  if (isLoose && isTransportRefusal(answer)) return undefined;
  if (code >= 400) return refusalProblem(input, answer);
  return hasDotSegment(input.target)
    ? `dot segment: a path with . or .. was answered with ${code}`
    : successProblem(input, answer);
}

/** Whether a segment of the path is `.` or `..`, escaped or not: no name is, and none may lead to another path. */
function hasDotSegment(target: string): boolean {
  const [path = ''] = target.split('?');
  if (/\/proxy\//.test(path) || !path.startsWith('/')) return false;
  return path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment));
}

/** The connection may be cut while more is being sent than anybody has to read. */
function isTooLarge({ body = [] }: Input): boolean {
  return body.some(
    (part) => typeof part !== 'string' && !(part instanceof Uint8Array) && part[0].length * part[1] > 3 << 20,
  );
}

function rawProblem(input: Input, { end, code }: Answer): string | undefined {
  // Methods and versions of HTTP that nobody knows.
  const isFault = end === 'whole' && code >= 500 && code !== 501 && code !== 505 && !isAllowed(input, code);
  return isFault ? `server error ${code}` : undefined;
}

/** A refusal by the HTTP parser, before there is a request. */
function isTransportRefusal({ code }: Answer): boolean {
  return [400, 408, 413, 414, 417, 431].includes(code);
}

function decodeBody({ body, headers }: Answer): Buffer {
  switch (headers.get('content-encoding')) {
    case 'gzip':
      return gunzipSync(body);
    case 'br':
      return brotliDecompressSync(body);
    case 'deflate':
      return inflateSync(body);
    default:
      return body;
  }
}

function refusalProblem(input: Input, answer: Answer): string | undefined {
  const { code, headers } = answer;
  if (input.method === 'HEAD')
    return code >= 500 && !isAllowed(input, code) ? `server error ${code} to HEAD` : undefined;
  const type = headers.get('content-type') ?? '';
  const body = decodeBody(answer);
  if (type.startsWith('application/vnd.kubernetes.protobuf'))
    return body.subarray(0, 4).equals(Buffer.from('k8s\0'))
      ? serverErrorProblem(input, code, undefined, '')
      : `no Status: the protobuf of a ${code} has no envelope`;
  let status: Status;
  try {
    status = (type.startsWith('application/yaml') ? parse(body.toString()) : JSON.parse(body.toString())) as Status;
  } catch {
    return `no Status: the body of a ${code} (${type}) is ${JSON.stringify(body.toString().slice(0, 200))}`;
  }
  const isRight =
    status?.kind === 'Status' &&
    status.apiVersion === 'v1' &&
    status.status === 'Failure' &&
    status.code === code &&
    typeof status.message === 'string';
  if (!isRight) return `no Status: the body of a ${code} is ${JSON.stringify(status)?.slice(0, 300)}`;
  return serverErrorProblem(input, code, status.reason, String(status.message));
}

function serverErrorProblem(input: Input, code: number, reason: unknown, message: string): string | undefined {
  return code < 500 || isAllowed(input, code, reason, message)
    ? undefined
    : `server error ${code} ${String(reason)}: ${message.slice(0, 300)}`;
}

function isAllowed({ target }: Input, code: number, reason?: unknown, message?: string): boolean {
  return allowedServerErrors.some(
    (item) =>
      item.code === code &&
      (reason === undefined || item.reason === reason) &&
      (item.says === undefined || (message !== undefined && item.says.test(message))) &&
      item.asked.test(target),
  );
}

type List = { kind?: string; items?: { metadata?: { namespace?: string } }[] };
/** Larger answers are not parsed: they are many, and lists of what was parsed before. */
const parsedBytes = 64 << 10;

function successProblem(input: Input, answer: Answer): string | undefined {
  const type = answer.headers.get('content-type') ?? '';
  if (input.method === 'HEAD' || !type.startsWith('application/json') || answer.body.length > parsedBytes)
    return undefined;
  let list: List;
  try {
    list = JSON.parse(decodeBody(answer).toString()) as List;
  } catch (error) {
    return `no JSON: the body of a ${answer.code} can't be parsed: ${(error as Error).message}`;
  }
  // Whatever a token or selector says: a list of a namespace holds objects of that namespace.
  const namespace = /\/namespaces\/([a-z]+)\/[a-z]+\?/.exec(input.target)?.[1];
  const stranger =
    list.kind?.endsWith('List') === true && namespace !== undefined
      ? list.items?.find(({ metadata }) => metadata?.namespace !== namespace)
      : undefined;
  return stranger === undefined
    ? undefined
    : `wrong namespace: a list of ${namespace} holds ${JSON.stringify(stranger.metadata).slice(0, 200)}`;
}
