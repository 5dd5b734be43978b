import type { DataSource, SecureDataSource } from "@skein/model/data-source";
import { failure, type Outcome, success } from "./outcome.ts";
import { readSecret, type Secrets, secretKey } from "./secrets.ts";

/** What data sources read from, besides the store: passed in, because it belongs to the control plane's machine. */
export interface SourceReaders extends Secrets {
  readonly readFile: (path: string) => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads the text that a `spec` kind's data source names, in `mesh`; or a sentence that names what is missing. */
export async function readSecureDataSource(
  readers: SourceReaders,
  mesh: string,
  source: SecureDataSource,
): Promise<Outcome<string, string>> {
  switch (source.type) {
    case "File":
      return source.file ? readFileSource(readers, source.file.path) : missing("file");
    case "Secret":
      return source.secretRef ? readSecretSource(readers, mesh, source.secretRef.name) : missing("secretRef");
    case "EnvVar": {
      if (source.envVar === undefined) return missing("envVar");
      const value = readers.env[source.envVar.name];
      if (value !== undefined) return success(value);
      return failure(`the environment variable ${source.envVar.name} is not set on the control plane`);
    }
    case "InsecureInline":
      return source.insecureInline ? success(source.insecureInline.value) : missing("insecureInline");
  }
}

/** Reads the text that a flat kind's data source (Mesh) names, in `mesh`; or a sentence that names what is missing. */
export async function readDataSource(
  readers: SourceReaders,
  mesh: string,
  source: DataSource,
): Promise<Outcome<string, string>> {
  if (source.secret !== undefined) return readSecretSource(readers, mesh, source.secret);
  if (source.file !== undefined) return readFileSource(readers, source.file);
  if (source.inline !== undefined) return success(Buffer.from(source.inline, "base64").toString("utf8"));
  if (source.inlineString !== undefined) return success(source.inlineString);
  return missing("secret, file, inline or inlineString");
}

function readSecretSource(readers: Secrets, mesh: string, name: string): Outcome<string, string> {
  const bytes = readSecret(readers, secretKey(mesh, name));
  if (bytes === undefined) return failure(`Secret "${name}" does not exist in mesh "${mesh}"`);
  return bytes.ok ? success(Buffer.from(bytes.value).toString("utf8")) : bytes;
}

async function readFileSource(readers: SourceReaders, path: string): Promise<Outcome<string, string>> {
  try {
    return success(await readers.readFile(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(`the file ${path} cannot be read on the control plane: ${reason}`);
  }
}

function missing(block: string): Outcome<never, string> {
  return failure(`the data source has no ${block}`);
}
