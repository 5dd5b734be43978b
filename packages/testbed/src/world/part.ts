import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, type Owner } from "../net/owner.ts";

/** A started process, as the world's directory remembers it for commands that come later. */
export interface Part {
  readonly name: string;
  readonly kind: "control-plane" | "app" | "sidecar" | "traffic" | "server";
  readonly owner: Owner;
  readonly logFile: string;
  /** Host numbers of the part's addresses in the block. */
  readonly host?: number;
}

/** Parts of a world, one JSON file each in `<dir>/parts`. */
export interface Parts {
  record(part: Part): void;
  forget(kind: Part["kind"], name: string): void;
  list(): readonly Part[];
  running(kind: Part["kind"], name?: string): Part | undefined;
}

export function partsIn(dir: string): Parts {
  const folder = join(dir, "parts");
  const file = (kind: string, name: string): string => join(folder, `${kind}.${name}.json`);
  const list = (): readonly Part[] =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(".json"))
          .toSorted()
          // Written by this module only, into a directory of mode 0700.
          .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Part)
      : [];
  return {
    list,
    record: (part) => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file(part.kind, part.name), JSON.stringify(part));
    },
    forget: (kind, name) => rmSync(file(kind, name), { force: true }),
    running: (kind, name) =>
      list().find(
        (part) => part.kind === kind && (name === undefined || part.name === name) && isAlive(part.owner),
      ),
  };
}
