import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { isAlive, type Owner, ownerOf } from "./owner.ts";
import { blockPorts } from "./ports.ts";

/** A range of addresses `a.b.c.0/24` that one world has for itself; of loopback unless other candidates are named. */
export interface Block {
  /** `a.b.c`. */
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
  sweep(options);
  const usable = options.usable ?? canBind;
  for (const prefix of options.candidates ?? defaultCandidates()) {
    const path = join(options.lockDir, prefix);
    if (!lock(path, options)) continue;
    if (await usable(prefix)) {
      return {
        prefix,
        address: (host) => `${prefix}.${host}`,
        release: () => unlock(path),
      };
    }
    unlock(path);
  }
  throw new Error(`no free block of addresses; the locks are in ${options.lockDir}`);
}

function* defaultCandidates(): Generator<string> {
  for (let a = 64; a < 80; a++) for (let b = 0; b < 256; b++) yield `127.${a}.${b}`;
}

function lock(path: string, options: BlockOptions): boolean {
  const content: BlockLock = { owner: options.owner, world: options.world, dir: options.dir };
  const draft = `${path}.${options.owner.pid}.${options.world}`;
  writeDraft(draft, JSON.stringify(content));
  try {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        linkSync(draft, path);
        return true;
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
        if (!breakLock(path, options)) return false;
      }
    }
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Clears up after the owner of a lock when that is dead, and says whether it was. */
function breakLock(path: string, options: BlockOptions): boolean {
  const held = readLock(path);
  if (held === undefined || isAlive(held.owner)) return false;
  // Two may find the same dead owner: who renames the lock has it, and gives back what has meanwhile become another's.
  const broken = `${path}.broken.${options.world}`;
  try {
    renameSync(path, broken);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    throw error;
  }
  if (readLock(broken)?.world !== held.world) {
    renameSync(broken, path);
    return false;
  }
  options.onAbandoned?.(held);
  rmSync(broken, { force: true });
  return true;
}

/** Clears up after all owners that died. */
function sweep(options: BlockOptions): void {
  if (!existsSync(options.lockDir)) return;
  for (const name of readdirSync(options.lockDir)) {
    if (/^\d+\.\d+\.\d+$/.test(name)) breakLock(join(options.lockDir, name), options);
  }
}

/** Whoever gives the last block back removes the directory, so it may be gone again at any time. */
function writeDraft(draft: string, content: string): void {
  for (let attempt = 0; ; attempt++) {
    mkdirSync(dirname(draft), { recursive: true });
    try {
      writeFileSync(draft, content);
      return;
    } catch (error) {
      if (attempt === 10 || !hasCode(error, "ENOENT")) throw error;
    }
  }
}

function unlock(path: string): void {
  rmSync(path, { force: true });
  try {
    rmdirSync(dirname(path));
  } catch (error) {
    if (!hasCode(error, "ENOTEMPTY") && !hasCode(error, "ENOENT")) throw error;
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

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Whether nobody else sits on the control plane's ports of this block. */
async function canBind(prefix: string): Promise<boolean> {
  const { dataplanes, diagnostics } = blockPorts(prefix);
  for (const [host, port] of [
    [`${prefix}.1`, 5681],
    ["0.0.0.0", dataplanes],
    ["0.0.0.0", diagnostics],
  ] as const) {
    if (!(await listens(host, port))) return false;
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
