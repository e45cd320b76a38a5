import { expect, test } from "vitest";
import {
  asks,
  elapsed,
  FrameWriter,
  findingElement,
  TextStream,
  visible,
} from "../../athena_lab/jupyter/widgets/ask.js";

const utf8 = (text: string) => new DataView(new TextEncoder().encode(text).buffer);

test("batches in order are appended", () => {
  const stream = new TextStream(1);
  expect(stream.batch(1, 1, utf8("Grüße "))).toEqual({ action: "append", piece: "Grüße " });
  expect(stream.batch(1, 2, utf8("😀"))).toEqual({ action: "append", piece: "😀" });
  expect(stream.text).toBe("Grüße 😀");
});

test("a gap asks once for a snapshot, which mends it", () => {
  const stream = new TextStream(1);
  stream.batch(1, 1, utf8("a"));
  expect(stream.batch(1, 3, utf8("c")).action).toBe("resync");
  expect(stream.batch(1, 4, utf8("d")).action).toBe("ignore");
  expect(stream.snapshot(1, 4, utf8("abcd"))).toEqual({ action: "replace", piece: "abcd" });
  expect(stream.batch(1, 5, utf8("e")).action).toBe("append");
  expect(stream.text).toBe("abcde");
});

test("what is old, double or of another run is ignored", () => {
  const stream = new TextStream(2);
  expect(stream.batch(1, 1, utf8("x")).action).toBe("ignore");
  stream.batch(2, 1, utf8("a"));
  expect(stream.batch(2, 1, utf8("a")).action).toBe("ignore");
  stream.batch(2, 2, utf8("b"));
  expect(stream.snapshot(2, 1, utf8("a")).action).toBe("ignore");
  expect(stream.snapshot(1, 9, utf8("x")).action).toBe("ignore");
  expect(stream.text).toBe("ab");
});

test("many pieces are one write a frame", () => {
  const frames: (() => void)[] = [];
  const writes: [string, boolean][] = [];
  const writer = new FrameWriter(
    (text: string, replacing: boolean) => writes.push([text, replacing]),
    (frame: () => void) => frames.push(frame),
  );
  writer.append("a");
  writer.append("b");
  writer.replace("xy");
  writer.append("z");
  expect(frames).toHaveLength(1);
  frames.pop()?.();
  expect(writes).toEqual([["xyz", true]]);
  writer.append("!");
  frames.pop()?.();
  expect(writes[1]).toEqual(["!", false]);
});

test.each([
  [{ key: "Enter", ctrlKey: true }, true],
  [{ key: "Enter", metaKey: true }, true],
  [{ key: "Enter" }, false],
  [{ key: "Enter", ctrlKey: true, isComposing: true }, false],
])("%j asks: %s", (keys, expected) => expect(asks(new KeyboardEvent("keydown", keys))).toBe(expected));

test.each([
  [0, "0.0 s"],
  [59_940, "59.9 s"],
  [65_000, "1 min 05 s"],
])("%d ms are %s", (milliseconds, text) => expect(elapsed(milliseconds)).toBe(text));

test("finds a finding by id, also where JupyterLab renamed it, and nothing else", () => {
  document.body.innerHTML = `<p id="athena-aa-m/f.1"></p><p data-jupyter-id="athena-aa-m/g"></p><p id="other"></p>`;
  expect(findingElement(document, "#athena-aa-m/f.1")).not.toBeNull();
  expect(findingElement(document, "#athena-aa-m/g")).not.toBeNull();
  expect(findingElement(document, "#other")).toBeNull();
});

test("nothing hides in the stream", () => {
  expect(visible("a\u202eb \u001b[31m\u200d\n\tä 漢 😀")).toBe("a\\u202eb \\x1b[31m\\u200d\n\tä 漢 😀");
});
