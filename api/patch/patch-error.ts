// The error of all patch types.

/** The patch is malformed, or does not fit the object; answered with 422 or 400. */
export class PatchError extends Error {}
