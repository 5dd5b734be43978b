import type { FastifyInstance, FastifyRequest } from "fastify";
import { Problem, titles } from "./problem.ts";

/** Documents are refused above this many bytes: far more than any real one, far less than what hurts. */
export const BODY_LIMIT = 4 * 1024 * 1024;
/** A body that is too large is still read up to here, so that its sender gets to see the answer. */
const DISCARD_LIMIT = 64 * 1024 * 1024;

/** Thrown for a body in a format that the API does not read; answered as plain text. */
export class UnsupportedMediaType extends Error {}

/** Makes every body arrive as bytes, at most `BODY_LIMIT` of them. */
export function readBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => {
    const chunks: Buffer[] = [];
    let size = 0;
    payload.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) chunks.push(chunk);
      else chunks.length = 0;
      if (size > DISCARD_LIMIT) payload.pause();
      if (size > DISCARD_LIMIT) done(tooLarge());
    });
    payload.on("error", done);
    payload.on("end", () => {
      if (size > BODY_LIMIT) done(tooLarge());
      else done(null, Buffer.concat(chunks));
    });
  });
}

/**
 * The text of a JSON body.
 * @throws UnsupportedMediaType when the request does not say that it is JSON
 */
export function jsonText(request: FastifyRequest): string {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new UnsupportedMediaType();
  return Buffer.isBuffer(request.body) ? request.body.toString("utf8") : "";
}

/** The value of JSON text, or what is wrong with it. */
export function parseJson(text: string): { readonly value: unknown } | { readonly problem: string } {
  if (text.trim() === "") return { problem: "unexpected end of JSON input" };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function tooLarge(): Problem {
  return new Problem(
    413,
    titles.tooLarge,
    `the body is larger than ${BODY_LIMIT} bytes, the most that a request may have; split it into several resources`,
  );
}
