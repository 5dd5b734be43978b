import type { FastifyRequest } from "fastify";

/** Runs something that is to stop when the one who asked goes away. */
export async function whileWaited<T>(
  request: FastifyRequest,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  request.raw.socket.once("close", leave);
  try {
    return await work(gone.signal);
  } finally {
    request.raw.socket.off("close", leave);
  }
}
