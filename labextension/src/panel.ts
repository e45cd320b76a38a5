/** The left panel: health, modules, providers. Everything is text nodes: nothing here is ever parsed as HTML. */

import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import type { AthenaModel, Feed } from "./model";
import { bytes, counted, type Light, light, providerLight, seconds, words } from "./words";

type Child = Node | string;

export class AthenaPanel extends Widget {
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
    this.node.replaceChildren(this.health(), this.modules(), this.providers());
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
      return [...modules.map((module) => this.module(module, status.modules.get(module.name))), total];
    });
  }

  private module(
    module: { name: string; status: string; version: string | null; memoryUsage: number; detail: string | null },
    did: { calls: number; errors: number; time: number } | undefined,
  ): HTMLElement {
    const calls = did ? `${counted(did.calls, "call")}, ${counted(did.errors, "error")}, ${seconds(did.time)}` : "not called yet";
    const facts = `${module.version ?? "no version"}, ${bytes(module.memoryUsage)}, ${calls}`;
    const said = this.model.reloads.get(module.name) ?? "";
    return row(
      light(module.status),
      module.name,
      words(module.status),
      [module.detail ?? "", said].filter(Boolean).join(" "),
      paragraph(facts),
      this.reloadButton(module.name),
    );
  }

  private reloadButton(name: string): HTMLElement {
    const button = element("button", "jp-mod-styled jp-mod-minimal", "Reload") as HTMLButtonElement;
    button.type = "button";
    button.title = `Load the newest version of ${name}; running analyses end on the old one`;
    button.setAttribute("data-athena-key", `reload:${name}`);
    button.onclick = () => {
      button.disabled = true;
      void this.model.reload(name);
    };
    return button;
  }

  private providers(): HTMLElement {
    return section("Providers", this.model.providers, (providers) => {
      if (providers.length === 0) return [paragraph("No provider is configured. Add one to athena.toml.")];
      return providers.map((provider) => {
        const took = provider.latency === null ? "" : `, ${seconds(provider.latency)}`;
        const model = paragraph(`${provider.model}${took}`);
        return row(providerLight(provider.state), provider.name, words(provider.state), provider.detail, model);
      });
    });
  }
}

/** A heading and what is known; of a failure both what is wrong and what was known before. */
function section<T>(title: string, feed: Feed<T>, show: (value: T) => Child[]): HTMLElement {
  const children: Child[] = [element("h2", "", title)];
  if (feed.error) {
    const failure = element("p", "athena-Failure", feed.error.message);
    failure.setAttribute("role", "alert");
    children.push(failure);
  }
  if (feed.value !== null) children.push(...show(feed.value));
  else if (!feed.error) children.push(paragraph("Asking the server."));
  return element("section", feed.error ? "athena-mod-stale" : "", ...children);
}

function row(colour: Light, name: string, state: string, detail: string, ...more: Child[]): HTMLElement {
  const head = element("div", "athena-Row-head", lamp(colour), element("b", "", name), element("span", "", state));
  return element("div", "athena-Row", head, ...more, ...(detail ? [paragraph(detail)] : []));
}

/** Colour alone says nothing to many: the state stands beside it in words. */
export function lamp(colour: Light): HTMLElement {
  const node = element("span", `athena-Lamp athena-mod-${colour}`);
  node.setAttribute("aria-hidden", "true");
  return node;
}

function paragraph(text: string): HTMLElement {
  return element("p", "", text);
}

export function element(tag: string, className: string, ...children: Child[]): HTMLElement {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}
