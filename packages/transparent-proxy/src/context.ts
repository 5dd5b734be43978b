/** What an install or uninstall works with beside the configuration. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user wants no more of it: what was changed is put back. */
  readonly signal: AbortSignal;
  /** What happened or would happen: a line for the user. */
  readonly info: (line: string) => void;
  /** What the user should know and may want to change. */
  readonly warn: (line: string) => void;
}
