// Hides programs with the obfuscators of npm: folder of node_modules, file with programs as JSON; writes JSON to stdout.
import Module, { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, file] = process.argv.slice(2);
const require = createRequire(`${folder}/x.js`);

// The packer's port asks a browser that is out of date for an empty document, and never looks at it.
const load = Module._load;
const nothing = new Proxy(function () {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => "" : nothing),
  apply: () => nothing,
  construct: () => nothing,
});
Module._load = (name, ...rest) => (name === "jsdom" ? nothing : load(name, ...rest));

const { program, short } = JSON.parse(readFileSync(file, "utf8"));
const obfuscator = require("javascript-obfuscator");
const array = { seed: 7, stringArray: true, stringArrayThreshold: 1, rotateStringArray: true, shuffleStringArray: true };
// Functions of fewer than five statements have no `switch`.
const flat = { seed: 7, controlFlowFlattening: true, controlFlowFlatteningThreshold: 1 };
const wrapped = { stringArrayWrappersCount: 3, stringArrayWrappersChainedCalls: true, stringArrayWrappersType: "function" };
const options = {
  "string array": { ...array, stringArrayEncoding: [] },
  "string array, base64": { ...array, stringArrayEncoding: ["base64"] },
  "string array, rc4": { ...array, stringArrayEncoding: ["rc4"] },
  "string array, wrappers": { ...array, stringArrayEncoding: ["rc4"], ...wrapped },
  "string array, mangled names": { ...array, stringArrayEncoding: ["base64"], identifierNamesGenerator: "mangled" },
  "split strings": { seed: 7, stringArray: false, splitStrings: true, splitStringsChunkLength: 4 },
  "split strings in an array": { ...array, splitStrings: true, splitStringsChunkLength: 4, stringArrayEncoding: ["base64"] },
  "escapes": { seed: 7, stringArray: false, unicodeEscapeSequence: true },
  "numbers": { ...array, numbersToExpressions: true, stringArrayEncoding: ["base64"] },
  "control flow": { ...flat, stringArray: false },
  "control flow, string array": { ...array, ...flat, stringArrayEncoding: [] },
  "control flow, base64": { ...array, ...flat, stringArrayEncoding: ["base64"] },
  "control flow, rc4": { ...array, ...flat, stringArrayEncoding: ["rc4"] },
  "dead code": { ...array, deadCodeInjection: true, deadCodeInjectionThreshold: 1, stringArrayEncoding: ["rc4"] },
  "self-defending": { ...array, selfDefending: true, stringArrayEncoding: ["rc4"] },
  "all at once": {
    ...array, ...wrapped, ...flat, stringArrayEncoding: ["rc4"],
    deadCodeInjection: true, deadCodeInjectionThreshold: 1, numbersToExpressions: true, simplify: true, splitStrings: true,
    splitStringsChunkLength: 5, transformObjectKeys: true, selfDefending: true, debugProtection: true,
  },
};
const made = { uglify: require("uglify-js").minify(program, { toplevel: true }).code };
for (const [name, chosen] of Object.entries(options)) made[name] = obfuscator.obfuscate(program, chosen).getObfuscatedCode();
// What samples of some years were made with: the decoder of their arrays is another one.
for (const [name, one] of [["obfuscator-4", (it) => [it]], ["obfuscator-2", (it) => [it]], ["obfuscator-0", (it) => it]]) {
  for (const encoding of ["base64", "rc4"]) {
    const chosen = { seed: 7, stringArray: true, stringArrayThreshold: 1, rotateStringArray: true, stringArrayEncoding: one(encoding) };
    made[`${name}, ${encoding}`] = require(name).obfuscate(program, chosen).getObfuscatedCode();
  }
}
made["jsfuck, eval"] = require("jsfuck").JSFuck.encode(short, true);
made["jsfuck, value"] = require("jsfuck").JSFuck.encode(short, false);
made["packer"] = require("packer").pack(program, true);
process.stdout.write(JSON.stringify(made));
