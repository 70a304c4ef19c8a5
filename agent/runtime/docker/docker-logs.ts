// Containers' logs. Those of Docker's json-file driver and Podman's k8s-file are
// read from their files, as a kubelet does: both engines' own ways of following
// them lose lines when they are rotated (Docker 20.10, Podman 5.4), and cost the
// device several times as much. All others, and files that can't be seen from
// here, come by the engine's API.
// https://kubernetes.io/docs/concepts/cluster-administration/logging/
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { whenAborted } from '../../../platform/abort.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import type { Disk } from '../../../platform/disk.ts';
import { firstLogPauseMs, longestLogPauseMs, maxLogFiles } from '../limits.ts';
import { type LogQuery, RuntimeError } from '../runtime.ts';
import { logConfig } from './create-options.ts';
import { criLog } from './cri-log.ts';
import { guarded, translate } from './docker-error.ts';
import { jsonLog } from './json-log.ts';
import { LogDecoder, type LogFormat } from './log-decoder.ts';
import { demultiplex } from './log-stream.ts';
import { RotatedFiles, type RotatedFilesOptions } from './rotated-files.ts';

/** conmon reads 8 KiB of output at a time, and puts a header before each line of it: lines of one byte grow most. */
const longestConmonWriteBytes = 512 << 10;

export type DockerLogsParts = { docker: Docker; clock: Clock; disk: Disk };

export class DockerLogs {
  #parts: DockerLogsParts;

  constructor(parts: DockerLogsParts) {
    this.#parts = parts;
  }

  /** As Runtime.logs. */
  async *read(id: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const container = this.#parts.docker.getContainer(id);
    const info = await guarded(() => container.inspect());
    const found = logFilesOf(info);
    const files = found && (await this.#open(found.options));
    if (found === undefined || files === undefined) {
      yield* fromEngine(container, info.Config.Tty, query, signal);
      return;
    }
    const stop = new AbortController();
    try {
      const end = query.follow ? endOf(container, stop.signal) : undefined;
      yield* this.#fromFiles(files, new LogDecoder(found.format, query), { query, signal, ended: end?.ended });
      if (end?.failure !== undefined && !signal.aborted) throw end.failure;
    } catch (error) {
      if (error instanceof RuntimeError) throw error;
      throw new RuntimeError('failed', `the log can't be read: ${(error as Error).message}`, { cause: error });
    } finally {
      stop.abort();
      await files.close();
    }
  }

  /** The log's files, where they can be read. */
  async #open(options: RotatedFilesOptions): Promise<RotatedFiles | undefined> {
    // An agent in a container, or one that is not root, can't read what is the engine's.
    return RotatedFiles.open(options, this.#parts.disk).catch(() => undefined);
  }

  /** @param ended aborts when the container has ended and all that it printed is in the files */
  async *#fromFiles(
    files: RotatedFiles,
    decoder: LogDecoder,
    { query, signal, ended }: { query: LogQuery; signal: AbortSignal; ended: AbortSignal | undefined },
  ): AsyncGenerator<Uint8Array> {
    const { clock } = this.#parts;
    if (!query.follow) await files.endHere();
    if (query.tailLines !== undefined) await files.skipToLast(query.tailLines);
    const wake = AbortSignal.any(ended === undefined ? [signal] : [signal, ended]);
    let pauseMs = firstLogPauseMs;
    while (!signal.aborted) {
      // Known before the files are looked at: nothing comes after what is found then.
      const isOver = ended?.aborted ?? true;
      const piece = await files.next();
      if (piece !== undefined) {
        if (piece.missingBefore) yield decoder.notice(clock.nowMs());
        const output = decoder.decode(piece.lines);
        if (output.length > 0) yield output;
        pauseMs = firstLogPauseMs;
      } else if (isOver) {
        if (await files.missesEnd()) yield decoder.notice(clock.nowMs());
        return;
      } else {
        await sleep(clock, pauseMs, wake);
        pauseMs = Math.min(2 * pauseMs, longestLogPauseMs);
      }
    }
  }
}

/** Tells when a container does not run any more: the engine says so when it has closed its log. */
function endOf(container: Docker.Container, signal: AbortSignal): { ended: AbortSignal; failure?: RuntimeError } {
  const ended = new AbortController();
  const end: ReturnType<typeof endOf> = { ended: ended.signal };
  container
    .wait({ condition: 'not-running', abortSignal: signal })
    .catch((error: unknown) => {
      const failure = translate(error);
      // It has been removed, which ends it too.
      if (failure.code !== 'not-found') end.failure = failure;
    })
    .finally(() => ended.abort());
  return end;
}

type LogFiles = { options: RotatedFilesOptions; format: LogFormat };

/** Where the files of a log are, what is in them and how they are rotated, when that is known. */
function logFilesOf({ Id, LogPath, HostConfig }: Docker.ContainerInspectInfo): LogFiles | undefined {
  const { Type, Config } = HostConfig.LogConfig ?? { Type: '', Config: {} };
  const name = basename(LogPath);
  // Podman takes `json-file` for its k8s-file.
  if (name === 'ctr.log' && (Type === 'json-file' || Type === 'k8s-file'))
    return { options: podmanFile(LogPath), format: criLog };
  if (Type !== 'json-file' || name !== `${Id}-json.log`) return undefined;
  const options = dockerFiles(LogPath, (Config ?? {}) as Record<string, string>);
  return options && { options, format: jsonLog };
}

/** Docker's, when it rotates by renaming. */
function dockerFiles(
  path: string,
  { 'max-size': maxSize = '-1', 'max-file': maxFile = '1', compress }: Record<string, string>,
): RotatedFilesOptions | undefined {
  const rotatedFromBytes = bytesOf(maxSize);
  if (rotatedFromBytes === Number.POSITIVE_INFINITY) return { path, maxFiles: 1, rotatedFromBytes };
  const maxFiles = Number(maxFile);
  const isRenamed = maxFiles > 1 && maxFiles <= maxLogFiles && compress !== 'true';
  return isRenamed ? { path, maxFiles, rotatedFromBytes } : undefined;
}

/** Podman's: one, which conmon (2.1) replaces before it would become too large. The engine does not tell its limit. */
function podmanFile(path: string): RotatedFilesOptions {
  const rotatedFromBytes = bytesOf(logConfig.Config['max-size']) - longestConmonWriteBytes;
  return { path, maxFiles: 1, rotatedFromBytes, isReplaced: true };
}

/** A size as Docker reads it: `10m` are ten million. Without a limit, or what is not known: infinite. */
function bytesOf(size: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(size) ?? [];
  if (number === undefined) return Number.POSITIVE_INFINITY;
  return Number(number) * 1000 ** ['', 'k', 'm', 'g', 't', 'p'].indexOf(unit.toLowerCase());
}

async function* fromEngine(
  container: Docker.Container,
  isTerminal: boolean,
  { follow, timestamps, tailLines, sinceMs }: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const options = {
    follow,
    stdout: true,
    stderr: true,
    timestamps,
    tail: tailLines ?? 'all',
    ...(sinceMs === undefined ? {} : { since: sinceMs / 1000 }),
  };
  const stream = await guarded(() => openStream(container, options));
  whenAborted(signal, () => void stream.destroy());
  try {
    if (isTerminal) yield* stream;
    else yield* demultiplex(stream);
  } catch (error) {
    if (!signal.aborted) throw translate(error);
  } finally {
    stream.destroy();
  }
}

/** As dockerode's `logs`, which without following holds all of a log in memory. */
function openStream(container: Docker.Container, options: object): Promise<Readable> {
  const call = {
    path: `/containers/${container.id}/logs?`,
    method: 'GET',
    isStream: true,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
    options,
  };
  return new Promise((resolve, reject) => {
    container.modem.dial(call, (error: Error | null, stream: Readable) => (error ? reject(error) : resolve(stream)));
  });
}
