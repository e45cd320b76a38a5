/** What the panel and the status bar show, kept fresh by polling. */

import { Poll } from "@lumino/polling";
import { type ISignal, Signal } from "@lumino/signaling";
import {
  ApiError,
  type AthenaApi,
  type Functions,
  type Health,
  type Modules,
  type Provider,
  type Usage,
  type WasmStatus,
} from "./api";

/** Milliseconds. A failing poll backs off up to the maximum. `breakers`: while one is not closed, and time passes. */
const PERIODS = { health: 10_000, sandbox: 10_000, providers: 30_000, breakers: 3_000, max: 120_000 };

/** One thing asked for: its last value and the last failure, if it failed last. */
export interface Feed<T> {
  value: T | null;
  error: ApiError | null;
}

export interface Sandbox {
  modules: Modules["modules"];
  status: WasmStatus;
}

export interface Services {
  providers: Provider[];
  usage: Usage;
}

function empty<T>(): Feed<T> {
  return { value: null, error: null };
}

export class AthenaModel {
  health: Feed<Health> = empty();
  sandbox: Feed<Sandbox> = empty();
  providers: Feed<Services> = empty();
  /** Whether the providers are being asked because somebody pressed the button. */
  checking = false;
  /** What the last change of a module said, by module. */
  readonly said = new Map<string, string>();
  /** Why a provider's breaker could not be opened or closed, by provider. */
  readonly refusals = new Map<string, string>();

  private readonly changedSignal = new Signal<this, void>(this);
  private readonly polls: Poll[];

  /** `watched` says whether anyone looks at the panel; without that only health is polled. */
  constructor(
    private readonly api: AthenaApi,
    watched: () => boolean,
  ) {
    const inPanel = () => (watched() ? "when-hidden" : true);
    this.polls = [
      this.poll(
        "health",
        PERIODS.health,
        () => "when-hidden",
        () => this.refreshHealth(),
      ),
      this.poll("sandbox", PERIODS.sandbox, inPanel, () => this.refreshSandbox()),
      this.poll("providers", PERIODS.providers, inPanel, () => this.refreshProviders()),
    ];
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** Ask for everything now; resolves when all polls have been told. */
  async refresh(): Promise<void> {
    await Promise.all(this.polls.map((poll) => poll.refresh()));
  }

  reload(module: string): Promise<void> {
    return this.change(module, async () => {
      const done = await this.api.reload(module);
      const detail = done.detail || `reloaded, ${done.previousVersion ?? "none"} to ${done.newVersion ?? "none"}`;
      return done.success ? detail : `not reloaded: ${detail}`;
    });
  }

  load(module: string): Promise<void> {
    return this.change(module, async () => {
      await this.api.load(module);
      return "";
    });
  }

  unload(module: string): Promise<void> {
    return this.change(module, async () => {
      await this.api.unload(module);
      return "";
    });
  }

  remove(module: string): Promise<void> {
    return this.change(module, async () => {
      await this.api.remove(module);
      return "";
    });
  }

  /** Bytes and seconds; what is wrong with them, empty if nothing is. */
  async limit(module: string, memoryBytes: number, deadline: number): Promise<string> {
    try {
      await this.api.limit(module, memoryBytes, deadline);
      return "";
    } catch (error) {
      return asApiError(error).message;
    }
  }

  async functions(module: string): Promise<Functions> {
    try {
      return await this.api.functions(module);
    } catch (error) {
      this.said.set(module, asApiError(error).message);
      this.changedSignal.emit();
      return [];
    }
  }

  /** The result as text, or what went wrong. `args` is JSON as somebody typed it. */
  async execute(module: string, name: string, args: string, sample: string): Promise<string> {
    try {
      const parsed: unknown = JSON.parse(args);
      const done = await this.api.execute(module, name, parsed, sample);
      return JSON.stringify(done.result, null, 2);
    } catch (error) {
      if (error instanceof SyntaxError) return `The arguments are not JSON: ${error.message}. Write {} for none.`;
      return asApiError(error).message;
    }
  }

  private async change(module: string, act: () => Promise<string>): Promise<void> {
    try {
      this.said.set(module, await act());
    } catch (error) {
      this.said.set(module, asApiError(error).message);
    }
    this.changedSignal.emit();
    await this.polls[1]?.refresh();
  }

  /** Leave a provider alone until it is `closed` again. */
  async breaker(provider: string, state: "open" | "closed"): Promise<void> {
    this.refusals.delete(provider);
    try {
      await this.api.breaker(provider, state);
    } catch (error) {
      this.refusals.set(provider, asApiError(error).message);
    }
    this.changedSignal.emit();
    await Promise.all([this.polls[0]?.refresh(), this.polls[2]?.refresh()]);
  }

  /** Ask every provider now, however fresh what is known of it is. */
  async checkProviders(): Promise<void> {
    if (this.checking) return;
    this.checking = true;
    this.changedSignal.emit();
    try {
      await this.refreshProviders(true);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the feed shows it
    } finally {
      this.checking = false;
      this.changedSignal.emit();
    }
  }

  dispose(): void {
    for (const poll of this.polls) poll.dispose();
    Signal.clearData(this);
  }

  private refreshHealth(): Promise<void> {
    return this.update(this.health, () => this.api.health());
  }

  private refreshSandbox(): Promise<void> {
    return this.update(this.sandbox, async () => {
      const [{ modules }, status] = await Promise.all([this.api.modules(), this.api.wasmStatus()]);
      return { modules, status };
    });
  }

  private refreshProviders(now = false): Promise<void> {
    return this.update(this.providers, async () => {
      const [{ providers }, usage] = await Promise.all([this.api.providers(now), this.api.usage()]);
      this.hurry(providers.some((it) => it.breaker.state !== "closed"));
      return { providers, usage };
    });
  }

  /** What the server knows is asked for more often while a breaker counts down: no provider is asked for it. */
  private hurry(hurry: boolean): void {
    const interval = hurry ? PERIODS.breakers : PERIODS.providers;
    const poll = this.polls[2];
    if (poll && poll.frequency.interval !== interval) poll.frequency = { ...poll.frequency, interval };
  }

  /** Throws again what failed, so that the poll backs off. */
  private async update<T>(feed: Feed<T>, ask: () => Promise<T>): Promise<void> {
    try {
      feed.value = await ask();
      feed.error = null;
    } catch (error) {
      feed.error = asApiError(error);
      throw error;
    } finally {
      this.changedSignal.emit();
    }
  }

  private poll(name: string, interval: number, standby: () => Poll.Standby | boolean, ask: () => Promise<void>): Poll {
    return new Poll({
      name: `athena:${name}`,
      factory: ask,
      frequency: { interval, backoff: true, max: PERIODS.max },
      standby,
    });
  }
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(`Unexpected: ${String(error)}.`, "Report it as a bug.", "internal");
}
