import type { ProxyInfo } from "./fleet.ts";
import type { GrpcCall } from "./grpc.ts";
import type { RequestNode } from "./request.ts";

/** Who sent the first request of a stream; `undefined` where the id is not `<mesh>.<name>`. A zone proxy has an empty mesh. */
export function nodeInfo(sender: RequestNode, call: GrpcCall): ProxyInfo | undefined {
  const dot = sender.id.indexOf(".");
  if (dot < 0 || dot === sender.id.length - 1) return undefined;
  return {
    id: sender.id,
    mesh: sender.id.slice(0, dot),
    name: sender.id.slice(dot + 1),
    cluster: sender.cluster,
    metadata: sender.metadata,
    token: tokenOf(call.authorization),
  };
}

function tokenOf(header: string | undefined): string | undefined {
  const token = header?.replace(/^bearer +/i, "").trim();
  return token === "" ? undefined : token;
}
