// Writes the descriptors in a CodeGeneratorRequest (on standard input) as a compressed FileDescriptorSet into the file given.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CodeGeneratorRequestSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const target = process.argv[2];
if (target === undefined) throw new Error("usage: write-descriptors.ts <file>");

const { protoFile } = fromBinary(CodeGeneratorRequestSchema, readFileSync(0));
const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: protoFile }));
writeFileSync(target, gzipSync(set, { level: 9 }));
