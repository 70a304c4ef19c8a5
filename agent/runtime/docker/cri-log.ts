// What Podman's k8s-file log driver (conmon) writes, the format of Kubernetes'
// own container runtimes: `TIME STREAM F|P TEXT`, P for a piece of a line that
// goes on, F for the end of a line. Pure.
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
import type { LogEntry, LogFormat } from './log-decoder.ts';

export const criLog: LogFormat = { entryOf, outputOf: (line) => pieceOf(line)?.log ?? '' };

function entryOf(line: string): LogEntry | undefined {
  const piece = pieceOf(line);
  return piece && { ...piece, time: inUtc(piece.time) };
}

function pieceOf(line: string): LogEntry | undefined {
  const streamAt = line.indexOf(' ') + 1;
  const tagAt = line.indexOf(' ', streamAt) + 1;
  const tag = line[tagAt];
  if (streamAt === 0 || tagAt === 0 || (tag !== 'F' && tag !== 'P') || line[tagAt + 1] !== ' ') return undefined;
  const text = line.slice(tagAt + 2);
  return {
    log: tag === 'F' ? `${text}\n` : text,
    stream: line.slice(streamAt, tagAt - 1),
    time: line.slice(0, streamAt - 1),
  };
}

/** The same time in UTC with all its digits: conmon writes local time with its offset. */
function inUtc(time: string): string {
  const [, seconds = '', fraction = '', offset = ''] = /^([^.]*?)(\.\d+)?([+-]\d\d:\d\d|Z)$/.exec(time) ?? [];
  const ms = Date.parse(`${seconds}${offset}`);
  return Number.isNaN(ms) ? time : `${new Date(ms).toISOString().slice(0, 19)}${fraction}Z`;
}
