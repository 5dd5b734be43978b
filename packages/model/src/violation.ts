/** A user's mistake: where it is in their document, and a sentence that says what to do. */
export interface Violation {
  /** Path as the API writes it: `spec.to[0].default.idleTimeout`, `labels["kuma.io/zone"]`, `name`. */
  readonly field: string;
  readonly reason: string;
}
