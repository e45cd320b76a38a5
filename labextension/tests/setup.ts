// jsdom has no drag and drop; @lumino/widgets names the event when it is loaded.
if (!("DragEvent" in globalThis)) {
  Object.assign(globalThis, { DragEvent: class extends MouseEvent {} });
}
