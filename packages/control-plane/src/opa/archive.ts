import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** The content of a bundle: what OPA keeps under `roots` comes from these files. */
export interface BundleContent {
  readonly roots: readonly string[];
  /** Texts by their path. */
  readonly files: Readonly<Record<string, string>>;
}

const BLOCK = 512;

/** Equal for equal contents; OPA calls it the revision of a bundle. */
export function revisionOf({ roots, files }: BundleContent): string {
  return createHash("sha256")
    .update(JSON.stringify([roots, Object.entries(files)]))
    .digest("hex")
    .slice(0, 32);
}

/** A bundle as OPA downloads it: a gzipped tar with a manifest. The same bytes for the same content. */
export function bundleArchive(content: BundleContent): Uint8Array {
  const manifest = JSON.stringify({ revision: revisionOf(content), roots: content.roots });
  const entries = Object.entries({ ".manifest": manifest, ...content.files });
  return gzipSync(
    Buffer.concat([...entries.flatMap(([path, text]) => entry(path, text)), Buffer.alloc(2 * BLOCK)]),
  );
}

/** One file of a tar, in the form that POSIX calls ustar. */
function entry(path: string, text: string): readonly Buffer[] {
  const content = Buffer.from(text);
  const header = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(path) > 100) throw new RangeError(`the path ${path} is too long for a tar`);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`;
  const fields: readonly [at: number, value: string][] = [
    [0, path],
    [100, octal(0o644, 8)],
    [108, octal(0, 8)],
    [116, octal(0, 8)],
    [124, octal(content.length, 12)],
    [136, octal(0, 12)],
    [148, " ".repeat(8)],
    [156, "0"],
    [257, "ustar\u000000"],
  ];
  for (const [at, value] of fields) header.write(value, at);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
}
