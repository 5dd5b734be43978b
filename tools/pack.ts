import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, relative, resolve } from "node:path";
import { layProgram } from "./bundle.ts";

/**
 * `node tools/pack.ts DIR`: compiles the packages and packs each as DIR/<name>-<version>.tgz, ready for `npm publish`.
 * Packages keep their layout, with `dist/` in place of `src/`, and `bundle/` beside it for the larger programs; sources
 * run from the checkout never need this.
 */
const ROOT = join(import.meta.dirname, "..");

/** What is published. The testbed is for this checkout only. */
export const PACKAGES = [
  "model",
  "envoy-api",
  "policies",
  "control-plane",
  "data-plane",
  "transparent-proxy",
  "cli",
  "rate-limit",
] as const;

type Targets = string | { readonly types: string; readonly default: string };

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Targets>>;
  readonly [field: string]: unknown;
}

/** Compiles and packs everything into `out`. Answers with the tarballs, in the order of `PACKAGES`. */
export async function pack(out: string): Promise<readonly string[]> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const compiled = join(out, ".compiled");
  compile(out, compiled);
  const tarballs: string[] = [];
  for (const name of PACKAGES) {
    const target = join(out, name);
    await assemble(name, compiled, target);
    const listing = npm("pack", target, "--pack-destination", out, "--json");
    const [packed] = JSON.parse(listing) as readonly { readonly filename: string }[];
    if (packed === undefined) throw new Error(`npm packed nothing for ${name}`);
    tarballs.push(join(out, packed.filename));
  }
  rmSync(compiled, { recursive: true });
  return tarballs;
}

function compile(out: string, outDir: string): void {
  const sources = PACKAGES.map((name) => join(ROOT, "packages", name, "src"));
  const config = join(out, "tsconfig.json");
  const settings = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rootDir: join(ROOT, "packages"),
      outDir,
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
    },
    include: sources.map((source) => join(source, "**/*.ts")),
    exclude: sources.flatMap((source) => [join(source, "**/*.test.ts"), join(source, "**/testing")]),
  };
  writeFileSync(config, JSON.stringify(settings));
  execFileSync(process.execPath, [join(ROOT, "node_modules/.bin/tsc"), "-p", config], { stdio: "inherit" });
  rmSync(config);
}

/** Lays one package out in `target` as it will be installed. */
async function assemble(name: string, compiled: string, target: string): Promise<void> {
  const source = join(ROOT, "packages", name);
  const dist = join(target, "dist");
  cpSync(join(compiled, name, "src"), dist, { recursive: true });
  for (const file of globSync("**/*.{js,d.ts,gz}", { cwd: join(source, "src") })) {
    cpSync(join(source, "src", file), join(dist, file));
  }
  for (const file of globSync("**/*.{js,d.ts}", { cwd: dist })) edit(join(dist, file), withCompiledNames);
  if (existsSync(join(source, "bin"))) await layProgram(name, target);
  cpSync(join(source, "README.md"), join(target, "README.md"));
  cpSync(join(ROOT, "LICENSE"), join(target, "LICENSE"));
  const manifest = published(
    name,
    JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as Manifest,
  );
  writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const file of Object.values(manifest.bin ?? {})) chmodSync(join(target, file), 0o755);
}

/** The manifest as it is published: compiled files where the sources stood. */
function published(name: string, manifest: Manifest): Manifest {
  const bin = manifest.bin;
  const exported = Object.entries(manifest.exports).map(([key, targets]) => [
    key,
    typeof targets === "string"
      ? { types: compiledPath(targets, ".d.ts"), default: compiledPath(targets, ".js") }
      : { types: compiledPath(targets.types, ".d.ts"), default: compiledPath(targets.default, ".js") },
  ]);
  return {
    ...manifest,
    description: `Skein: ${name}`,
    engines: { node: ">=24" },
    files: ["dist", "bin", "bundle"],
    exports: Object.fromEntries(exported),
    ...(bin === undefined
      ? {}
      : {
          bin: Object.fromEntries(Object.entries(bin).map(([key, file]) => [key, compiledPath(file, ".js")])),
        }),
  };
}

function compiledPath(path: string, extension: string): string {
  return path.replace(/^\.\/src\//, "./dist/").replace(/(\.d)?\.[tj]s$/, extension);
}

/** The compiler renames what is imported; this renames what is found at run time and in declarations. */
function withCompiledNames(text: string): string {
  return text.replaceAll(
    /(from |import\(|import\.meta\.resolve\(|new URL\()"(\.{1,2}\/[^"]+?)(?<!\.d)\.ts"/g,
    '$1"$2.js"',
  );
}

function edit(file: string, change: (text: string) => string): void {
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after !== before) writeFileSync(file, after);
}

function npm(...args: readonly string[]): string {
  return execFileSync("npm", [...args, "--offline", "--loglevel=error"], { cwd: ROOT, encoding: "utf8" });
}

if (import.meta.main) {
  const out = resolve(process.argv[2] ?? "build");
  for (const tarball of await pack(out)) process.stdout.write(`${relative(process.cwd(), tarball)}\n`);
}
