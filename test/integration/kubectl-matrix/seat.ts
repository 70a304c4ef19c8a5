// Where the rows of the matrix run: one hub and one node for all, and for each
// version of kubectl a seat with a namespace, a kubeconfig and a home. What the
// rows assert of the cluster is read past kubectl, from the API itself.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { KubectlVersion } from '../../support/client-binary.ts';
import type { Result, RunOptions, Stream } from '../../support/client-process.ts';
import type { TestCluster } from '../../support/cluster.ts';
import { Kubectl } from '../../support/kubectl.ts';
import { shell } from '../../support/pods.ts';
import { Space } from '../../support/space.ts';
import { Terminal } from '../../support/terminal.ts';
import { runDirectory } from '../../support/traces.ts';
import { patient } from './things.ts';

const waitTimeoutMs = 45_000;

export class Seat extends Space {
  readonly version: KubectlVersion;
  readonly cluster: TestCluster;
  /** The one node of the cluster. */
  readonly node: string;
  readonly kube: Kubectl;
  #target: Promise<string> | undefined;

  constructor(cluster: TestCluster, node: string, version: KubectlVersion) {
    super(cluster.hub, `seat-${version.replace('.', '-')}`);
    this.version = version;
    this.cluster = cluster;
    this.node = node;
    this.kube = new Kubectl(join(runDirectory, `${this.namespace}.kubeconfig`), { version });
  }

  /** Makes the namespace, and the kubeconfig that points to it. */
  async open(): Promise<void> {
    const config = parse(await readFile(this.hub.kubeconfig, 'utf8')) as {
      contexts: { context: Record<string, string> }[];
    };
    for (const { context } of config.contexts) context.namespace = this.namespace;
    await writeFile(this.kube.kubeconfig, stringify(config));
    await this.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } });
  }

  /** kubectl is of this version or newer. */
  since(version: KubectlVersion): boolean {
    return this.version >= version;
  }

  /** A name for an object that has no namespace. */
  global(name: string): string {
    return `${name}-${this.namespace}`;
  }

  /** Runs kubectl with the words of a line, in which single quotes hold together what has spaces. */
  run(line: string, options: RunOptions = {}): Promise<Result> {
    return this.kube.run(wordsOf(line), options);
  }

  /** Runs kubectl, which must succeed; resolves with its stdout without the last line break. */
  ok(line: string, options: RunOptions = {}): Promise<string> {
    return this.kube.ok(wordsOf(line), options);
  }

  /** Runs kubectl, which must succeed and print exactly this, or what the pattern matches. */
  async says(line: string, expected: string | RegExp, options: RunOptions = {}): Promise<string> {
    const text = await this.ok(line, options);
    if (typeof expected === 'string') assert.equal(text, expected, `kubectl ${line}`);
    else assert.match(text, expected, `kubectl ${line}`);
    return text;
  }

  /** Runs kubectl, which must fail and say on stderr what the pattern matches. */
  async refuses(line: string, expected: RegExp, options: RunOptions = {}): Promise<void> {
    assert.match(await this.kube.fails(wordsOf(line), options), expected, `kubectl ${line}`);
  }

  /** Starts kubectl without waiting for its end. */
  stream(line: string, options: RunOptions = {}): Promise<Stream> {
    return this.kube.stream(wordsOf(line), options);
  }

  /** Starts kubectl in a terminal, with words that need no quoting. */
  terminal(line: string): Promise<Terminal> {
    return Terminal.open(this.kube, line.split(' '), { rows: 24, columns: 80 });
  }

  /** Runs kubectl until what it prints on stdout fits; resolves with it. */
  prints(line: string, pattern: RegExp): Promise<string> {
    const look = async (): Promise<string> => {
      const { code, stdout, stderr } = await this.run(line);
      if (code === 0 && pattern.test(stdout)) return stdout;
      throw new Error(`exit code ${code}\n${stdout}${stderr}`);
    };
    return this.cluster.until(`kubectl ${line} prints ${pattern}`, look, waitTimeoutMs);
  }

  /**
   * A pod that runs from its first use to the end of the run: `main` serves its files on port 8080 and has
   * logged `one`, `two` and `three`; `side` waits. Resolves with its name.
   */
  target(): Promise<string> {
    this.#target ??= this.#makeTarget();
    return this.#target;
  }

  async #makeTarget(): Promise<string> {
    const serve = 'for word in one two three; do echo $word; done; exec httpd -f -p 8080 -h /';
    await this.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'target', labels: { app: 'target' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          shell('main', serve, { ports: [{ name: 'web', containerPort: 8080 }] }),
          shell('side', `echo beside; ${patient}`),
        ],
      },
    });
    await this.ready('target');
    return 'target';
  }
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''));
}
