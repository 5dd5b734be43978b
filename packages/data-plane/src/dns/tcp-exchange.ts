import { createConnection } from "node:net";
import { answers, withId } from "./message.ts";
import type { Resolver } from "./resolv-conf.ts";
import { FrameReader, frame } from "./tcp-frames.ts";
import type { Cancel } from "./udp-sockets.ts";

/**
 * Asks one resolver by TCP, over a connection of its own. `onAnswer` is called at most once, without an answer when there
 * is none, and not after the question was taken back.
 */
export function askByTcp(
  { address, port }: Resolver,
  query: Buffer,
  id: number,
  onAnswer: (reply: Buffer | undefined) => void,
): Cancel {
  let isDone = false;
  const socket = createConnection({ host: address, port });
  const done = (reply: Buffer | undefined) => {
    if (isDone) return;
    isDone = true;
    socket.destroy();
    onAnswer(reply);
  };
  const frames = new FrameReader();
  socket.on("connect", () => socket.write(frame(withId(query, id))));
  socket.on("data", (chunk: Buffer) => {
    for (const message of frames.push(chunk)) if (answers(message, query, id)) done(message);
  });
  socket.on("error", () => done(undefined));
  socket.on("close", () => done(undefined));
  socket.unref();
  return () => {
    isDone = true;
    socket.destroy();
  };
}
