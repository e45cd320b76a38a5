import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ServerConnection } from "@jupyterlab/services";
import { afterEach, expect, test } from "vitest";
import { ApiError, AthenaApi } from "../src/api";

let server: Server | undefined;

/** A real server on loopback; `answer` is called for each request. */
async function api(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<AthenaApi> {
  const created = createServer(answer);
  server = created;
  await new Promise<void>((resolve) => created.listen(0, "127.0.0.1", resolve));
  const { port } = created.address() as AddressInfo;
  return new AthenaApi(
    ServerConnection.makeSettings({
      baseUrl: `http://127.0.0.1:${port}/hub/user/ada/`,
      token: "secret",
      fetch,
      Request,
      Headers,
    }),
  );
}

afterEach(async () => {
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  server = undefined;
});

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

const HEALTHY = { status: "healthy", components: { api: { status: "healthy", detail: "up" } } };

test("asks below the base URL and sends the token", async () => {
  const seen: (string | undefined)[] = [];
  const client = await api((request, response) => {
    seen.push(request.method, request.url?.split("?")[0], request.headers.authorization);
    json(response, 200, HEALTHY);
  });
  const health = await client.health();
  expect(seen).toEqual(["GET", "/hub/user/ada/health", "token secret"]);
  expect(health.components.get("api")).toEqual({ status: "healthy", detail: "up" });
});

test("an unhealthy server's 503 is an answer, a problem's 503 is an error", async () => {
  let body: unknown = { ...HEALTHY, status: "unhealthy" };
  const client = await api((_request, response) => json(response, 503, body));
  expect((await client.health()).status).toBe("unhealthy");
  body = { title: "T", status: 503, detail: "Queue full.", code: "queue_full", next_step: "Wait." };
  await expect(client.health()).rejects.toMatchObject({ detail: "Queue full.", nextStep: "Wait.", code: "queue_full" });
});

test("a reload is a POST with the name escaped", async () => {
  let seen = "";
  const client = await api((request, response) => {
    seen = `${request.method} ${request.url?.split("?")[0]}`;
    json(response, 200, { success: true, module: "a/b", previousVersion: null, newVersion: "1.0.0", reloadTime: 0.1 });
  });
  expect(await client.reload("a/b")).toMatchObject({ previousVersion: null, newVersion: "1.0.0", detail: null });
  expect(seen).toBe("POST /hub/user/ada/api/v1/wasm/modules/a%2Fb/reload");
});

test("a breaker is set by its provider's name, with a body of JSON", async () => {
  let seen = "";
  const client = await api((request, response) => {
    request.on("data", (chunk) => {
      seen = `${request.method} ${request.url?.split("?")[0]} ${request.headers["content-type"]} ${chunk}`;
      json(response, 422, { title: "T", status: 422, detail: "No such.", code: "invalid_field", next_step: "See." });
    });
  });
  await expect(client.breaker("a/b", "open")).rejects.toMatchObject({ code: "invalid_field" });
  expect(seen).toBe('POST /hub/user/ada/api/v1/ai/providers/a%2Fb/breaker application/json {"state":"open"}');
});

test.each([
  [404, "<html>", "not_enabled"],
  [500, "<html>", "http"],
  [200, "{", "bad_answer"],
  [200, { status: "splendid", components: {} }, "bad_answer"],
  [200, { status: "healthy", components: { api: null } }, "bad_answer"],
])("status %s with %j is the error %s", async (status, body, code) => {
  const client = await api((_request, response) => json(response, status, body));
  const error = await client.health().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code });
  expect((error as ApiError).nextStep).not.toBe("");
});

test("no server at all is said in words", async () => {
  const client = await api(() => undefined);
  await new Promise((resolve) => server?.close(resolve));
  await expect(client.providers()).rejects.toMatchObject({ code: "unreachable" });
});
