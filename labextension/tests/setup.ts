// jsdom has no drag and drop; @lumino/widgets names the event when it is loaded.
if (!("DragEvent" in globalThis)) {
  Object.assign(globalThis, { DragEvent: class extends MouseEvent {} });
}

// Nor has it CSS.escape, which browsers have.
globalThis.CSS ??= { escape: (text: string) => text.replace(/[^\w-]/g, "\\$&") } as typeof CSS;
