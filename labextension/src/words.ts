/** States and numbers in words. Pure. */

import type { ApiError, Breaker, Health, Provider, Spent } from "./api";

export type Light = "green" | "amber" | "red" | "grey";

export interface Summary {
  light: Light;
  text: string;
  title: string;
}

const LIGHTS: Record<string, Light> = {
  healthy: "green",
  degraded: "amber",
  unhealthy: "red",
  not_configured: "grey",
  loaded: "green",
  available: "grey",
  failed: "red",
  no_api_key: "grey",
  unauthorized: "red",
  rate_limited: "amber",
  timeout: "amber",
  error: "red",
  circuit_open: "amber",
};

/** Characters that the status bar has room for. */
const MAX_SENTENCE = 80;

/** The light for a component's or a module's state. */
export function light(state: string): Light {
  return LIGHTS[state] ?? "grey";
}

/** A provider's `available` is good news, a module's only says that it is not loaded. */
export function providerLight(state: string): Light {
  return state === "available" ? "green" : light(state);
}

export function words(state: string): string {
  if (state === "no_api_key") return "not set up"; // of a local server it may be the address
  return state.replaceAll("_", " ");
}

/** The whole lab in a few words, the worst part named. */
export function summarise(health: Health | null, error: ApiError | null): Summary {
  if (error) return { light: "red", text: "Athena: not reachable", title: error.message };
  if (!health) return { light: "grey", text: "Athena: connecting", title: "Waiting for the first answer." };
  const parts = [...health.components].filter(([, part]) => part.status === "unhealthy" || part.status === "degraded");
  const worst = parts.find(([, part]) => part.status === "unhealthy") ?? parts[0];
  const telling = [...health.components].filter(([, part]) => part.status !== "healthy" && part.detail);
  const title = telling.map(([name, part]) => `${name}: ${part.detail}`).join("\n") || "Everything works.";
  if (health.status === "healthy") return { light: "green", text: "Athena: ready", title };
  return { light: light(worst?.[1].status ?? health.status), text: `Athena: ${trouble(health, worst)}`, title };
}

/** Of providers, who answers for whom: "claude is left alone for 24 s, openai answers". */
function trouble(health: Health, worst: [string, { status: string; detail: string }] | undefined): string {
  if (!worst) return health.status;
  const [name, { status, detail }] = worst;
  const sentence = detail.split(/[.:]\s/, 1)[0] ?? "";
  const telling = name === "providers" && sentence && sentence.length <= MAX_SENTENCE;
  return telling ? sentence.charAt(0).toLowerCase() + sentence.slice(1) : `${name} ${status}`;
}

/** Bytes in the largest fitting unit. */
export function bytes(size: number): string {
  if (size < 1024) return `${size} bytes`;
  const units = ["KiB", "MiB", "GiB"];
  let value = size / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

export function seconds(value: number): string {
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`;
}

/** `1 call`, `2 calls`. */
export function counted(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? "" : "s"}`;
}

const FEATURES: [keyof Provider["features"], string][] = [
  ["streaming", "streams"],
  ["functionCalling", "calls functions"],
  ["structuredOutput", "structured answers"],
  ["websocket", "WebSocket"],
  ["background", "background answers"],
  ["batching", "batches"],
];

/** What a provider can do: "Streams, calls functions". */
export function abilities(features: Provider["features"]): string {
  const text = FEATURES.flatMap(([name, word]) => (features[name] ? [word] : [])).join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What is left of a provider's limits, and of a limit that is reached when it ends; "" if it said nothing of them. */
export function rateLimits(limits: Provider["rateLimits"], now = Date.now() / 1000): string {
  const parts = (["requests", "tokens"] as const).flatMap((unit) => {
    const { remaining = null, limit = null, reset = null } = limits[unit] ?? {};
    if (remaining === null) return [];
    const wait = remaining === 0 && reset !== null ? reset - (now - (limits.toldAt ?? now)) : 0;
    const left =
      limit === null ? `${grouped(remaining)} ${unit}` : `${grouped(remaining)} of ${grouped(limit)} ${unit}`;
    return [wait > 0 ? `${left} for ${grouped(wait)} s` : left];
  });
  return parts.length > 0 ? `Rate limit: ${parts.join(", ")} left` : "";
}

/** A provider's circuit breaker: "Breaker open, 24 s left". */
export function breaker(it: Breaker): string {
  if (it.forced) return "Breaker open, by hand";
  if (it.state === "open" && it.retryAfter >= 0.5) return `Breaker open, ${grouped(it.retryAfter)} s left`;
  if (it.state !== "closed") return "Breaker half-open: the next question tries it";
  return it.failures > 0 ? `Breaker closed, ${counted(it.failures, "failure")} in a row` : "Breaker closed";
}

/** "2 running, 1 waiting"; "" for neither. */
export function load(it: Provider): string {
  const parts = [it.running > 0 && `${it.running} running`, it.waiting > 0 && `${it.waiting} waiting`];
  return parts.filter(Boolean).join(", ");
}

/** "3 requests, 1,234 tokens, $0.0123"; "" for nothing. */
export function spending(spent: Spent, before = ""): string {
  const tokens = spent.inputTokens + spent.outputTokens;
  if (tokens === 0) return "";
  const about = spent.estimated > 0 ? "about " : "";
  const parts = [counted(spent.requests, "request"), `${about}${grouped(tokens)} tokens`];
  if (spent.cost !== null) parts.push(`${about}${amount(spent.cost, "dollars")}`);
  if (spent.cost !== null && spent.unpriced > 0) parts.push(`${spent.unpriced} of unknown price`);
  return before + parts.join(", ");
}

/** Dollars below ten cents to a hundredth of a cent. */
export function amount(value: number, unit: "dollars" | "tokens"): string {
  if (unit === "tokens") return grouped(value);
  return `$${value.toFixed(value > 0 && value < 0.1 ? 4 : 2)}`;
}

/** "5 h 12 min", "3 min". */
export function duration(value: number): string {
  const minutes = Math.ceil(value / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The same in every browser: 1,234,567. */
function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
