import { createProxyMemory, type ProxyMemory } from "./proxy-memory.ts";

/** The memories of all proxies, by key. */
export interface Memories {
  /** The memory of a proxy, shared by all its streams; `release` when the stream ends. */
  acquire(key: string): ProxyMemory;
  release(key: string): void;
  readonly size: number;
}

/**
 * Keeps the memory of a proxy while it is connected, and afterwards while there is something to remember.
 *
 * @param capacity memories kept of proxies that are not connected; the oldest go first
 */
export function createMemories(capacity = 10_000): Memories {
  const used = new Map<string, { readonly memory: ProxyMemory; streams: number }>();
  const idle = new Map<string, ProxyMemory>();
  return {
    acquire(key) {
      const entry = used.get(key) ?? { memory: idle.get(key) ?? createProxyMemory(), streams: 0 };
      entry.streams += 1;
      used.set(key, entry);
      idle.delete(key);
      return entry.memory;
    },
    release(key) {
      const entry = used.get(key);
      if (entry === undefined) return;
      entry.streams -= 1;
      if (entry.streams > 0) return;
      used.delete(key);
      if (entry.memory.empty) return;
      idle.set(key, entry.memory);
      for (const oldest of idle.keys()) {
        if (idle.size <= capacity) break;
        idle.delete(oldest);
      }
    },
    get size() {
      return used.size + idle.size;
    },
  };
}
