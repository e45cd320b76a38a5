/** States and numbers in words. Pure. */

import type { ApiError, Health } from "./api";

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

/** The light for a component's or a module's state. */
export function light(state: string): Light {
  return LIGHTS[state] ?? "grey";
}

/** A provider's `available` is good news, a module's only says that it is not loaded. */
export function providerLight(state: string): Light {
  return state === "available" ? "green" : light(state);
}

export function words(state: string): string {
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
  const name = worst ? `${worst[0]} ${worst[1].status}` : health.status;
  return { light: light(health.status), text: `Athena: ${name}`, title };
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
