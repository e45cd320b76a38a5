/** One module of the panel: its state, load, unload, reload, limits, and one function to be run. */

import type { Functions, ModuleRow, ModuleStatus } from "./api";
import type { AthenaModel } from "./model";
import { button, element, paragraph, row } from "./parts";
import { bytes, counted, light, seconds, words } from "./words";

const MIB = 1024 * 1024;
/** Characters of a result that are shown: a panel is no place for megabytes. */
const MAX_RESULT = 20_000;

/**
 * The panel is drawn anew with each poll. What somebody types here must survive that, so that the controls are kept and put
 * into each new row.
 */
export class ModuleControls {
  private readonly limits: HTMLDetailsElement;
  private readonly run: HTMLDetailsElement;
  private readonly memory = input("number", "MiB of memory for a call");
  private readonly deadline = input("number", "Seconds for a call");
  private readonly limitsSaid = said();
  private readonly names = element("select", "jp-mod-styled") as HTMLSelectElement;
  private readonly summary = paragraph("");
  private readonly args = element("textarea", "jp-mod-styled") as HTMLTextAreaElement;
  private readonly sample = input("text", "SHA-256 of a sample");
  private readonly result = element("pre", "athena-Result");
  private functions: Functions = [];

  constructor(
    private readonly name: string,
    private readonly model: AthenaModel,
  ) {
    this.args.rows = 3;
    this.args.value = "{}";
    this.args.spellcheck = false;
    this.args.setAttribute("aria-label", "Arguments, as JSON");
    this.names.setAttribute("aria-label", "Function");
    this.names.onchange = () => this.describe();
    this.sample.placeholder = "SHA-256 of a sample, if it needs one";
    this.result.setAttribute("aria-live", "polite");
    for (const [node, what] of this.fields()) node.setAttribute("data-athena-key", `${what}:${name}`);
    this.limits = details("Limits", this.limitsForm());
    this.run = details("Run a function", this.runForm());
    this.run.ontoggle = () => void this.list();
  }

  draw(module: ModuleRow, did: ModuleStatus | undefined): HTMLElement {
    if (!this.limits.open) {
      this.memory.value = String(module.memoryBytes / MIB);
      this.deadline.value = String(module.deadline);
    }
    const calls = did
      ? `${counted(did.calls, "call")}, ${counted(did.errors, "error")}, ${seconds(did.time)}`
      : "not called yet";
    const whose = module.foreign ? "yours, not Athena Lab's; " : "";
    const facts = `${whose}${module.version ?? "no version"}, ${bytes(module.memoryUsage)}, ${calls}`;
    const detail = [module.detail ?? "", this.model.said.get(this.name) ?? ""].filter(Boolean).join(" ");
    const forms = module.status === "loaded" ? [this.limits, this.run] : [];
    const state = module.status === "available" ? "not loaded" : words(module.status);
    return row(light(module.status), this.name, state, detail, paragraph(facts), ...this.buttons(module), ...forms);
  }

  private buttons(module: ModuleRow): HTMLElement[] {
    const { name, model } = this;
    const gone = `Remove ${name} from your modules; its project stays, and it can be loaded again from there`;
    const remove = button("Remove", gone, `remove:${name}`, () => model.remove(name));
    return [...this.changes(module), ...(module.foreign ? [remove] : [])];
  }

  private changes(module: ModuleRow): HTMLElement[] {
    const { name, model } = this;
    if (module.status !== "loaded") {
      return [button("Load", `Load ${name}`, `load:${name}`, () => model.load(name))];
    }
    const newest = `Load the newest version of ${name}; running analyses end on the old one`;
    const out = `Leave ${name} out of analyses until it is loaded again`;
    return [
      button("Reload", newest, `reload:${name}`, () => model.reload(name)),
      button("Unload", out, `unload:${name}`, () => model.unload(name)),
    ];
  }

  private limitsForm(): HTMLFormElement {
    const apply = submit("Apply", `limits:${this.name}`);
    return form(
      async () => {
        const said = await this.model.limit(this.name, Number(this.memory.value) * MIB, Number(this.deadline.value));
        this.limitsSaid.textContent = said || "They hold from the next call on.";
      },
      label("Memory (MiB)", this.memory),
      label("Deadline (s)", this.deadline),
      apply,
      this.limitsSaid,
    );
  }

  private runForm(): HTMLFormElement {
    const run = submit("Run", `run:${this.name}`);
    return form(
      async () => {
        this.result.textContent = "Running.";
        const text = await this.model.execute(this.name, this.names.value, this.args.value, this.sample.value.trim());
        this.result.textContent = text.length > MAX_RESULT ? `${text.slice(0, MAX_RESULT)}\n... cut here` : text;
      },
      this.names,
      this.summary,
      this.args,
      this.sample,
      run,
      this.result,
    );
  }

  private fields(): [HTMLElement, string][] {
    return [
      [this.memory, "memory"],
      [this.deadline, "deadline"],
      [this.names, "function"],
      [this.args, "args"],
      [this.sample, "sample"],
    ];
  }

  /** Ask for the functions once they are wanted. */
  private async list(): Promise<void> {
    if (!this.run.open || this.functions.length > 0) return;
    this.functions = await this.model.functions(this.name);
    this.names.replaceChildren(
      ...this.functions.map(({ name }) => {
        const option = element("option", "", name) as HTMLOptionElement;
        option.value = name;
        return option;
      }),
    );
    this.describe();
  }

  private describe(): void {
    const found = this.functions.find(({ name }) => name === this.names.value);
    this.summary.textContent = found ? `${found.summary}${found.needsSample ? " Needs a sample." : ""}` : "";
  }
}

function details(title: string, body: HTMLElement): HTMLDetailsElement {
  return element("details", "athena-Controls", element("summary", "", title), body) as HTMLDetailsElement;
}

/** Nothing leaves the page: what is submitted is done by `press`, and not twice at a time. */
function form(press: () => Promise<void>, ...children: HTMLElement[]): HTMLFormElement {
  const node = element("form", "", ...children) as HTMLFormElement;
  node.noValidate = true; // the server says what is wrong, and what to do
  let busy = false;
  node.onsubmit = async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    await press();
    busy = false;
  };
  return node;
}

function input(type: string, name: string): HTMLInputElement {
  const node = element("input", "jp-mod-styled") as HTMLInputElement;
  node.type = type;
  if (type === "number") node.step = "any";
  node.setAttribute("aria-label", name);
  return node;
}

function label(text: string, field: HTMLElement): HTMLElement {
  return element("label", "", text, field);
}

function said(): HTMLElement {
  const node = paragraph("");
  node.setAttribute("role", "status");
  return node;
}

function submit(text: string, key: string): HTMLButtonElement {
  const node = element("button", "jp-mod-styled jp-mod-minimal", text) as HTMLButtonElement;
  node.type = "submit";
  node.setAttribute("data-athena-key", key);
  return node;
}
