import { randomBytes } from "node:crypto";
import { createCa, loadCa } from "@skein/control-plane/identity/ca";
import { issueLeaf } from "@skein/control-plane/identity/leaf";
import { randomSerial } from "@skein/control-plane/identity/x509/serial";
import type { Report } from "./harness/figure.ts";

const COUNT = 1_000;
const AT_A_TIME = 4;
const DAY_MS = 86_400_000;

/** How fast workload certificates are issued, and for how much CPU each. */
export async function identity(): Promise<readonly Report[]> {
  const now = Date.now();
  const uri = "spiffe://bench.mesh.local";
  const material = await createCa({ commonName: "bench", uri, now, random: randomBytes });
  const ca = loadCa(material, { now, allowSelfSigned: true });
  if (!ca.ok) throw new Error(ca.error.message);
  const authority = ca.value;
  const issue = async (count: number): Promise<void> => {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const serial = randomSerial(randomBytes);
        await issueLeaf(authority, { uris: [`${uri}/ns/bench/sa/app`], ttlMs: DAY_MS, now, serial });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  };
  await issue(COUNT / 10);
  const cpu = process.cpuUsage();
  const from = performance.now();
  await issue(COUNT);
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return [
    {
      title: "Identity: a P-256 key and its signed certificate",
      figures: [
        { figure: "identity: leaf certificates", value: COUNT / seconds, unit: "1/s" },
        {
          figure: "identity: CPU of one leaf certificate",
          value: (user + system) / 1000 / COUNT,
          unit: "ms",
        },
      ],
    },
  ];
}
