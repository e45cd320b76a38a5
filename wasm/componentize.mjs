// Usage: node componentize.mjs CORE_MODULE COMPONENT. The core module carries its world (wit-bindgen put it there).
import { readFile, writeFile } from "node:fs/promises";

import { componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";

const [source, target] = process.argv.slice(2);
await writeFile(target, await componentNew(await readFile(source), []));
