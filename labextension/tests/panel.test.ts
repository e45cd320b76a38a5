import { Widget } from "@lumino/widgets";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError, type AthenaApi } from "../src/api";
import { AthenaModel } from "../src/model";
import { AthenaPanel } from "../src/panel";
import { AthenaStatus } from "../src/status";

const FEATURES = {
  streaming: true,
  batching: false,
  functionCalling: true,
  websocket: false,
  background: false,
  structuredOutput: false,
};
const NOTHING = { requests: 0, inputTokens: 0, outputTokens: 0, cost: null, unpriced: 0, estimated: 0 };
const SOME = { requests: 2, inputTokens: 1200, outputTokens: 34, cost: 0.0123, unpriced: 0, estimated: 1 };
const CLAUDE = {
  name: "claude",
  state: "no_api_key",
  model: "m",
  detail: "Set ANTHROPIC_API_KEY.",
  models: [],
  latency: null,
  checkedAt: null,
  features: FEATURES,
  rateLimits: { requests: null, tokens: null, toldAt: null },
  usage: NOTHING,
  breaker: { state: "closed", retryAfter: 0, failures: 0, forced: false },
  running: 0,
  waiting: 0,
};
const GROQ = {
  ...CLAUDE,
  name: "groq",
  state: "rate_limited",
  detail: "groq answered with HTTP 429. Wait 7 s.",
  models: ["m", "<b>n</b>"],
  latency: 0.2,
  rateLimits: {
    requests: { limit: 60, remaining: 0, reset: 7 },
    tokens: { limit: null, remaining: 12345, reset: null },
    toldAt: null,
  },
  usage: SOME,
};
const USAGE = {
  today: SOME,
  budgets: [
    { provider: null, unit: "dollars", limit: 1, spent: 0.0123, left: 0.9877 },
    { provider: "groq", unit: "tokens", limit: 1000, spent: 1234, left: 0 },
  ],
  resetsIn: 3_700,
  problem: null,
};

const HOSTILE = "<img src=x onerror=alert(1)>";

/** What the panel asks of the server, as an object of functions. */
function fakeApi(changes: Partial<Record<keyof AthenaApi, unknown>> = {}): AthenaApi {
  return {
    health: async () => ({ status: "healthy", components: new Map([["api", { status: "healthy", detail: "up" }]]) }),
    modules: async () => ({
      modules: [
        {
          name: "file-processor",
          status: "loaded",
          version: "1.0.0",
          memoryUsage: 2_097_152,
          detail: HOSTILE,
          memoryBytes: 805_306_368,
          deadline: 30,
        },
      ],
    }),
    wasmStatus: async () => ({
      status: "healthy",
      detail: null,
      modules: new Map([["file-processor", { calls: 3, errors: 1, time: 0.5 }]]),
      totalMemoryUsage: 2_097_152,
    }),
    providers: async () => ({ providers: [CLAUDE, GROQ] }),
    usage: async () => USAGE,
    reload: async () => ({
      success: true,
      module: "file-processor",
      previousVersion: "1.0.0",
      newVersion: "1.1.0",
      reloadTime: 0.01,
      detail: null,
    }),
    ...changes,
  } as unknown as AthenaApi;
}

let model: AthenaModel;
let widget: Widget;

function attach(make: (model: AthenaModel) => Widget, changes = {}): Widget {
  model = new AthenaModel(fakeApi(changes), () => true);
  widget = make(model);
  Widget.attach(widget, document.body);
  return widget;
}

afterEach(() => {
  widget.dispose();
  model.dispose();
});

const shows = (text: string) => vi.waitFor(() => expect(widget.node.textContent).toContain(text));

test("shows health, modules and providers with what to do", async () => {
  const panel = attach((it) => new AthenaPanel(it));
  await shows("Set ANTHROPIC_API_KEY.");
  await shows("1.0.0, 2.0 MiB, 3 calls, 1 error, 500 ms");
  expect(panel.node.querySelectorAll("section")).toHaveLength(4);
});

test("text of the server is never HTML", async () => {
  const panel = attach((it) => new AthenaPanel(it));
  await shows(HOSTILE);
  expect(panel.node.querySelector("img")).toBeNull();
});

test("a provider shows what to do, what it can do, what it has left and what it used", async () => {
  const panel = attach((it) => new AthenaPanel(it));
  await shows("Wait 7 s.");
  const row = [...panel.node.querySelectorAll(".athena-Row")].find((it) => it.textContent?.includes("groq"));
  expect(row?.textContent).toContain("rate limited");
  expect(row?.textContent).toContain("m (2 models), 200 ms");
  expect(row?.textContent).toContain("Streams, calls functions");
  expect(row?.textContent).toContain("Rate limit: 0 of 60 requests for 7 s, 12,345 tokens left");
  expect(row?.textContent).toContain("Today: 2 requests, about 1,234 tokens, about $0.0123");
  expect(row?.getAttribute("title")).toBe("m\n<b>n</b>");
});

test("one without a key shows what to do and no more", async () => {
  const panel = attach((it) => new AthenaPanel(it));
  await shows("Set ANTHROPIC_API_KEY.");
  const row = [...panel.node.querySelectorAll(".athena-Row")].find((it) => it.textContent?.includes("claude"));
  expect(row?.textContent).toBe("claudenot set upSet ANTHROPIC_API_KEY.m");
});

function rowOf(name: string): Element | undefined {
  return [...widget.node.querySelectorAll(".athena-Row")].find((it) => it.querySelector("b")?.textContent === name);
}

const OPEN = { state: "open", retryAfter: 23.6, failures: 3, forced: false };

test("a provider shows its breaker, what runs and what waits", async () => {
  const busy = { ...GROQ, state: "circuit_open", breaker: OPEN, running: 2, waiting: 1 };
  attach((it) => new AthenaPanel(it), { providers: async () => ({ providers: [CLAUDE, busy] }) });
  await shows("Breaker open, 24 s left; 2 running, 1 waiting");
  expect(rowOf("groq")?.querySelector(".athena-mod-amber")).not.toBeNull();
  expect(rowOf("claude")?.querySelector("button")).toBeNull();
});

test("its button opens and closes the breaker, and keeps the focus", async () => {
  let breaker = { ...OPEN, state: "closed", failures: 0 };
  const providers = async () => ({ providers: [{ ...GROQ, breaker }] });
  const asked = vi.fn(async (_name: string, state: string) => {
    breaker = { ...OPEN, state, forced: state === "open" };
  });
  attach((it) => new AthenaPanel(it), { providers, breaker: asked });
  await shows("Breaker closed");
  const button = () => rowOf("groq")?.querySelector("button");
  button()?.focus();
  button()?.click();
  await shows("Breaker open, by hand");
  expect(button()?.textContent).toBe("Close breaker");
  expect(button()).toBe(document.activeElement);
  button()?.click();
  await shows("Breaker closed");
  expect(asked.mock.calls).toEqual([
    ["groq", "open"],
    ["groq", "closed"],
  ]);
});

test("a breaker that cannot be opened says why", async () => {
  const breaker = async () => {
    throw new ApiError("You are not allowed to do this here.", "Ask who runs the server.", "not_allowed");
  };
  attach((it) => new AthenaPanel(it), { breaker });
  await shows("Open breaker");
  rowOf("groq")?.querySelector("button")?.click();
  await shows("You are not allowed to do this here. Ask who runs the server.");
});

test("while a breaker counts down, what the server knows is asked for more often", async () => {
  let breaker = OPEN;
  const providers = vi.fn(async () => ({ providers: [{ ...GROQ, breaker }] }));
  attach((it) => new AthenaPanel(it), { providers });
  await shows("Breaker open, 24 s left");
  breaker = { ...OPEN, retryAfter: 20.6 };
  await vi.waitFor(() => expect(widget.node.textContent).toContain("Breaker open, 21 s left"), { timeout: 8_000 });
});

test("budgets show what is left and when they begin anew", async () => {
  const panel = attach((it) => new AthenaPanel(it));
  await shows("All: $0.0123 of $1.00 spent, $0.99 left");
  await shows("groq: 1,234 of 1,000 tokens spent, used up");
  await shows("Budgets begin anew in 1 h 2 min.");
  const bars = [...panel.node.querySelectorAll("meter")];
  expect(bars.map((bar) => bar.getAttribute("aria-label")?.split(",")[0])).toEqual([
    "All: $0.0123 of $1.00 spent",
    "groq: 1",
  ]);
});

test("a ledger that cannot be written is told with what to do", async () => {
  const usage = async () => ({
    ...USAGE,
    problem: { detail: "The ledger is locked.", next_step: "Close the program." },
  });
  const panel = attach((it) => new AthenaPanel(it), { usage });
  await shows("The ledger is locked. Close the program.");
  expect(panel.node.querySelector('[role="alert"]')).not.toBeNull();
});

test("the button asks every provider now, once at a time", async () => {
  const answers: (() => void)[] = [];
  const providers = vi.fn((now = false) =>
    now
      ? new Promise((resolve) => answers.push(() => resolve({ providers: [{ ...GROQ, state: "available" }] })))
      : Promise.resolve({ providers: [GROQ] }),
  );
  const panel = attach((it) => new AthenaPanel(it), { providers });
  await shows("rate limited");
  const button = () => [...panel.node.querySelectorAll("button")].find((it) => it.textContent?.startsWith("Check"));
  button()?.focus();
  button()?.click();
  await shows("Checking");
  expect(button()).toBe(document.activeElement);
  expect(button()?.getAttribute("aria-disabled")).toBe("true");
  button()?.click();
  expect(providers.mock.calls.filter(([now]) => now)).toHaveLength(1);
  answers[0]?.();
  await shows("available");
  await shows("Check now");
});

test("a check that fails says so", async () => {
  const providers = async (now = false) => {
    if (now) throw new ApiError("The Jupyter server does not answer.", "Check that it still runs.", "unreachable");
    return { providers: [GROQ] };
  };
  const panel = attach((it) => new AthenaPanel(it), { providers });
  await shows("rate limited");
  await model.checkProviders();
  await shows("The Jupyter server does not answer.");
  expect(panel.node.textContent).toContain("Check now");
});

test("a failure says what is wrong and keeps what was known", async () => {
  let fails = false;
  const providers = async () => {
    if (fails) throw new ApiError("The Jupyter server does not answer.", "Check that it still runs.", "unreachable");
    return fakeApi().providers();
  };
  const panel = attach((it) => new AthenaPanel(it), { providers });
  await shows("Set ANTHROPIC_API_KEY.");
  fails = true;
  await model.refresh();
  await shows("The Jupyter server does not answer. Check that it still runs.");
  expect(panel.node.textContent).toContain("Set ANTHROPIC_API_KEY.");
  expect(panel.node.querySelector('[role="alert"]')).not.toBeNull();
});

test("the button reloads the module and says what came of it", async () => {
  const panel = attach((it) => new AthenaPanel(it));
  await shows("file-processor");
  panel.node.querySelector<HTMLButtonElement>("button")?.click();
  await shows("reloaded, 1.0.0 to 1.1.0");
});

test("a reload that fails says why", async () => {
  const reload = async () => {
    throw new ApiError("The component is broken.", "Rebuild it.", "bad_module");
  };
  const panel = attach((it) => new AthenaPanel(it), { reload });
  await shows("file-processor");
  panel.node.querySelector<HTMLButtonElement>("button")?.click();
  await shows("The component is broken. Rebuild it.");
});

test("nothing but health is asked while nobody looks at the panel", async () => {
  const modules = vi.fn(fakeApi().modules);
  model = new AthenaModel(fakeApi({ modules }), () => false);
  widget = new Widget();
  await vi.waitFor(() => expect(model.health.value).not.toBeNull());
  expect(modules).not.toHaveBeenCalled();
});

test("the status item opens the panel and names the state", async () => {
  const open = vi.fn();
  const status = attach((it) => new AthenaStatus(it, open));
  await shows("Athena: ready");
  status.node.querySelector("button")?.click();
  expect(open).toHaveBeenCalledOnce();
});

const loadedModule = (changes: object) => ({
  name: "file-processor",
  status: "loaded",
  version: "1.0.0",
  memoryUsage: 0,
  detail: null,
  memoryBytes: 805_306_368,
  deadline: 30,
  ...changes,
});

function press(name: string): void {
  const found = [...(rowOf("file-processor")?.querySelectorAll("button") ?? [])].find((it) => it.textContent === name);
  if (!found) throw new Error(`There is no button ${name}.`);
  found.click();
}

function field<T extends HTMLElement>(key: string): T {
  const found = widget.node.querySelector<T>(`[data-athena-key="${key}:file-processor"]`);
  if (!found) throw new Error(`There is no field ${key}.`);
  return found;
}

test("a module is unloaded and loaded again, and what cannot be done says why", async () => {
  let status = "loaded";
  const unload = vi.fn(async () => {
    status = "available";
  });
  const load = vi.fn(async () => {
    throw new ApiError("The module is broken.", "Build it again.", "bad_module");
  });
  attach((it) => new AthenaPanel(it), { modules: async () => ({ modules: [loadedModule({ status })] }), unload, load });
  await shows("loaded");
  press("Unload");
  await shows("not loaded");
  expect(unload).toHaveBeenCalledWith("file-processor");
  expect(widget.node.querySelector("details")).toBeNull();
  press("Load");
  await shows("The module is broken. Build it again.");
});

test("limits are set in MiB and seconds, and what is typed outlives a poll", async () => {
  const limit = vi.fn(async () => undefined);
  attach((it) => new AthenaPanel(it), { limit });
  await shows("1.0.0");
  const memory = field<HTMLInputElement>("memory");
  expect([memory.value, field<HTMLInputElement>("deadline").value]).toEqual(["768", "30"]);
  const open = memory.closest("details");
  if (open) open.open = true;
  memory.value = "256";
  await model.refresh();
  await vi.waitFor(() => expect(field<HTMLInputElement>("memory").value).toBe("256"));
  memory.closest("form")?.requestSubmit();
  await shows("They hold from the next call on.");
  expect(limit).toHaveBeenCalledWith("file-processor", 268_435_456, 30);
});

test("one function is run, and its result, an error and bad arguments are shown as text", async () => {
  const functions = async () => [
    { name: "strings", summary: "Strings.", needsSample: true },
    { name: "hashes", summary: "Hashes.", needsSample: false },
  ];
  const execute = vi.fn(async (_module: string, name: string) => {
    if (name === "strings") throw new ApiError("There is no sample.", "Give one.", "no_sample");
    return { result: { md5: HOSTILE }, time: 0.1 };
  });
  attach((it) => new AthenaPanel(it), { functions, execute });
  await shows("1.0.0");
  const names = field<HTMLSelectElement>("function");
  const form = names.closest("form");
  const open = names.closest("details");
  if (open) open.open = true;
  await shows("Strings. Needs a sample.");
  form?.requestSubmit();
  await shows("There is no sample. Give one.");
  names.value = "hashes";
  names.dispatchEvent(new Event("change"));
  await shows("Hashes.");
  field<HTMLTextAreaElement>("args").value = '{"quick": true}';
  field<HTMLInputElement>("sample").value = " abc ";
  form?.requestSubmit();
  await shows(`"md5": "${HOSTILE}"`);
  expect(widget.node.querySelector("img")).toBeNull();
  expect(execute).toHaveBeenLastCalledWith("file-processor", "hashes", { quick: true }, "abc");
  field<HTMLTextAreaElement>("args").value = "{";
  form?.requestSubmit();
  await shows("The arguments are not JSON");
});

test("a module of the user's own is marked, and can be removed; one of ours cannot", async () => {
  let modules = [loadedModule({}), loadedModule({ name: "mine", foreign: true })];
  const remove = vi.fn(async () => {
    modules = modules.slice(0, 1);
  });
  attach((it) => new AthenaPanel(it), { modules: async () => ({ modules }), remove });
  await shows("yours, not Athena Lab's; 1.0.0");
  const labels = (name: string) => [...(rowOf(name)?.querySelectorAll("button") ?? [])].map((it) => it.textContent);
  expect(labels("mine")).toContain("Remove");
  expect(labels("file-processor")).not.toContain("Remove");
  [...(rowOf("mine")?.querySelectorAll("button") ?? [])].find((it) => it.textContent === "Remove")?.click();
  await vi.waitFor(() => expect(rowOf("mine")).toBeUndefined());
  expect(remove).toHaveBeenCalledWith("mine");
});

test("one that cannot be removed says why", async () => {
  const modules = async () => ({ modules: [loadedModule({ name: "mine", foreign: true, status: "failed" })] });
  const remove = async () => {
    throw new ApiError("The folder cannot be written.", "Make room.", "bad_module");
  };
  attach((it) => new AthenaPanel(it), { modules, remove });
  await shows("yours");
  [...(rowOf("mine")?.querySelectorAll("button") ?? [])].find((it) => it.textContent === "Remove")?.click();
  await shows("The folder cannot be written. Make room.");
});
