import { gunzipSync } from "node:zlib";

/** The files of a bundle, by path. */
export function readBundle(archive: Uint8Array): Readonly<Record<string, string>> {
  const tar = gunzipSync(archive);
  const files: Record<string, string> = {};
  for (let at = 0; tar[at] !== 0; ) {
    const text = (from: number, length: number) =>
      tar.toString("utf8", at + from, at + from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12), 8);
    files[text(0, 100)] = tar.toString("utf8", at + 512, at + 512 + size);
    at += 512 * (1 + Math.ceil(size / 512));
  }
  return files;
}
