import { listAt } from "../read.ts";
import type { HttpResponse } from "./http.ts";

/** What the answer to a write says beside that it is done. */
export function warningsOf(response: HttpResponse): readonly string[] {
  try {
    return listAt(JSON.parse(response.body), "warnings").map(String);
  } catch {
    return [];
  }
}
