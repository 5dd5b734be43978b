import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@skein/control-plane/store/sqlite";
import type { Store } from "@skein/control-plane/store/store";
import type { Resource } from "@skein/model";
import type { Figure, Report } from "./harness/figure.ts";

const RESOURCES = 10_000;
const SINGLE_SECONDS = 3;
const WRITERS = 64;
const PER_TRANSACTION = 100;

/** Durable writes and reads of the SQLite store, in this process. */
export async function store(): Promise<readonly Report[]> {
  const dir = mkdtempSync(join(tmpdir(), "skein-bench-"));
  const figures: Figure[] = [];
  try {
    const opened = openSqliteStore(join(dir, "store.db"), { now: () => Date.now() });
    figures.push(
      { figure: "store: durable writes, 1 writer", value: await writesPerSecond(opened, 1), unit: "1/s" },
      {
        figure: "store: durable writes, 64 writers",
        value: await writesPerSecond(opened, WRITERS),
        unit: "1/s",
      },
    );
    const from = performance.now();
    for (let at = 0; at < RESOURCES; at += PER_TRANSACTION) {
      const writes = Array.from({ length: PER_TRANSACTION }, (_, each) => put("many", at + each, 0));
      await opened.write(writes);
    }
    figures.push({
      figure: "store: put 10,000, 100 a transaction",
      value: performance.now() - from,
      unit: "ms",
    });
    const listed = performance.now();
    const found = opened.list({ type: "Dataplane", mesh: "many" }).length;
    figures.push({ figure: "store: list 10,000", value: performance.now() - listed, unit: "ms" });
    if (found !== RESOURCES) throw new Error(`${found} of ${RESOURCES} resources are listed`);
    await opened.close();
    const reopened = performance.now();
    const again = openSqliteStore(join(dir, "store.db"), { now: () => Date.now() });
    figures.push({ figure: "store: open with 10,000", value: performance.now() - reopened, unit: "ms" });
    await again.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return [{ title: "Store: SQLite, each write synced to disk", figures }];
}

async function writesPerSecond(into: Store, writers: number): Promise<number> {
  const from = performance.now();
  const until = from + SINGLE_SECONDS * 1000;
  let written = 0;
  const writer = async (index: number): Promise<void> => {
    for (let round = 1; performance.now() < until; round++) {
      await into.write([put("few", index, round)]);
      written += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, index) => writer(index)));
  return written / ((performance.now() - from) / 1000);
}

function put(
  mesh: string,
  index: number,
  round: number,
): { op: "put"; resource: Omit<Resource, "creationTime" | "modificationTime" | "revision"> } {
  const tags = { "kuma.io/service": `svc-${index % 100}`, round: String(round) };
  const inbound = [{ port: 8080, servicePort: 8080, tags }];
  return {
    op: "put",
    resource: {
      type: "Dataplane",
      mesh,
      name: `dp-${index}`,
      labels: { "kuma.io/zone": "zone-1", app: `svc-${index % 100}` },
      spec: { networking: { address: `10.0.${index >> 8}.${index & 255}`, inbound } },
    },
  };
}
