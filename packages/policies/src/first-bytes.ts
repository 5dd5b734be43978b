import type { Listener } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { duration } from "./envoy-values.ts";

/**
 * How long a listener's inspectors wait for a client's first bytes; then the connection goes on as one of which nothing
 * is known, which is plain text. Long for a client that has something to say, and says it as soon as it is connected.
 * Short for one that waits for the server to speak first.
 */
const PATIENCE = "2s";

/** Fields of a listener whose clients may be waiting for the server: without them Envoy closes such connections in time. */
export function firstBytesPatience(): Pick<
  Listener,
  "listenerFiltersTimeout" | "continueOnListenerFiltersTimeout"
> {
  return { listenerFiltersTimeout: duration(PATIENCE), continueOnListenerFiltersTimeout: true };
}
