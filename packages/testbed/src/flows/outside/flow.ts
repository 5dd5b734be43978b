/** One way of calling a server outside of the mesh. */
export interface Flow {
  /** `headers` answers with the names of the headers that reach the server. */
  readonly kind: "http" | "headers" | "https" | "h2c" | "echo" | "greeting";
  readonly address: string;
  readonly port: number;
  /** What the client says it wants: `Host`, SNI or `:authority`. */
  readonly name?: string;
}

/** What came of it. */
export interface FlowResult {
  /** `passes` with the server's own answer, else what the client met. */
  readonly outcome: string;
  /** From the first byte to the answer. */
  readonly ms: number;
}
