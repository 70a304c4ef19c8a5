// npm run sim -- SEED [--log]: runs one seed, prints its steps and the verdict.
// Exits with 1 when an invariant is violated.
import { Simulation } from './simulation.ts';

const [seedText = '', ...flags] = process.argv.slice(2);
const seed = Number(seedText);
if (seedText === '' || !Number.isInteger(seed)) {
  process.stderr.write(`sim: expected a whole number as seed, found ${JSON.stringify(seedText)}\n`);
  process.exit(2);
}
const { trace, violations, log } = await new Simulation({ seed }).run();
for (const line of flags.includes('--log') ? [...log, ...trace.slice(-1)] : trace) process.stdout.write(`${line}\n`);
process.stdout.write(
  violations.length === 0 ? `seed ${seed}: fine\n` : `seed ${seed}: ${violations.length} violations\n`,
);
process.exit(violations.length === 0 ? 0 : 1);
