import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { isAlive, type Owner, ownerOf } from "./owner.ts";

/** A range of loopback addresses, `127.a.b.0/24`, that one world has for itself. */
export interface Block {
  /** `127.a.b`. */
  readonly prefix: string;
  address(host: number): string;
  release(): void;
}

/** What a lock file says: who has the block, and what to clean up should the owner have died without doing so. */
export interface BlockLock {
  readonly owner: Owner;
  readonly world: string;
  readonly dir: string;
}

export interface BlockOptions {
  /** Directory of the lock files, shared by all processes of one user. */
  readonly lockDir: string;
  /** Id of the world that takes the block. */
  readonly world: string;
  /** The world's temporary directory. */
  readonly dir: string;
  readonly owner: Owner;
  /** Called with the lock of a dead owner before its block is given to somebody else. */
  readonly onAbandoned?: (lock: BlockLock) => void;
  /** Candidates in order of preference; default 127.64.0 … 127.79.255. */
  readonly candidates?: Iterable<string>;
  /** Whether the block can be used at all; default: its first address can be bound. */
  readonly usable?: (prefix: string) => Promise<boolean>;
}

/**
 * Takes a free block. A lock file per block, made by an atomic `link`, keeps parallel processes apart; the lock of a
 * process that died is taken over.
 *
 * @throws Error when every candidate is in use.
 */
export async function allocateBlock(options: BlockOptions): Promise<Block> {
  mkdirSync(options.lockDir, { recursive: true });
  const usable = options.usable ?? canBind;
  for (const prefix of options.candidates ?? defaultCandidates()) {
    const path = join(options.lockDir, prefix);
    if (!lock(path, options)) continue;
    if (await usable(prefix)) {
      return {
        prefix,
        address: (host) => `${prefix}.${host}`,
        release: () => rmSync(path, { force: true }),
      };
    }
    rmSync(path, { force: true });
  }
  throw new Error(`no free block of loopback addresses; the locks are in ${options.lockDir}`);
}

function* defaultCandidates(): Generator<string> {
  for (let a = 64; a < 80; a++) for (let b = 0; b < 256; b++) yield `127.${a}.${b}`;
}

function lock(path: string, options: BlockOptions): boolean {
  const content: BlockLock = { owner: options.owner, world: options.world, dir: options.dir };
  const draft = `${path}.${options.owner.pid}.${options.world}`;
  writeFileSync(draft, JSON.stringify(content));
  try {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        linkSync(draft, path);
        return true;
      } catch (error) {
        if (!isExists(error)) throw error;
        const held = readLock(path);
        if (held === undefined || isAlive(held.owner)) return false;
        options.onAbandoned?.(held);
        rmSync(path, { force: true });
      }
    }
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The content of a lock file; `undefined` where it is gone or not ours. */
export function readLock(path: string): BlockLock | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isLock(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isLock(value: unknown): value is BlockLock {
  if (typeof value !== "object" || value === null) return false;
  const { owner, world, dir } = value as Partial<BlockLock>;
  return typeof owner?.pid === "number" && typeof world === "string" && typeof dir === "string";
}

function isExists(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}

/** Whether somebody else sits on the control plane's ports of this block. */
async function canBind(prefix: string): Promise<boolean> {
  for (const port of [5681, 5678, 5680]) {
    if (!(await listens(`${prefix}.1`, port))) return false;
  }
  return true;
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}

/** This process, as a lock names it. */
export function thisProcess(): Owner {
  const owner = ownerOf(process.pid);
  if (owner === undefined) throw new Error("/proc is not readable; the testbed needs Linux");
  return owner;
}
