/** The one file that does HTTP. */

import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import { anything, fields, flag, list, map, number, oneOf, optional, type Reader, ShapeError, text } from "./decode";

const HEALTH = oneOf("healthy", "degraded", "unhealthy");

const readHealth = fields({
  status: HEALTH,
  components: map(fields({ status: oneOf("healthy", "degraded", "unhealthy", "not_configured"), detail: text })),
});

const readModules = fields({
  modules: list(
    fields({
      name: text,
      status: oneOf("loaded", "available", "failed"),
      version: optional(text),
      memoryUsage: number,
      detail: optional(text),
      memoryBytes: number,
      deadline: number,
      foreign: flag,
    }),
  ),
});

const readCapabilities = fields({
  modules: list(fields({ name: text, functions: list(fields({ name: text, summary: text, needsSample: flag })) })),
});

const readExecuted = fields({ result: anything, time: number });

const readWasmStatus = fields({
  status: HEALTH,
  detail: optional(text),
  modules: map(fields({ calls: number, errors: number, time: number })),
  totalMemoryUsage: number,
});

const readReloaded = fields({
  success: flag,
  module: text,
  previousVersion: optional(text),
  newVersion: optional(text),
  reloadTime: number,
  detail: optional(text),
});

const readWindow = fields({ limit: optional(number), remaining: optional(number), reset: optional(number) });

const readSpent = fields({
  requests: number,
  inputTokens: number,
  outputTokens: number,
  cost: optional(number),
  unpriced: number,
  estimated: number,
});

const readBreaker = fields({
  state: oneOf("closed", "open", "half_open"),
  retryAfter: number,
  failures: number,
  forced: flag,
});

const readProvider = fields({
  name: text,
  state: oneOf("available", "no_api_key", "unauthorized", "rate_limited", "timeout", "error", "circuit_open"),
  model: text,
  detail: text,
  models: list(text),
  latency: optional(number),
  checkedAt: optional(number),
  features: fields({
    streaming: flag,
    batching: flag,
    functionCalling: flag,
    websocket: flag,
    background: flag,
    structuredOutput: flag,
  }),
  rateLimits: fields({ requests: optional(readWindow), tokens: optional(readWindow), toldAt: optional(number) }),
  usage: readSpent,
  breaker: readBreaker,
  running: number,
  waiting: number,
});

const readProviders = fields({ providers: list(readProvider) });

const readUsage = fields({
  today: readSpent,
  budgets: list(
    fields({ provider: optional(text), unit: oneOf("dollars", "tokens"), limit: number, spent: number, left: number }),
  ),
  resetsIn: number,
  problem: optional(fields({ detail: text, next_step: text })),
});

const readProblem = fields({ title: text, detail: text, code: text, next_step: optional(text) });

type Read<T> = T extends Reader<infer U> ? U : never;
export type Health = Read<typeof readHealth>;
export type Modules = Read<typeof readModules>;
export type ModuleRow = Modules["modules"][number];
export type WasmStatus = Read<typeof readWasmStatus>;
export type ModuleStatus = { calls: number; errors: number; time: number };
export type Functions = Read<typeof readCapabilities>["modules"][number]["functions"];
export type Executed = Read<typeof readExecuted>;
export type Reloaded = Read<typeof readReloaded>;
export type Providers = Read<typeof readProviders>;
export type Provider = Read<typeof readProvider>;
export type Breaker = Read<typeof readBreaker>;
export type Usage = Read<typeof readUsage>;
export type Spent = Read<typeof readSpent>;

/** `alsoFine` are statuses of errors whose body is an answer all the same. */
interface Options {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  alsoFine?: number[];
}

/** What went wrong, and what to do about it, both in words for people. */
export class ApiError extends Error {
  constructor(
    readonly detail: string,
    readonly nextStep: string,
    readonly code: string,
  ) {
    super(`${detail} ${nextStep}`.trim());
    this.name = "ApiError";
  }
}

/** Athena's part of the Jupyter server. Every method may throw `ApiError`, and nothing else. */
export class AthenaApi {
  constructor(private readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  /** An unhealthy server says so with status 503 and the same body. */
  health(): Promise<Health> {
    return this.request("health", readHealth, { alsoFine: [503] });
  }

  modules(): Promise<Modules> {
    return this.request("api/v1/wasm/modules", readModules);
  }

  wasmStatus(): Promise<WasmStatus> {
    return this.request("api/v1/status/wasm", readWasmStatus, { alsoFine: [503] });
  }

  /** With `refresh`, each provider is asked now, however fresh what the server knows is. */
  providers(refresh = false): Promise<Providers> {
    return this.request(`api/v1/ai/providers${refresh ? "?refresh=true" : ""}`, readProviders);
  }

  /** What was spent today (UTC), and what is left of the budgets. */
  usage(): Promise<Usage> {
    return this.request("api/v1/ai/usage", readUsage);
  }

  reload(module: string): Promise<Reloaded> {
    return this.request(`api/v1/wasm/modules/${encodeURIComponent(module)}/reload`, readReloaded, { method: "POST" });
  }

  load(module: string): Promise<Modules> {
    return this.request("api/v1/wasm/load", readModules, { method: "POST", body: { modules: [module] } });
  }

  unload(module: string): Promise<Modules> {
    return this.request(`api/v1/wasm/modules/${encodeURIComponent(module)}/unload`, readModules, { method: "POST" });
  }

  /** Forget a module of the user's own. */
  remove(module: string): Promise<Modules> {
    return this.request(`api/v1/wasm/modules/${encodeURIComponent(module)}`, readModules, { method: "DELETE" });
  }

  /** What each call of the module may have: bytes of memory, seconds. */
  limit(module: string, memoryBytes: number, deadline: number): Promise<Modules> {
    const path = `api/v1/wasm/modules/${encodeURIComponent(module)}/limits`;
    return this.request(path, readModules, { method: "POST", body: { memoryBytes, deadline } });
  }

  async functions(module: string): Promise<Functions> {
    const { modules } = await this.request("api/v1/wasm/capabilities", readCapabilities);
    return modules.find(({ name }) => name === module)?.functions ?? [];
  }

  /** Run one function; `sample` is a hash, or empty. */
  execute(module: string, name: string, args: unknown, sample: string): Promise<Executed> {
    const body = { module, function: name, args, ...(sample ? { sample } : {}) };
    return this.request("api/v1/wasm/execute", readExecuted, { method: "POST", body });
  }

  /** Leave a provider alone until it is `closed` again; how it is then. */
  breaker(provider: string, state: "open" | "closed"): Promise<Provider> {
    const path = `api/v1/ai/providers/${encodeURIComponent(provider)}/breaker`;
    return this.request(path, readProvider, { method: "POST", body: { state } });
  }

  private async request<T>(path: string, read: Reader<T>, options: Options = {}): Promise<T> {
    const response = await this.fetch(path, options);
    const body = await parse(response);
    if (!response.ok && !(options.alsoFine?.includes(response.status) && !isProblem(body)))
      throw failure(response, body);
    try {
      return read(body, "answer");
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw new ApiError(
        `The server's answer to ${path} is not as agreed: ${error.message}.`,
        "Reload the page; if that does not help, install the same version of athena-lab on both sides.",
        "bad_answer",
      );
    }
  }

  private async fetch(path: string, { method = "GET", body }: Options): Promise<Response> {
    const headers = { "Content-Type": "application/json" };
    const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
    try {
      return await ServerConnection.makeRequest(URLExt.join(this.settings.baseUrl, path), init, this.settings);
    } catch (error) {
      if (!(error instanceof ServerConnection.NetworkError)) throw error;
      throw new ApiError("The Jupyter server does not answer.", "Check that it still runs.", "unreachable");
    }
  }
}

/** `undefined` for what is not JSON. */
async function parse(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function isProblem(body: unknown): boolean {
  return typeof body === "object" && body !== null && "code" in body;
}

function failure(response: Response, body: unknown): ApiError {
  try {
    const problem = readProblem(body, "problem");
    return new ApiError(problem.detail, problem.next_step ?? "", problem.code);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
  }
  if (response.status === 404) {
    return new ApiError(
      "Athena's server extension does not run on this server.",
      "Enable it with `jupyter server extension enable athena_lab` and start the server again.",
      "not_enabled",
    );
  }
  return new ApiError(`The server answered with status ${response.status}.`, "Look at its log.", "http");
}
