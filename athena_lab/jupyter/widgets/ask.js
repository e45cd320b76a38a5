/**
 * The page's side of AskCell: numbered batches of text in, one DOM write per frame out.
 * `initialize` and `render` get different model objects, so the stream is shared by the cell's id.
 */

/** The text of one run, put together from numbered batches and snapshots. Pure: no DOM, no model. */
export class TextStream {
  #decoder = new TextDecoder();
  #seq = 0;
  #waiting = false;

  constructor(run) {
    this.run = run;
    this.text = "";
  }

  /** Returns what to do: `append` this piece, `ignore`, or `resync` because a batch was missed. */
  batch(run, seq, bytes) {
    if (run !== this.run || seq <= this.#seq || this.#waiting) return { action: "ignore" };
    if (seq !== this.#seq + 1) {
      this.#waiting = true;
      return { action: "resync" };
    }
    this.#seq = seq;
    const piece = this.#decoder.decode(bytes);
    this.text += piece;
    return { action: "append", piece };
  }

  /** All text so far; replaces what is here unless it is older. Also what takes back text that is no part of the answer. */
  snapshot(run, seq, bytes) {
    this.#waiting = false;
    if (run !== this.run || seq < this.#seq) return { action: "ignore" };
    this.#seq = seq;
    this.text = this.#decoder.decode(bytes);
    return { action: "replace", piece: this.text };
  }
}

/** Gathers pieces and writes them once a frame; `schedule` is requestAnimationFrame. */
export class FrameWriter {
  #pending = "";
  #replacing = false;
  #scheduled = false;

  constructor(write, schedule) {
    this.write = write;
    this.schedule = schedule;
  }

  append(piece) {
    this.#pending += piece;
    this.#later();
  }

  replace(text) {
    this.#pending = text;
    this.#replacing = true;
    this.#later();
  }

  #later() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.schedule(() => {
      this.#scheduled = false;
      this.write(this.#pending, this.#replacing);
      this.#pending = "";
      this.#replacing = false;
    });
  }
}

/** Ctrl+Enter, or Cmd+Enter on a Mac. */
export function asks(event) {
  return event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing;
}

/** `4.2 s`, `1 min 05 s`. */
export function elapsed(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** Text in which nothing hides, as in the finished answer: control and bidirectional characters become `\\u202e`. */
export function visible(text) {
  return text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} \n\t]/gu, (character) => {
    const code = character.codePointAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

/** The finding's element that a link of ours points to. JupyterLab renames ids in untrusted notebooks. */
export function findingElement(root, href) {
  if (!href.startsWith("#athena-")) return null;
  const id = CSS.escape(href.slice(1));
  return root.querySelector(`[id="${id}"], [data-jupyter-id="${id}"]`);
}

/** The stream that all views of a cell share. */
class Cell extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    // JupyterLab forgets with the page which output an update is for, so the answer's own output stays as it was saved.
    this.restored = model.get("mirrored");
    this.stream = new TextStream(model.get("run_id"));
    this.onMessage = (content, buffers) => this.receive(content, buffers);
    this.onRun = () => this.begin();
    model.on("msg:custom", this.onMessage);
    model.on("change:run_id", this.onRun);
  }

  begin() {
    this.stream = new TextStream(this.model.get("run_id"));
    this.tell({ action: "replace", piece: "" });
  }

  receive(content, buffers) {
    if (content.kind !== "batch" && content.kind !== "snapshot") return;
    const step = this.stream[content.kind](content.run, content.seq, buffers[0]);
    if (step.action === "resync") this.resync();
    else this.tell(step);
  }

  resync() {
    this.model.send({ kind: "resync", run: this.model.get("run_id") });
  }

  tell(step) {
    this.dispatchEvent(new CustomEvent("step", { detail: step }));
  }

  dispose() {
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:run_id", this.onRun);
  }
}

const cells = new Map();

function cellOf(model) {
  const id = model.get("cell_id");
  if (!cells.has(id)) cells.set(id, new Cell(model));
  return cells.get(id);
}

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function buildView(model) {
  const question = element("textarea", { rows: 2, placeholder: "Ask about the findings" });
  question.setAttribute("aria-label", "Question");
  question.value = model.get("question");
  const ask = element("button", { type: "button", textContent: "Ask", title: "Ctrl+Enter", className: "athena-primary" });
  const stop = element("button", { type: "button", textContent: "Stop" });
  const summary = element("button", { type: "button", textContent: "Summary without AI" });
  const collect = element("button", { type: "button", textContent: "Ask for the answer" });
  const status = element("span", { className: "athena-status" });
  status.setAttribute("role", "status");
  const clock = element("span", { className: "athena-clock" });
  const log = element("pre", { className: "athena-log", tabIndex: 0 });
  log.setAttribute("role", "log");
  log.setAttribute("aria-live", "off");
  log.setAttribute("aria-label", "Answer");
  const looks = element("div", { className: "athena-live" });
  const answer = element("div", { className: "athena-final" });
  const bar = element("div", { className: "athena-bar" }, ask, stop, summary, collect, status, clock);
  const root = element("div", { className: "athena-ask" }, question, bar, looks, log, answer);
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  return { root, question, ask, stop, summary, collect, status, clock, log, looks, answer };
}

function statusText(model) {
  const who = [model.get("provider") || "first available provider", model.get("model")].filter(Boolean).join(" / ");
  const about = model.get("subject") ? `about ${model.get("subject")}` : "without a report";
  const note = model.get("note") ? `. ${visible(model.get("note"))}` : "";
  return `${model.get("running") ? "Answering: " : ""}${who}, ${about}${note}`;
}

function followCitation(view, event) {
  const link = event.target.closest?.('a[href^="#athena-"]');
  if (!link) return;
  event.preventDefault();
  const finding = findingElement(document, link.getAttribute("href"));
  if (!finding) {
    view.status.textContent = "The report is not on this page: run the cell that shows it.";
    return;
  }
  finding.scrollIntoView({ block: "center" });
  finding.classList.add("athena-cited");
  setTimeout(() => finding.classList.remove("athena-cited"), 2000);
}

function wire(view, model, cell, signal) {
  const on = (node, type, listener) => node.addEventListener(type, listener, { signal });
  const ask = () => model.send({ kind: "ask", question: view.question.value });
  on(view.ask, "click", ask);
  on(view.stop, "click", () => model.send({ kind: "stop" }));
  on(view.summary, "click", () => model.send({ kind: "summary" }));
  on(view.collect, "click", () => model.send({ kind: "collect" }));
  on(view.answer, "click", (event) => followCitation(view, event));
  on(view.question, "keydown", (event) => {
    event.stopPropagation();
    if (!asks(event) || model.get("running")) return;
    event.preventDefault();
    ask();
  });
  const writer = new FrameWriter((text, replacing) => writeLog(view.log, text, replacing), (frame) => requestAnimationFrame(frame));
  on(cell, "step", ({ detail }) => {
    if (detail.action === "append") writer.append(detail.piece);
    if (detail.action === "replace") writer.replace(detail.piece);
  });
}

function writeLog(log, written, replacing) {
  const text = visible(written);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  if (replacing || !log.firstChild) log.textContent = text;
  else log.firstChild.appendData(text);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/** Whether the saved output shows the same answer. */
function standsInDocument(answer) {
  const others = [...document.querySelectorAll(".athena-answer")].filter((other) => !answer.contains(other));
  return others.some((other) => other.textContent === answer.textContent);
}

/** Shows the state; returns a function that stops the clock. */
function stateShower(view, model, cell) {
  let began = 0;
  let timer = 0;
  let shownLooks = "";
  const tick = () => {
    view.clock.textContent = elapsed(performance.now() - began);
  };
  const show = () => {
    const running = model.get("running");
    view.ask.disabled = view.summary.disabled = running;
    view.stop.hidden = !running;
    view.summary.hidden = !model.get("subject");
    const job = model.get("job");
    view.collect.hidden = running || !job;
    view.collect.title = `The question was kept as job ${job}`;
    view.status.textContent = statusText(model);
    view.log.hidden = !running;
    // Rendered and escaped in the kernel: see looks.py.
    const looks = running ? model.get("looks_html") : "";
    if (looks !== shownLooks) {
      const open = [...view.looks.querySelectorAll("details")].map((details) => details.open);
      view.looks.innerHTML = shownLooks = looks;
      view.looks.querySelectorAll("details").forEach((details, number) => {
        details.open = open[number] ?? false;
      });
    }
    view.looks.hidden = !looks;
    const elsewhere = model.get("mirrored") && !cell.restored;
    // Rendered and sanitised in the kernel: see markdown.py.
    view.answer.innerHTML = running || elsewhere ? "" : model.get("answer_html");
    if (cell.restored && standsInDocument(view.answer)) view.answer.replaceChildren();
    if (running && !timer) {
      began = performance.now();
      timer = setInterval(tick, 200);
    } else if (!running && timer) {
      clearInterval(timer);
      timer = 0;
      tick();
    }
  };
  return { show, stop: () => clearInterval(timer) };
}

const SHOWN = ["running", "provider", "model", "note", "looks_html", "answer_html", "job", "mirrored"].map((name) => `change:${name}`).join(" ");

export default {
  initialize({ model }) {
    const cell = cellOf(model);
    return () => {
      cell.dispose();
      cells.delete(model.get("cell_id"));
    };
  },

  render({ model, el }) {
    const cell = cellOf(model);
    const view = buildView(model);
    const cleaner = new AbortController();
    wire(view, model, cell, cleaner.signal);
    const state = stateShower(view, model, cell);
    const showQuestion = () => {
      view.question.value = model.get("question");
    };
    model.on(SHOWN, state.show);
    model.on("change:question", showQuestion);
    state.show();
    if (model.get("running")) cell.resync();
    el.append(view.root);
    return () => {
      cleaner.abort();
      state.stop();
      model.off(SHOWN, state.show);
      model.off("change:question", showQuestion);
    };
  },
};
