import { expect, test } from "vitest";
import { ApiError, type Health } from "../src/api";
import {
  abilities,
  amount,
  breaker,
  bytes,
  duration,
  light,
  providerLight,
  rateLimits,
  seconds,
  spending,
  summarise,
} from "../src/words";

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
      api: ["healthy", "up"],
    }),
    null,
  );
  expect(summary).toEqual({
    light: "red",
    text: "Athena: wasm unhealthy",
    title: "providers: no key\nwasm: no modules",
  });
});

test.each([
  [
    "degraded",
    "claude is left alone for 24 s, openai answers. 1 of 2 configured can be asked now.",
    "amber",
    "Athena: claude is left alone for 24 s, openai answers",
  ],
  [
    "unhealthy",
    "No provider can be asked: claude is left alone for 24 s. None of 1 configured can be asked now.",
    "red",
    "Athena: no provider can be asked",
  ],
  ["degraded", `${"x".repeat(100)}. More.`, "amber", "Athena: providers degraded"],
] as const)("who answers for whom is said: %s, %s", (status, detail, light, text) => {
  const summary = summarise(health("degraded", { providers: [status, detail] }), null);
  expect(summary).toEqual({ light, text, title: `providers: ${detail}` });
});

test("healthy, waiting and unreachable have words of their own", () => {
  expect(summarise(health("healthy", {}), null)).toMatchObject({ light: "green", text: "Athena: ready" });
  expect(summarise(null, null).light).toBe("grey");
  const error = new ApiError("Gone.", "Start it.", "unreachable");
  expect(summarise(health("healthy", {}), error)).toMatchObject({ light: "red", title: "Gone. Start it." });
});

test("what is not configured is said, and dims no light", () => {
  const summary = summarise(health("healthy", { providers: ["not_configured", "Set a key."] }), null);
  expect(summary).toEqual({ light: "green", text: "Athena: ready", title: "providers: Set a key." });
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

const SPENT = { requests: 1, inputTokens: 1, outputTokens: 0, cost: null, unpriced: 0, estimated: 0 };

test.each([
  [{ ...SPENT, inputTokens: 0 }, ""],
  [SPENT, "1 request, 1 tokens"],
  [{ ...SPENT, cost: 0 }, "1 request, 1 tokens, $0.00"],
  [{ ...SPENT, cost: 2.5, unpriced: 3 }, "1 request, 1 tokens, $2.50, 3 of unknown price"],
  [{ ...SPENT, unpriced: 3 }, "1 request, 1 tokens"],
  [{ ...SPENT, cost: 0.00004, estimated: 1 }, "1 request, about 1 tokens, about $0.0000"],
])("%j is spent as %s", (spent, text) => expect(spending(spent)).toBe(text));

test.each([
  [0, "dollars", "$0.00"],
  [0.0123, "dollars", "$0.0123"],
  [12.345, "dollars", "$12.35"],
  [1234567, "tokens", "1,234,567"],
] as const)("%d %s are %s", (value, unit, text) => expect(amount(value, unit)).toBe(text));

test.each([
  [0, "0 min"],
  [61, "2 min"],
  [3_600, "1 h 0 min"],
  [86_400, "24 h 0 min"],
])("%d seconds last %s", (value, text) => expect(duration(value)).toBe(text));

const BREAKER = { state: "closed", retryAfter: 0, failures: 0, forced: false } as const;

test.each([
  [BREAKER, "Breaker closed"],
  [{ ...BREAKER, failures: 2 }, "Breaker closed, 2 failures in a row"],
  [{ ...BREAKER, state: "open", retryAfter: 24.4 }, "Breaker open, 24 s left"],
  [{ ...BREAKER, state: "open" }, "Breaker half-open: the next question tries it"],
  [{ ...BREAKER, state: "half_open" }, "Breaker half-open: the next question tries it"],
  [{ ...BREAKER, state: "open", retryAfter: 600, forced: true }, "Breaker open, by hand"],
] as const)("%j is said as %s", (it, text) => expect(breaker(it)).toBe(text));

test("a limit that is reached says for how long, by when it was told", () => {
  const limits = { requests: { limit: 9, remaining: 0, reset: 60 }, tokens: null, toldAt: 1_000 };
  expect(rateLimits(limits, 1_018)).toBe("Rate limit: 0 of 9 requests for 42 s left");
  expect(rateLimits(limits, 1_061)).toBe("Rate limit: 0 of 9 requests left");
});

test("what a provider said nothing of is not shown", () => {
  expect(rateLimits({ requests: null, tokens: null, toldAt: null })).toBe("");
  expect(rateLimits({ requests: { limit: 9, remaining: null, reset: null }, tokens: null, toldAt: null })).toBe("");
  const none = { streaming: false, batching: false, functionCalling: false };
  expect(abilities({ ...none, websocket: false, background: false, structuredOutput: false })).toBe("");
});
