// Startup, readiness and liveness probes of the containers that run here.
// https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
import type { Container, Pod } from '../../api/meta/kubernetes.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HttpProbe } from '../../platform/net.ts';
import type { Random } from '../../platform/random.ts';

type Probe = NonNullable<Container['readinessProbe']>;
type ProbeKind = 'startup' | 'readiness' | 'liveness';

export type ProberParts = {
  clock: Clock;
  random: Random;
  httpStatus: (probe: HttpProbe) => Promise<number>;
  tcpReachable: (host: string, port: number, timeoutMs: number) => Promise<void>;
  /** Undefined when the engine could not be asked, which says nothing of the container. */
  exec: (
    containerId: string,
    command: string[],
    timeoutMs: number,
  ) => Promise<{ exitCode: number; output: string } | undefined>;
  /** A container's readiness has changed. */
  onReadiness: (podUid: string) => void;
  /** A probe failed; people are told. */
  onFailure: (pod: Pod, message: string) => void;
  /** A container is to be ended: its liveness or startup probe failed too often. Rejects when that could not be done. */
  onUnhealthy: (pod: Pod, container: Container, containerId: string, kind: 'liveness' | 'startup') => Promise<void>;
};

/** Longest output of a failed probe that is shown. */
const maxOutputCharacters = 200;

class ContainerProbes {
  #pod: Pod;
  #container: Container;
  #id: string;
  #address: string;
  #parts: ProberParts;
  #stopped = false;
  #isOver = false;
  #cancels = new Map<ProbeKind, () => void>();
  #started: boolean;
  #ready: boolean;

  constructor(pod: Pod, container: Container, id: string, address: string, parts: ProberParts) {
    this.#pod = pod;
    this.#container = container;
    this.#id = id;
    this.#address = address;
    this.#parts = parts;
    this.#started = container.startupProbe === undefined;
    this.#ready = this.#started && container.readinessProbe === undefined;
    if (container.startupProbe !== undefined) this.#begin('startup', container.startupProbe);
    else this.#beginRest();
  }

  get ready(): boolean {
    return this.#ready;
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#cancels.values()) cancel();
  }

  /** Stops for good: the container does not run any more. */
  end(): void {
    this.#isOver = true;
    this.stop();
  }

  #beginRest(): void {
    const { readinessProbe, livenessProbe } = this.#container;
    if (readinessProbe !== undefined) this.#begin('readiness', readinessProbe);
    if (livenessProbe !== undefined) this.#begin('liveness', livenessProbe);
  }

  #begin(kind: ProbeKind, probe: Probe): void {
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    // After a restart of the agent all containers would be probed at the same moment.
    this.#schedule(
      kind,
      probe,
      (probe.initialDelaySeconds ?? 0) * 1000 + this.#parts.random.fraction() * Math.min(1000, periodMs),
      0,
      0,
    );
  }

  #schedule(kind: ProbeKind, probe: Probe, delayMs: number, successes: number, failures: number): void {
    if (this.#stopped) return;
    const cancel = this.#parts.clock.setTimer(delayMs, () => void this.#probe(kind, probe, successes, failures));
    this.#cancels.set(kind, cancel);
  }

  async #probe(kind: ProbeKind, probe: Probe, successes: number, failures: number): Promise<void> {
    let problem: string | undefined;
    try {
      if ((await this.#run(probe)) === 'unknown') {
        this.#schedule(kind, probe, (probe.periodSeconds ?? 10) * 1000, successes, failures);
        return;
      }
    } catch (error) {
      problem = (error as Error).message;
    }
    if (this.#stopped) return;
    const counts =
      problem === undefined ? { successes: successes + 1, failures: 0 } : { successes: 0, failures: failures + 1 };
    if (problem !== undefined)
      this.#parts.onFailure(this.#pod, `${label(kind)} probe failed: ${problem.slice(0, maxOutputCharacters)}`);
    if (counts.successes >= (probe.successThreshold ?? 1)) this.#passed(kind);
    if (counts.failures >= (probe.failureThreshold ?? 3)) this.#failed(kind);
    if (kind === 'startup' && this.#started) return;
    this.#schedule(kind, probe, (probe.periodSeconds ?? 10) * 1000, counts.successes, counts.failures);
  }

  #passed(kind: ProbeKind): void {
    if (kind === 'startup' && !this.#started) {
      this.#started = true;
      this.#setReady(this.#container.readinessProbe === undefined);
      this.#beginRest();
    } else if (kind === 'readiness') this.#setReady(true);
  }

  #failed(kind: ProbeKind): void {
    if (kind === 'readiness') this.#setReady(false);
    else {
      this.stop();
      this.#parts.onUnhealthy(this.#pod, this.#container, this.#id, kind).catch(() => {
        // It still runs: it is probed on, until it passes or can be ended. `keepOnly` has the last word.
        if (this.#isOver) return;
        this.#stopped = false;
        if (this.#started) this.#beginRest();
        else if (this.#container.startupProbe !== undefined) this.#begin('startup', this.#container.startupProbe);
      });
    }
  }

  #setReady(ready: boolean): void {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#parts.onReadiness(this.#pod.metadata.uid ?? '');
  }

  /** Resolves when the probe succeeds, or as `unknown` when it could not be made. @throws Error saying what went wrong */
  async #run(probe: Probe): Promise<'passed' | 'unknown'> {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    if (probe.exec !== undefined) {
      const result = await this.#parts.exec(this.#id, probe.exec.command ?? [], timeoutMs);
      if (result === undefined) return 'unknown';
      const { exitCode, output } = result;
      if (exitCode !== 0) throw new Error(output.trim() || `command ended with code ${exitCode}`);
    } else if (probe.httpGet !== undefined) {
      const { httpGet } = probe;
      const headers = Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]));
      const status = await this.#parts.httpStatus({
        scheme: httpGet.scheme === 'HTTPS' ? 'https' : 'http',
        host: httpGet.host ?? this.#address,
        port: this.#port(httpGet.port),
        path: httpGet.path ?? '/',
        headers,
        timeoutMs,
      });
      if (status < 200 || status >= 400) throw new Error(`HTTP probe failed with statuscode: ${status}`);
    } else if (probe.tcpSocket !== undefined) {
      await this.#parts.tcpReachable(
        probe.tcpSocket.host ?? this.#address,
        this.#port(probe.tcpSocket.port),
        timeoutMs,
      );
    } else throw new Error('probes of this type are not built yet: use exec, httpGet or tcpSocket');
    return 'passed';
  }

  /** A port by number, or by its name in the container. */
  #port(port: number | string): number {
    const named = this.#container.ports?.find((candidate) => candidate.name === port)?.containerPort;
    return named ?? Number(port);
  }
}

function label(kind: ProbeKind): string {
  return `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
}

export class Prober {
  #parts: ProberParts;
  #byPod = new Map<string, Map<string, ContainerProbes>>();

  constructor(parts: ProberParts) {
    this.#parts = parts;
  }

  /** Whether a running container is ready; begins to probe it when it is new. */
  isReady(pod: Pod, container: Container, containerId: string, address: string): boolean {
    if (
      container.readinessProbe === undefined &&
      container.livenessProbe === undefined &&
      container.startupProbe === undefined
    )
      return true;
    const uid = pod.metadata.uid ?? '';
    const probes = this.#byPod.get(uid) ?? new Map<string, ContainerProbes>();
    this.#byPod.set(uid, probes);
    let own = probes.get(containerId);
    if (own === undefined) {
      own = new ContainerProbes(pod, container, containerId, address, this.#parts);
      probes.set(containerId, own);
    }
    return own.ready;
  }

  /** Ends the probes of a pod's containers that do not run any more. */
  keepOnly(podUid: string, runningIds: readonly string[]): void {
    const probes = this.#byPod.get(podUid);
    for (const [id, own] of probes ?? []) {
      if (runningIds.includes(id)) continue;
      own.end();
      probes?.delete(id);
    }
    if (probes?.size === 0) this.#byPod.delete(podUid);
  }

  stop(): void {
    for (const uid of [...this.#byPod.keys()]) this.keepOnly(uid, []);
  }
}
