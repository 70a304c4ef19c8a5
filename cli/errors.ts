// Errors that end a command with one line for the person who typed it.

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {}

/** The command can't do what was asked: exit code 1, or the one given. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}
