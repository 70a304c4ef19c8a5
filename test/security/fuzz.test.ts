// The API server under hostile input, the short run: every surface, hubs in this
// process and one behind TLS, the same inputs each time, so that a change is told
// apart from luck. `npm run fuzz` is the long one, with a seed of its own each
// time; a failing input is printed so that it can be sent again.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeFailure, runCampaign } from './fuzz/campaign.ts';
import type { Failure } from './fuzz/driver.ts';
import { parseInput, printInput } from './fuzz/input.ts';
import { runFuzz } from './fuzz/run.ts';

const inputs = 30_000;
const tlsInputs = 1500;
const workers = 2;
const seed = 4711;

function ignore(): void {}

function assertNone(failures: readonly Failure[]): void {
  assert.equal(failures.length, 0, `seed ${seed}\n${failures.map(describeFailure).join('\n')}`);
}

it('bears hostile input on every surface', async (context) => {
  const { figures, failures } = await runCampaign({
    inputs,
    seed,
    workers,
    only: [],
    onFault: ignore,
    onProgress: ignore,
  });
  context.diagnostic(`${[...figures.answers].map(([code, count]) => `${count} of ${code}`).join(', ')}`);
  assertNone(failures);
  assert.ok(figures.inputs >= inputs, `${figures.inputs} inputs were sent`);
  // Inputs that are all refused would show nothing of what lies behind.
  assert.ok((figures.answers.get('201') ?? 0) > inputs / 200, 'hardly anything was created');
  assert.ok((figures.answers.get('200') ?? 0) > inputs / 50, 'hardly anything was read or changed');
});

it('bears hostile input over TLS, and stores nothing outside of its place', async (context) => {
  const { figures, failures } = await runFuzz({
    layer: 'tls',
    seed,
    inputs: tlsInputs,
    only: [],
    onInput: ignore,
    onFault: ignore,
    onResult: ignore,
  });
  context.diagnostic(`${[...figures.answers].map(([code, count]) => `${count} of ${code}`).join(', ')}`);
  assertNone(failures);
});

it('prints inputs so that they can be sent again', () => {
  const input = {
    surface: 'json',
    identity: 'admin' as const,
    method: 'POST',
    target: '/api/v1/namespaces/default/configmaps',
    headers: [['Content-Type', 'application/json']] as const,
    body: ['{', ['[', 3] as const, new Uint8Array([255, 0])],
  };
  assert.deepEqual(parseInput(printInput(input)), input);
});
