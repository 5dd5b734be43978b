/** A benchmark that this machine or user cannot run; the message says what is missing. The others can. */
export class CannotRun extends Error {}
