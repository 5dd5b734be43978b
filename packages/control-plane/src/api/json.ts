import type { FastifyReply } from "fastify";

/** Answers with JSON as the API prints it: indented with one space, ended with a newline. */
export function sendJson(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  return send(reply, status, "application/json", `${JSON.stringify(body, null, 1)}\n`);
}

/** Answers with plain text. */
export function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return send(reply, status, "text/plain", text);
}

/** Bytes, because fastify adds a charset to the content type of text, and clients compare it. */
function send(reply: FastifyReply, status: number, type: string, text: string): FastifyReply {
  return reply.code(status).header("content-type", type).send(Buffer.from(text));
}
