// Progress for the person at the terminal.

/** Prints one step. */
export function say(line: string): void {
  process.stdout.write(`-- ${line}\n`);
}
