import {
  buildReply,
  NO_RECORDS,
  type Question,
  RCODE,
  type Records,
  readEdns,
  TYPE,
  udpLimit,
} from "./message.ts";
import type { NameEntry, NameTable } from "./name-table.ts";

/**
 * Answers a question about a name of the mesh; `undefined` for any other name. A name that has no records of the type
 * gets an answer without records and without an error, which is how a client learns to use the other family.
 */
export function answerFromTable(
  query: Buffer,
  question: Question,
  table: NameTable,
  via: "udp" | "tcp",
): Buffer | undefined {
  const entry = question.internet ? table.names.get(question.key) : undefined;
  if (entry === undefined) return undefined;
  const edns = readEdns(query, question.end);
  if (edns === "malformed") return failure(query, question, RCODE.formatError);
  if (edns !== undefined && edns.version > 0) {
    return buildReply(query, question.end, { ...EMPTY, rcode: RCODE.badVersion, edns });
  }
  const answers = recordsOf(entry, question.type);
  return buildReply(query, question.end, {
    rcode: RCODE.ok,
    authoritative: true,
    answers,
    authority: answers.count === 0 ? entry.soa : NO_RECORDS,
    edns,
    limit: via === "tcp" ? 0xffff : udpLimit(edns),
  });
}

const EMPTY = {
  authoritative: false,
  answers: NO_RECORDS,
  authority: NO_RECORDS,
  edns: undefined,
  limit: 0xffff,
} as const;

function failure(query: Buffer, question: Question, rcode: number): Buffer {
  return buildReply(query, question.end, { ...EMPTY, rcode });
}

function recordsOf(entry: NameEntry, type: number): Records {
  switch (type) {
    case TYPE.a:
      return entry.a;
    case TYPE.aaaa:
      return entry.aaaa;
    case TYPE.ptr:
      return entry.ptr;
    // Any one set of records will do (RFC 8482).
    case TYPE.any:
      return [entry.a, entry.aaaa, entry.ptr].find(({ count }) => count > 0) ?? NO_RECORDS;
    default:
      return NO_RECORDS;
  }
}
