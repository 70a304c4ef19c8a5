// What a device tells as figures, in Prometheus' text format. Pure.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
import type { Observed } from './conditions.ts';
import { throttleFlags } from './readings.ts';

type Sample = { labels?: Record<string, string>; value: number | boolean | undefined };
type Family = { name: string; type: 'gauge' | 'counter'; help: string; samples: Sample[] };

/** `underVoltage` as label values have it: `under_voltage`. */
const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function boardFamilies({ device: { power, temperatures, uptimeSeconds }, clock }: Observed): Family[] {
  const flags = (set: NonNullable<typeof power>['now'] = {}): Sample[] =>
    throttleFlags.map((flag) => ({ labels: { flag: snakeCase(flag) }, value: set[flag] }));
  return [
    {
      name: 'throttled',
      type: 'gauge',
      help: 'What the board says of its supply now, 1 for yes.',
      samples: flags(power?.now),
    },
    {
      name: 'throttled_since_boot',
      type: 'gauge',
      help: 'What the board says of its supply since it was started, 1 for yes.',
      samples: flags(power?.sinceBoot),
    },
    {
      name: 'temperature_celsius',
      type: 'gauge',
      help: 'Temperature of a thermal zone.',
      samples: temperatures.map(({ zone, celsius }, index) => ({
        labels: { zone, index: String(index) },
        value: celsius,
      })),
    },
    {
      name: 'uptime_seconds',
      type: 'gauge',
      help: 'Time since the system was started.',
      samples: [{ value: uptimeSeconds }],
    },
    {
      name: 'clock_difference_seconds',
      type: 'gauge',
      help: "The device's clock less the hub's, since the hub told its time.",
      samples: [{ value: clock.hubDifferenceMs === undefined ? undefined : clock.hubDifferenceMs / 1000 }],
    },
  ];
}

function storageFamilies({ device: { disks, ext4, space, memory } }: Observed): Family[] {
  const perDisk = (read: (disk: (typeof disks)[number]) => Sample['value']): Sample[] =>
    disks.map((disk) => ({ labels: { device: disk.name }, value: read(disk) }));
  const one = (value: Sample['value']): Sample[] => [{ value }];
  return [
    { name: 'disk_size_bytes', type: 'gauge', help: 'Size of a disk.', samples: perDisk(({ sizeBytes }) => sizeBytes) },
    {
      name: 'disk_read_bytes_total',
      type: 'counter',
      help: 'Read since the start.',
      samples: perDisk(({ readBytes }) => readBytes),
    },
    {
      name: 'disk_written_bytes_total',
      type: 'counter',
      help: 'Written since the start.',
      samples: perDisk(({ writtenBytes }) => writtenBytes),
    },
    {
      name: 'disk_io_errors_total',
      type: 'counter',
      help: 'Commands that failed, where the disk counts them.',
      samples: perDisk(({ ioErrors }) => ioErrors),
    },
    {
      name: 'disk_life_used_ratio',
      type: 'gauge',
      help: 'Share of its life that a disk has used, where it tells; above 1 is beyond it.',
      samples: perDisk(({ lifeUsedRatio }) => lifeUsedRatio),
    },
    {
      name: 'filesystem_errors_total',
      type: 'counter',
      help: 'Errors that ext4 has found, until fsck repairs them.',
      samples: ext4.map(({ device, errors }) => ({ labels: { device }, value: errors })),
    },
    {
      name: 'data_size_bytes',
      type: 'gauge',
      help: 'Size of the file system of the data directory.',
      samples: one(space?.totalBytes),
    },
    {
      name: 'data_free_bytes',
      type: 'gauge',
      help: 'Free on the file system of the data directory.',
      samples: one(space?.freeBytes),
    },
    {
      name: 'data_free_inodes',
      type: 'gauge',
      help: 'Free inodes of the file system of the data directory.',
      samples: one(space?.freeInodes),
    },
    { name: 'memory_size_bytes', type: 'gauge', help: 'Memory of the device.', samples: one(memory?.totalBytes) },
    {
      name: 'memory_available_bytes',
      type: 'gauge',
      help: 'Memory that programs can still have.',
      samples: one(memory?.availableBytes),
    },
    {
      name: 'memory_stalled_ratio',
      type: 'gauge',
      help: 'Share of the last minute in which everything waited for memory.',
      samples: one(memory?.stalledPercent === undefined ? undefined : memory.stalledPercent / 100),
    },
  ];
}

function quote(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

function familyText({ name, type, help, samples }: Family): string {
  const known = samples.filter(({ value }) => value !== undefined);
  if (known.length === 0) return '';
  const full = `skerry_device_${name}`;
  const lines = known.map(({ labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}=${quote(text)}`);
    return `${full}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${Number(value)}`;
  });
  return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines, ''].join('\n');
}

/** Everything that is known of the device; what it does not tell is left out. */
export function metricsText(observed: Observed): string {
  return [...boardFamilies(observed), ...storageFamilies(observed)].map(familyText).join('');
}
