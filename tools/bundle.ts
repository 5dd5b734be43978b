import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";

/**
 * A program and all that it loads as a handful of plain JavaScript files, which is how it is published: a control plane
 * holds a thousand modules otherwise, whose sources and records are 25 MB of its memory. See docs/decisions/bundles.md.
 */
const ROOT = join(import.meta.dirname, "..");

/**
 * Lays the program of a package that has `bin/*.js`, which starts `src/main.ts`, out in `target` as it is published: `bin/`
 * and `bundle/`. Answers with the files in `bin/`.
 */
export async function layProgram(name: string, target: string): Promise<readonly string[]> {
  await bundle(name, join(target, "bundle"));
  const source = join(ROOT, "packages", name, "bin");
  mkdirSync(join(target, "bin"), { recursive: true });
  return readdirSync(source).map((file) => {
    const text = readFileSync(join(source, file), "utf8");
    const started = text.replace('import("../src/main.ts")', 'import("../bundle/main.js")');
    if (started === text) throw new Error(`${name}/bin/${file} does not start src/main.ts`);
    const path = join(target, "bin", file);
    writeFileSync(path, started, { mode: 0o755 });
    return path;
  });
}

/** A module that is found at run time through `import.meta.url`, and so must lie beside the chunk that looks for it. */
const CHECKS = "packages/policies/src/mesh-proxy-patch/value-checks.ts";
const DESCRIPTORS = "gen/descriptors.binpb.gz";

async function bundle(name: string, out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { main: `packages/${name}/src/main.ts`, "value-checks": CHECKS },
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // Names and lines stay, so that a stack trace says where.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 120,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    plugins: [besideTheChunk],
    banner: { js: REQUIRE },
  });
  mkdirSync(join(out, dirname(DESCRIPTORS)));
  copyFileSync(join(ROOT, "packages/envoy-api/src", DESCRIPTORS), join(out, DESCRIPTORS));
  for (const file of Object.keys(metafile.outputs)) refuseWide(join(ROOT, file));
  writeFileSync(join(out, "LICENSES.txt"), licenses(metafile));
}

/** What CommonJS packages call; Node gives none to modules. */
const REQUIRE =
  'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);';

/** MeshProxyPatch loads its checks when the first one is read, by a name that no bundle has. */
const besideTheChunk: Plugin = {
  name: "beside-the-chunk",
  setup({ onLoad }) {
    onLoad({ filter: /mesh-proxy-patch[/]kind\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replace(
        '"@skein/policies/mesh-proxy-patch/value-checks"',
        '"./value-checks.js"',
      );
      if (contents === source)
        throw new Error(`${path} no longer loads its checks as tools/bundle.ts expects`);
      return { contents, loader: "ts" };
    });
  },
};

/** One letter outside of ASCII, and V8 holds a file in memory at twice its size. */
function refuseWide(file: string): void {
  const wide = /[^\0-\x7f].*/.exec(readFileSync(file, "utf8"));
  if (wide !== null)
    throw new Error(`${file} is not ASCII at "${wide[0].slice(0, 40)}": write it as \\uXXXX`);
}

/** The licences of the packages whose code is in the bundle, which they ask to be kept with it. */
function licenses(metafile: Metafile): string {
  const roots = Object.keys(metafile.inputs).map(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0],
  );
  const packages = [...new Set(roots)].filter((root) => root !== undefined).toSorted();
  return packages.map((root) => `${licenseOf(join(ROOT, root))}\n`).join("\n");
}

function licenseOf(root: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry) && existsSync(join(root, entry)));
  const text = file === undefined ? "" : `\n\n${readFileSync(join(root, file), "utf8").trim()}`;
  return `${name} ${version} (${license})${text}\n`;
}
