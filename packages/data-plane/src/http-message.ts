/** A complete HTTP/1.1 response. */
export interface HttpMessage {
  readonly status: number;
  readonly body: string;
  readonly etag?: string;
}

/**
 * Decodes a response that was read until the connection closed, or as far as it has come (`isClosed` false). Understands chunked bodies and nothing else of
 * HTTP/1.1, which is all that Envoy's admin interface sends; `node:http` would cost the supervisor 12 MB.
 * `undefined` when the bytes are not a whole response, or are not known to be one before the connection closes.
 */
export function decodeHttpResponse(bytes: Buffer, isClosed = true): HttpMessage | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [statusLine = "", ...headers] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
  if (status === undefined) return undefined;
  const chunked = headers.some((line) => /^transfer-encoding:\s*chunked/i.test(line));
  const rest = bytes.subarray(end + 4);
  const hasLength = headers.some((line) => /^content-length:/i.test(line));
  if (!isClosed && !chunked && !hasLength && status !== NOT_MODIFIED) return undefined;
  const body = chunked ? dechunk(rest) : withLength(headers, rest);
  if (body === undefined) return undefined;
  const etag = headers
    .find((line) => /^etag:/i.test(line))
    ?.slice("etag:".length)
    .trim();
  return {
    status: Number(status),
    body: body.toString("utf8"),
    ...(etag === undefined ? {} : { etag }),
  };
}

/** It never has a body. */
const NOT_MODIFIED = "304";

function withLength(headers: readonly string[], rest: Buffer): Buffer | undefined {
  const line = headers.find((header) => /^content-length:/i.test(header));
  if (line === undefined) return rest;
  const length = Number(line.slice(line.indexOf(":") + 1));
  return rest.length < length ? undefined : rest.subarray(0, length);
}

function dechunk(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (!Number.isSafeInteger(size) || size < 0) return undefined;
    if (size === 0) return Buffer.concat(parts);
    const start = lineEnd + 2;
    if (bytes.length < start + size + 2) return undefined;
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}

/** Method and path of a request's first line; `undefined` when it is not HTTP. */
export function parseRequestLine(
  text: string,
): { readonly method: string; readonly path: string } | undefined {
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?\n/.exec(text) ?? [];
  return method === undefined || target === undefined
    ? undefined
    : { method, path: target.split("?")[0] ?? target };
}
