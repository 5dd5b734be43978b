import type { Family } from "../config/network-address.ts";
import { findExecutable, runCommand } from "../host/command.ts";

/** The kernel's part that an iptables speaks to. */
export type Mode = "nft" | "legacy";

/** The executables of one IP version, all of one mode. */
export interface Tools {
  readonly mode: Mode;
  /** Tests single rules. */
  readonly iptables: string;
  readonly save: string;
  readonly restore: string;
}

const COMMAND: Readonly<Record<Family, string>> = { ipv4: "iptables", ipv6: "ip6tables" };

/** The tools of a mode; `undefined` where one of the three is missing or is of another mode. */
export async function findTools(family: Family, mode: Mode): Promise<Tools | undefined> {
  const base = COMMAND[family];
  for (const prefix of [`${base}-${mode}`, base]) {
    const tools = await toolsAt({
      iptables: findExecutable(prefix),
      save: findExecutable(`${prefix}-save`),
      restore: findExecutable(`${prefix}-restore`),
    });
    if (tools?.mode === mode) return tools;
  }
  return undefined;
}

/**
 * The tools that the user named, or `undefined` where none were.
 *
 * @throws Error when they cannot be run.
 */
export async function namedTools(
  family: Family,
  named: Readonly<Record<string, string>>,
): Promise<Tools | undefined> {
  const base = COMMAND[family];
  const [iptables, save, restore] = [named[base], named[`${base}-save`], named[`${base}-restore`]];
  if (iptables === undefined || save === undefined || restore === undefined) return undefined;
  for (const path of [iptables, save, restore]) {
    if (findExecutable(path) === undefined)
      throw new Error(`--iptables-executables: ${path} is no executable file`);
  }
  const tools = await toolsAt({ iptables, save, restore });
  if (tools === undefined)
    throw new Error(`--iptables-executables: ${iptables} --version does not answer as iptables does`);
  return tools;
}

async function toolsAt(paths: {
  readonly iptables: string | undefined;
  readonly save: string | undefined;
  readonly restore: string | undefined;
}): Promise<Tools | undefined> {
  const { iptables, save, restore } = paths;
  if (iptables === undefined || save === undefined || restore === undefined) return undefined;
  const mode = await modeOf(iptables);
  return mode === undefined ? undefined : { mode, iptables, save, restore };
}

/** `iptables v1.8.9 (nf_tables)`; versions before 1.8 name no mode and are legacy. */
async function modeOf(path: string): Promise<Mode | undefined> {
  const { code, stdout } = await runCommand(path, ["--version"]);
  const match = /^ip6?tables\S* v[\d.]+(?: \((\w+)\))?/m.exec(stdout);
  if (code !== 0 || match === null) return undefined;
  return match[1] === "nf_tables" ? "nft" : "legacy";
}
