/** Checks at run time that an answer has the shape that its type says: small readers, put together. */

export type Reader<T> = (value: unknown, path: string) => T;

/** The answer is not what the contract says. */
export class ShapeError extends Error {
  constructor(path: string, expected: string) {
    super(`${path} is not ${expected}`);
    this.name = "ShapeError";
  }
}

export const text: Reader<string> = (value, path) => {
  if (typeof value !== "string") throw new ShapeError(path, "a text");
  return value;
};

/** A module's own, which is only shown. */
export const anything: Reader<unknown> = (value) => value;

export const number: Reader<number> = (value, path) => {
  if (typeof value !== "number") throw new ShapeError(path, "a number");
  return value;
};

export const flag: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new ShapeError(path, "true or false");
  return value;
};

/** Absent and null are the same to us: msgspec sends one or the other. */
export function optional<T>(read: Reader<T>): Reader<T | null> {
  return (value, path) => (value === undefined || value === null ? null : read(value, path));
}

export function oneOf<const T extends string>(...allowed: T[]): Reader<T> {
  return (value, path) => {
    const found = allowed.find((item) => item === value);
    if (found === undefined) throw new ShapeError(path, `one of ${allowed.join(", ")}`);
    return found;
  };
}

export function list<T>(read: Reader<T>): Reader<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ShapeError(path, "a list");
    return value.map((item, index) => read(item, `${path}[${index}]`));
  };
}

export function map<T>(read: Reader<T>): Reader<Map<string, T>> {
  return (value, path) =>
    new Map(Object.entries(object(value, path)).map(([key, item]) => [key, read(item, `${path}.${key}`)]));
}

/** An object with at least these fields; more are ignored, so that a newer server may say more. */
export function fields<T extends Record<string, unknown>>(readers: { [K in keyof T]: Reader<T[K]> }): Reader<T> {
  return (value, path) => {
    const source = object(value, path);
    const entries = Object.entries(readers).map(([key, read]) => [key, read(source[key], `${path}.${key}`)]);
    return Object.fromEntries(entries) as T;
  };
}

function object(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ShapeError(path, "an object");
  return value as Record<string, unknown>;
}
