// An emulated device from power-on: to init, to the agent's start, to a Ready node,
// to a pod; and what of its memory the agent, the engine and all else take. Init is
// where the same image without Skerry would be; what comes later is ours. Wants
// SKERRY_RIG_IMAGE, or builds an image.
import { setTimeout as delay } from 'node:timers/promises';
import { TestRig } from '../test/support/rig.ts';
import { figure, median } from './figures.ts';

const runs = 3;
const device = 'bench-1';
const consolePollMs = 50;
const startTimeoutMs = 600_000;
const mebibyte = 1024;

/** Seconds until something new on the console matches. */
async function consoleSays(rig: TestRig, seen: number, pattern: RegExp, beganMs: number): Promise<number> {
  while (!pattern.test(rig.console(device).slice(seen))) {
    if (performance.now() - beganMs > startTimeoutMs) throw new Error(`the console does not say ${pattern}`);
    await delay(consolePollMs);
  }
  return (performance.now() - beganMs) / 1000;
}

/** Seconds from power-on to the start of the agent's process, by its age and the age of the guest's kernel. */
async function agentStart(rig: TestRig, beganMs: number): Promise<number> {
  // Field 22 of /proc/PID/stat, in hundredths of a second since the kernel's start. proc(5)
  const text = await rig.ssh(
    device,
    "cut -d' ' -f1 /proc/uptime; cut -d' ' -f22 /proc/$(pidof skerry-agent | cut -d' ' -f1)/stat",
  );
  const nowMs = performance.now();
  const [uptimeS = 0, startTicks = 0] = text.split('\n').map(Number);
  return (nowMs - beganMs) / 1000 - (uptimeS - startTicks / 100);
}

type Start = { init: number; agent: number; ready: number; pod: number };

async function measureStart(rig: TestRig, turn: number): Promise<Start> {
  const boot = await rig.bootId(device);
  await rig.ok(['power-cut', device]);
  const seen = rig.console(device).length;
  const beganMs = performance.now();
  const elapsed = (): number => (performance.now() - beganMs) / 1000;
  await rig.ok(['power-on', device]);
  const init = await consoleSays(rig, seen, /skerry: Skerry /, beganMs);
  await rig.ready(device, boot);
  const ready = elapsed();
  await rig.kubectl.apply([rig.pod(`pod-${turn}`, device)]);
  await rig.podRuns(`pod-${turn}`);
  const pod = elapsed();
  const agent = await agentStart(rig, beganMs);
  await rig.kubectl.ok(['delete', 'pod', `pod-${turn}`, '--timeout=300s'], { timeoutMs: 310_000 });
  return { init, agent, ready, pod };
}

/** MiB of the guest: proportional set size of the agent and of the engine with its helpers, and all that is used. */
async function measureMemory(rig: TestRig): Promise<{ agent: number; engine: number; used: number }> {
  const pss = (programs: string): string =>
    `for pid in $(pidof ${programs}); do sed -n 's/^Pss: *\\([0-9]*\\).*/\\1/p' /proc/$pid/smaps_rollup; done | awk '{ s += $1 } END { print s + 0 }'`;
  const used = "awk '/MemTotal/ { t = $2 } /MemAvailable/ { a = $2 } END { print t - a }' /proc/meminfo";
  const text = await rig.ssh(device, [pss('skerry-agent'), pss('podman conmon crun netavark'), used].join('; '));
  const [agent = 0, engine = 0, all = 0] = text.split('\n').map((line) => Number(line) / mebibyte);
  return { agent, engine, used: all };
}

/** Prints rig.up_s, medians of rig.power_on_to_..._s, and rig.guest_..._mib. */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  const beganMs = performance.now();
  const rig = await TestRig.start({ count: 1, prefix: 'bench' });
  undo.defer(() => rig.stop());
  // With the writing of the disk, its growth, and the loading of what is preloaded.
  figure({ name: 'rig.up_s', value: (performance.now() - beganMs) / 1000, unit: 's' });
  const starts: Start[] = [];
  for (let turn = 1; turn <= runs; turn += 1) starts.push(await measureStart(rig, turn));
  for (const [name, of] of Object.entries({
    init: (start: Start) => start.init,
    agent_start: (start: Start) => start.agent,
    ready: (start: Start) => start.ready,
    pod: (start: Start) => start.pod,
  }))
    figure({ name: `rig.power_on_to_${name}_s`, value: median(starts.map(of)), unit: 's' });
  const { agent, engine, used } = await measureMemory(rig);
  figure({ name: 'rig.guest_agent_pss_mib', value: agent, unit: 'MiB' });
  figure({ name: 'rig.guest_engine_pss_mib', value: engine, unit: 'MiB' });
  figure({ name: 'rig.guest_system_mib', value: used - agent - engine, unit: 'MiB' });
}
