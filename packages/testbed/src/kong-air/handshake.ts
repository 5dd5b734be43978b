import { connect } from "node:tls";

/** What a stranger offers: no certificate of the mesh, and one version of TLS only. */
export interface Offer {
  readonly host: string;
  readonly port: number;
  readonly version: "TLSv1.2" | "TLSv1.3";
}

/** How long a server that takes the offer may leave it at that before it counts as let in. */
const QUIET_MS = 5_000;

/**
 * Shakes hands with a sidecar as somebody without a certificate would, and says how far that came: in TLS 1.3 the
 * server looks at the caller's certificate only after the caller has seen the handshake end.
 */
export function strangersHandshake({ host, port, version }: Offer): Promise<string> {
  return new Promise((resolve) => {
    let agreed = "";
    const socket = connect({
      host,
      port,
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ["kuma"],
      rejectUnauthorized: false,
    });
    const end = (answer: string): void => {
      resolve(agreed === "" ? answer : `${agreed}, then ${answer}`);
      socket.destroy();
    };
    socket.setTimeout(QUIET_MS, () => end("nothing"));
    socket.on("secureConnect", () => {
      agreed = `${socket.getCipher().standardName}`;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => end(`refused: ${alertOf(error)}`));
    socket.on("close", () => end("closed"));
  });
}

/** `ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION` is `protocol version`. */
function alertOf({ code, message }: NodeJS.ErrnoException): string {
  const name = /ALERT_(.+)$/.exec(code ?? "")?.[1];
  return name === undefined ? (code ?? message) : name.toLowerCase().replaceAll("_", " ");
}
