/** What an install or uninstall works with beside the configuration. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user wants no more of it: what was changed is put back. */
  readonly signal: AbortSignal;
  /** What was asked for: lines for the user or the next program. */
  readonly print: (text: string) => void;
  /** What is good to know: a sentence. */
  readonly note: (sentence: string) => void;
  /** What the user should know and will probably want to change: a sentence. */
  readonly warn: (sentence: string) => void;
}
