/** The few pieces that the panel is made of. Text becomes text nodes: nothing here is ever parsed as HTML. */

import type { Light } from "./words";

export type Child = Node | string;

export function row(colour: Light, name: string, state: string, detail: string, ...more: Child[]): HTMLElement {
  const head = element("div", "athena-Row-head", lamp(colour), element("b", "", name), element("span", "", state));
  return element("div", "athena-Row", head, ...more, ...(detail ? [paragraph(detail)] : []));
}

/** Colour alone says nothing to many: the state stands beside it in words. */
export function lamp(colour: Light): HTMLElement {
  const node = element("span", `athena-Lamp athena-mod-${colour}`);
  node.setAttribute("aria-hidden", "true");
  return node;
}

export function alert(text: string): HTMLElement {
  const node = element("p", "athena-Failure", text);
  node.setAttribute("role", "alert");
  return node;
}

/** `key` finds the button again when the panel is drawn anew. It can be pressed once until then. */
export function button(label: string, title: string, key: string, press: () => Promise<void>): HTMLButtonElement {
  const node = element("button", "jp-mod-styled jp-mod-minimal", label) as HTMLButtonElement;
  node.type = "button";
  node.title = title;
  node.setAttribute("data-athena-key", key);
  node.onclick = () => {
    node.onclick = null;
    void press();
  };
  return node;
}

export function paragraph(text: string): HTMLElement {
  return element("p", "", text);
}

export function element(tag: string, className: string, ...children: Child[]): HTMLElement {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}
