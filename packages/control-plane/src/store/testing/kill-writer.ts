/**
 * The child of the kill test: `node kill-writer.ts <database> <first>` writes transactions `first`, `first + 1`, …
 * several at a time, until it is killed, and prints the number of each when its write resolves.
 *
 * Transaction n makes a flight `n` with its passengers, removes flight n - KEPT, and moves the head to n.
 */
import { writeSync } from "node:fs";
import { openSqliteStore } from "../sqlite.ts";
import type { Write } from "../store.ts";

/** Flights that are there at one time. */
export const KEPT = 40;
/** Passengers of a flight. */
export const PASSENGERS = 5;
const WRITERS = 6;

if (import.meta.main) {
  const [, , file = "", first = ""] = process.argv;
  const store = openSqliteStore(file, { now: Date.now });
  let next = Number(first);
  const writer = async () => {
    for (;;) {
      const n = next++;
      await store.write(transaction(n));
      writeSync(1, `${n}\n`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

function transaction(n: number): readonly Write[] {
  const flight = { type: "Flight", mesh: "", name: `${n}` };
  return [
    { op: "put", resource: { ...flight, labels: {}, spec: { n } } },
    ...Array.from({ length: PASSENGERS }, (_, seat) => ({
      op: "create" as const,
      resource: {
        type: "Passenger",
        mesh: "",
        name: `${n}-${seat}`,
        labels: {},
        spec: { n, seat, luggage: "x".repeat(300) },
        owner: flight,
      },
    })),
    ...(n > KEPT ? [{ op: "delete" as const, key: { ...flight, name: `${n - KEPT}` } }] : []),
    { op: "put", resource: { type: "Head", mesh: "", name: "head", labels: {}, spec: { n } } },
  ];
}
