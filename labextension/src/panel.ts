/** The left panel: health, modules, providers, spending. Everything is text nodes: nothing here is ever parsed as HTML. */

import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import type { Provider, Usage } from "./api";
import type { AthenaModel, Feed } from "./model";
import { ModuleControls } from "./module";
import { alert, button, type Child, element, paragraph, row } from "./parts";
import {
  abilities,
  amount,
  breaker,
  bytes,
  duration,
  light,
  load,
  providerLight,
  rateLimits,
  seconds,
  spending,
  words,
} from "./words";

export class AthenaPanel extends Widget {
  private readonly controls = new Map<string, ModuleControls>();

  constructor(private readonly model: AthenaModel) {
    super();
    this.addClass("athena-Panel");
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "Athena");
    model.changed.connect(this.update, this);
    this.update();
  }

  protected override onUpdateRequest(_message: Message): void {
    const focused = document.activeElement?.getAttribute("data-athena-key");
    this.node.replaceChildren(this.health(), this.modules(), this.providers(), this.spending());
    if (focused) this.node.querySelector<HTMLElement>(`[data-athena-key="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Shown again after being hidden: what is here may be old. */
  protected override onAfterShow(_message: Message): void {
    void this.model.refresh();
  }

  private health(): HTMLElement {
    return section("Health", this.model.health, (health) =>
      [...health.components].map(([name, part]) => row(light(part.status), name, words(part.status), part.detail)),
    );
  }

  private modules(): HTMLElement {
    const feed = this.model.sandbox;
    return section("Modules", feed, ({ modules, status }) => {
      if (modules.length === 0) return [paragraph("No modules. Build them with `make wasm`, or install the wheel.")];
      const wrong = status.status === "healthy" ? "" : (status.detail ?? "");
      const total = paragraph(`${bytes(status.totalMemoryUsage)} in all. ${wrong}`.trim());
      const rows = modules.map((module) => this.controlsOf(module.name).draw(module, status.modules.get(module.name)));
      return [...rows, total];
    });
  }

  /** What somebody types into a module's row outlives the row. */
  private controlsOf(name: string): ModuleControls {
    const known = this.controls.get(name) ?? new ModuleControls(name, this.model);
    this.controls.set(name, known);
    return known;
  }

  private providers(): HTMLElement {
    return section("Providers", this.model.providers, ({ providers }) => {
      if (providers.length === 0) return [paragraph("No provider is configured. Add one to athena.toml.")];
      return [...providers.map((it) => this.provider(it)), this.checkButton()];
    });
  }

  private provider(it: Provider): HTMLElement {
    if (it.state === "no_api_key") return provider(it);
    const refusal = this.model.refusals.get(it.name);
    return provider(it, this.breakerButton(it), ...(refusal ? [alert(refusal)] : []));
  }

  private breakerButton({ name, breaker: { state } }: Provider): HTMLElement {
    const press = (to: "open" | "closed") => () => this.model.breaker(name, to);
    const key = `breaker:${name}`;
    if (state === "closed") {
      return button("Open breaker", `Ask ${name} no more, until the breaker is closed again`, key, press("open"));
    }
    return button("Close breaker", `Ask ${name} again, from now on`, key, press("closed"));
  }

  private checkButton(): HTMLElement {
    const { checking } = this.model;
    const title = "Ask every provider now how it is";
    const check = button(checking ? "Checking" : "Check now", title, "check", () => this.model.checkProviders());
    check.setAttribute("aria-disabled", String(checking)); // not `disabled`, which would lose the focus
    return check;
  }

  private spending(): HTMLElement {
    return section("Spending today (UTC)", this.model.providers, ({ usage }) => [
      ...(usage.problem ? [alert(`${usage.problem.detail} ${usage.problem.next_step}`)] : []),
      paragraph(spending(usage.today) || "Nothing yet."),
      ...usage.budgets.map(budget),
      ...(usage.budgets.length > 0 ? [paragraph(`Budgets begin anew in ${duration(usage.resetsIn)}.`)] : []),
    ]);
  }
}

function provider(it: Provider, ...more: Child[]): HTMLElement {
  const took = it.latency === null ? "" : `, ${seconds(it.latency)}`;
  const others = it.models.length > 1 ? ` (${it.models.length} models)` : "";
  const lines = [it.detail, it.model && `${it.model}${others}${took}`];
  if (it.state !== "no_api_key") {
    const state = [breaker(it.breaker), load(it)].filter(Boolean).join("; ");
    lines.push(abilities(it.features), rateLimits(it.rateLimits), state, spending(it.usage, "Today: "));
  }
  const facts = lines.filter(Boolean).map(paragraph);
  const shown = row(providerLight(it.state), it.name, words(it.state), "", ...facts, ...more);
  if (it.models.length > 1) shown.title = it.models.join("\n");
  return shown;
}

function budget(it: Usage["budgets"][number]): HTMLElement {
  const unit = it.unit === "tokens" ? " tokens" : "";
  const left = it.left > 0 ? `${amount(it.left, it.unit)} left` : "used up";
  const spent = `${amount(it.spent, it.unit)} of ${amount(it.limit, it.unit)}${unit} spent`;
  const text = `${it.provider ?? "All"}: ${spent}, ${left}`;
  const bar = document.createElement("meter");
  Object.assign(bar, { min: 0, max: it.limit || 1, high: 0.8 * (it.limit || 1), value: it.limit ? it.spent : 1 });
  bar.setAttribute("aria-label", text);
  return element("div", "athena-Budget", paragraph(text), bar);
}

/** A heading and what is known; of a failure both what is wrong and what was known before. */
function section<T>(title: string, feed: Feed<T>, show: (value: T) => Child[]): HTMLElement {
  const children: Child[] = [element("h2", "", title)];
  if (feed.error) {
    children.push(alert(feed.error.message));
  }
  if (feed.value !== null) children.push(...show(feed.value));
  else if (!feed.error) children.push(paragraph("Asking the server."));
  return element("section", feed.error ? "athena-mod-stale" : "", ...children);
}
