// Completion indexes as jobs write them: `0-2,5`.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode

/** `0-2,5` as numbers, of text that is well-formed. */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',').filter((item) => item !== '')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    for (let index = first; index <= last; index += 1) indexes.add(index);
  }
  return indexes;
}

/** Numbers as `0-2,5`; two neighbours are no interval. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const parts: string[] = [];
  const sorted = [...indexes].sort((a, b) => a - b);
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    parts.push(start === end ? `${sorted[start]}` : `${sorted[start]}${end === start + 1 ? ',' : '-'}${sorted[end]}`);
    start = end + 1;
  }
  return parts.join(',');
}

/** How many indexes a text means, or what is wrong with it for a job with so many completions. */
export function countIndexes(text: string, completions: number): { count: number } | { problem: string } {
  let previous = -1;
  let count = 0;
  for (const part of text === '' ? [] : text.split(',')) {
    const limits = part.split('-');
    if (limits.length > 2) {
      const rule = "an index interval can have at most two parts separated by '-'";
      return { problem: `the fragment "${part}" violates the requirement that ${rule}` };
    }
    const before = previous;
    for (const limit of limits) {
      if (!/^[+]?\d+$/.test(limit)) return { problem: `cannot convert string to integer for index: "${limit}"` };
      const index = Number(limit);
      if (index >= completions) return { problem: `too large index: "${limit}"` };
      if (index <= previous) return { problem: `non-increasing order, previous: ${previous}, current: ${index}` };
      previous = index;
    }
    count += limits.length === 2 ? previous - Number(limits[0]) + 1 : Number(previous > before);
  }
  return { count };
}
