// Writes the answer of protoc-gen-es (a CodeGeneratorResponse on standard input) into the directory given.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { CodeGeneratorResponseSchema } from "@bufbuild/protobuf/wkt";

const directory = process.argv[2];
if (directory === undefined) throw new Error("usage: write.ts <directory>");

const response = fromBinary(CodeGeneratorResponseSchema, readFileSync(0));
if (response.error !== "") throw new Error(response.error);

for (const { name, content } of response.file) {
  mkdirSync(dirname(join(directory, name)), { recursive: true });
  writeFileSync(join(directory, name), content);
}
