import type { Http2Session } from "node:http2";

/** Options of `createKeepalive`, in milliseconds. */
export interface KeepaliveOptions {
  /** A session silent for this long is pinged, and dropped when the ping is not answered for as long again. */
  readonly intervalMs: number;
}

/** Watches sessions for peers that are gone without closing. */
export interface Keepalive {
  add(session: Http2Session): void;
  remove(session: Http2Session): void;
  stop(): void;
}

interface Watched {
  received: number;
  pinged: boolean;
}

const SLOTS = 16;

/**
 * One timer for all sessions, which looks at a sixteenth of them at a time: thousands of sessions neither cost a timer
 * each nor are pinged in one burst. A session that has sent anything since the last look is not pinged.
 */
export function createKeepalive(options: KeepaliveOptions): Keepalive {
  const slots: Map<Http2Session, Watched>[] = Array.from({ length: SLOTS }, () => new Map());
  const slotOf = new Map<Http2Session, Map<Http2Session, Watched>>();
  let next = 0;
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    turn = (turn + 1) % SLOTS;
    for (const [session, watched] of slots[turn] ?? []) check(session, watched);
  }

  return {
    add(session) {
      const slot = slots[next] ?? new Map<Http2Session, Watched>();
      slot.set(session, { received: session.socket?.bytesRead ?? 0, pinged: false });
      slotOf.set(session, slot);
      next = (next + 1) % SLOTS;
      timer ??= setInterval(look, Math.max(1, options.intervalMs / SLOTS)).unref();
    },
    remove(session) {
      slotOf.get(session)?.delete(session);
      slotOf.delete(session);
      if (slotOf.size === 0) stopTimer();
    },
    stop: stopTimer,
  };

  function stopTimer(): void {
    clearInterval(timer);
    timer = undefined;
  }
}

function check(session: Http2Session, watched: Watched): void {
  if (session.destroyed) return;
  const received = session.socket?.bytesRead ?? 0;
  if (received !== watched.received) {
    watched.received = received;
    watched.pinged = false;
    return;
  }
  if (watched.pinged) {
    session.destroy();
    return;
  }
  watched.pinged = session.ping(() => {});
}
