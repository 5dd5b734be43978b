import { connect } from "node:net";

/** How far a conversation of bytes came with a server that speaks first. */
export interface Talk {
  /** The server's first line; null where the connection ended before it. */
  readonly greeting: string | null;
  /** Whether a line that was sent after that came back. */
  readonly answered: boolean;
}

const LINE = "flights of today?";

/** Waits to be greeted, sends one line, and waits for it to come back. */
export function talkTo(target: URL, timeoutMs = 10_000): Promise<Talk> {
  return new Promise((resolve) => {
    let greeting: string | null = null;
    let text = "";
    const socket = connect({ host: target.hostname, port: Number(target.port) });
    const end = (answered: boolean): void => {
      resolve({ greeting, answered });
      socket.destroy();
    };
    socket.setEncoding("utf8");
    socket.setTimeout(timeoutMs, () => end(false));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (greeting === null && text.includes("\n")) {
        greeting = text.slice(0, text.indexOf("\n"));
        text = text.slice(greeting.length + 1);
        socket.write(`${LINE}\n`);
      }
      if (greeting !== null && text.includes(`${LINE}\n`)) end(true);
    });
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
  });
}
