import { expect, test } from "vitest";
import { ApiError, type Health } from "../src/api";
import { bytes, light, providerLight, seconds, summarise } from "../src/words";

function health(
  status: Health["status"],
  parts: Record<string, [Health["status"] | "not_configured", string]>,
): Health {
  const components = new Map(Object.entries(parts).map(([name, [state, detail]]) => [name, { status: state, detail }]));
  return { status, components };
}

test("the status names the worst part", () => {
  const summary = summarise(
    health("unhealthy", {
      providers: ["degraded", "no key"],
      wasm: ["unhealthy", "no modules"],
      redis: ["not_configured", ""],
    }),
    null,
  );
  expect(summary).toEqual({
    light: "red",
    text: "Athena: wasm unhealthy",
    title: "providers: no key\nwasm: no modules",
  });
});

test("healthy, waiting and unreachable have words of their own", () => {
  expect(summarise(health("healthy", {}), null)).toMatchObject({ light: "green", text: "Athena: ready" });
  expect(summarise(null, null).light).toBe("grey");
  const error = new ApiError("Gone.", "Start it.", "unreachable");
  expect(summarise(health("healthy", {}), error)).toMatchObject({ light: "red", title: "Gone. Start it." });
});

test("an available provider is green, an available module only grey", () => {
  expect(providerLight("available")).toBe("green");
  expect(light("available")).toBe("grey");
  expect(light("never heard of")).toBe("grey");
});

test.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1024, "1.0 KiB"],
  [5 * 1024 ** 4, "5120.0 GiB"],
])("%d bytes are %s", (size, text) => expect(bytes(size)).toBe(text));

test.each([
  [0.0123, "12 ms"],
  [1.5, "1.50 s"],
])("%d seconds are %s", (value, text) => expect(seconds(value)).toBe(text));
