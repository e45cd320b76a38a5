import { Widget } from "@lumino/widgets";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError, type AthenaApi } from "../src/api";
import { AthenaModel } from "../src/model";
import { AthenaPanel } from "../src/panel";
import { AthenaStatus } from "../src/status";

const HOSTILE = "<img src=x onerror=alert(1)>";

/** What the panel asks of the server, as an object of functions. */
function fakeApi(changes: Partial<Record<keyof AthenaApi, unknown>> = {}): AthenaApi {
  return {
    health: async () => ({ status: "healthy", components: new Map([["api", { status: "healthy", detail: "up" }]]) }),
    modules: async () => ({
      modules: [
        { name: "file-processor", status: "loaded", version: "1.0.0", memoryUsage: 2_097_152, detail: HOSTILE },
      ],
    }),
    wasmStatus: async () => ({
      status: "healthy",
      detail: null,
      modules: new Map([["file-processor", { calls: 3, errors: 1, time: 0.5 }]]),
      totalMemoryUsage: 2_097_152,
    }),
    providers: async () => ({
      providers: [{ name: "claude", state: "no_api_key", model: "m", detail: "Set ANTHROPIC_API_KEY.", latency: null }],
    }),
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
  expect(panel.node.querySelectorAll("section")).toHaveLength(3);
});

test("text of the server is never HTML", async () => {
  const panel = attach((it) => new AthenaPanel(it));
  await shows(HOSTILE);
  expect(panel.node.querySelector("img")).toBeNull();
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
