/** The status bar's item: a lamp and a few words; a click opens the panel. */

import { Widget } from "@lumino/widgets";
import type { AthenaModel } from "./model";
import { element, lamp } from "./parts";
import { summarise } from "./words";

export class AthenaStatus extends Widget {
  private readonly button = document.createElement("button");

  constructor(
    private readonly model: AthenaModel,
    open: () => void,
  ) {
    super();
    this.addClass("athena-Status");
    this.button.type = "button";
    this.button.onclick = open;
    this.node.append(this.button);
    model.changed.connect(this.update, this);
    this.update();
  }

  protected override onUpdateRequest(): void {
    const { value, error } = this.model.health;
    const summary = summarise(value, error);
    this.button.title = summary.title;
    this.button.replaceChildren(lamp(summary.light), element("span", "", summary.text));
  }
}
