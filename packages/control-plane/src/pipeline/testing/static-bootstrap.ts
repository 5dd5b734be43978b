import { type ConfigJson, staticBootstrap as made } from "../../envoy-check/static-bootstrap.ts";
import { mapStrings, unnamed } from "./certificates.ts";

/** One dataplane of a golden `envoy.yaml`. */
export type GoldenConfig = ConfigJson;

/** The configuration without a control plane, with the test certificates where their names stand. */
export function staticBootstrap(node: string, config: GoldenConfig): unknown {
  return mapStrings(made(node, config), (text, key) =>
    key === "inlineBytes" ? Buffer.from(unnamed(text)).toString("base64") : text,
  );
}
