import type { FastifyRequest } from "fastify";
import { Problem, titles } from "./problem.ts";
import { clientOrigin, listProblem, pathOf, queryOf } from "./query.ts";

const DEFAULT_SIZE = 100;
const MAXIMUM_SIZE = 1000;

/** One page of a list. `next` is the address of the page after it. */
export interface Page<T> {
  readonly total: number;
  readonly items: readonly T[];
  readonly next: string | null;
}

/**
 * The page that the request asks for with `size` and `offset`. An offset past the end is an empty page.
 * @throws Problem 400
 */
export function pageOf<T>(request: FastifyRequest, all: readonly T[]): Page<T> {
  const query = queryOf(request);
  const size = sizeOf(query);
  const offset = offsetOf(query);
  const items = all.slice(offset, offset + size);
  const end = offset + items.length;
  const hasMore = items.length > 0 && end < all.length;
  return { total: all.length, items, next: hasMore ? nextPage(request, query, end) : null };
}

/** Changes the items of a page and nothing else. */
export function mapPage<T, U>(page: Page<T>, item: (value: T) => U): Page<U> {
  return { total: page.total, items: page.items.map(item), next: page.next };
}

function sizeOf(query: URLSearchParams): number {
  const text = query.get("size");
  if (text === null || text === "") return DEFAULT_SIZE;
  if (!/^[+-]?\d+$/.test(text)) throw invalidSize("invalid format");
  const size = Number(text);
  if (size < 1) throw invalidSize("must be greater than 0");
  if (size > MAXIMUM_SIZE) {
    throw invalidSize(`invalid page size of ${text}. Maximum page size is ${MAXIMUM_SIZE}`);
  }
  return size;
}

function invalidSize(reason: string): Problem {
  return listProblem("Invalid page size", "size", reason);
}

function offsetOf(query: URLSearchParams): number {
  const text = query.get("offset");
  if (text === null || text === "") return 0;
  if (!/^\d{1,15}$/.test(text)) {
    throw new Problem(
      400,
      titles.list,
      `invalid: invalid offset: "${text}" is not the offset of a page; take it from "next" of the page before`,
    );
  }
  return Number(text);
}

function nextPage(request: FastifyRequest, query: URLSearchParams, offset: number): string {
  const next = new URLSearchParams(query);
  next.set("offset", String(offset));
  next.sort();
  return `${clientOrigin(request)}${pathOf(request)}?${next}`;
}
