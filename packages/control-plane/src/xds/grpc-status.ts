/** The gRPC status codes that this server ends streams with. */
export const GRPC_STATUS = {
  ok: 0,
  "invalid-argument": 3,
  "deadline-exceeded": 4,
  "permission-denied": 7,
  "resource-exhausted": 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export type GrpcStatus = keyof typeof GRPC_STATUS;

/**
 * Percent-encodes a `grpc-message`, as the gRPC-over-HTTP/2 protocol asks: printable ASCII except `%` stays.
 * Cut to 1 KiB, because it travels in a header.
 */
export function encodeGrpcMessage(message: string): string {
  let out = "";
  for (const byte of Buffer.from(message.slice(0, 1024), "utf8")) {
    if (byte >= 0x20 && byte <= 0x7e && byte !== 0x25) out += String.fromCharCode(byte);
    else out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}
