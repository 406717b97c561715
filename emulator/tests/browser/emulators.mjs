// Emulators on free ports, and requests to them.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const VERSION = "api-version=2024-07-01.20.0";
const started = [];

/** Starts an emulator, on a free port unless it is told which; its address and token are read from what it prints. */
export async function start(...options) {
  const listen = options.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const process = spawn(globalThis.process.env.EMULATOR, [...listen, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(process);
  const emulator = new Emulator();
  emulator.stop = () => process.kill();
  for await (const line of createInterface(process.stdout)) {
    const [name, value] = line.split(/ +/);
    if (name === "endpoint") emulator.url = value;
    if (name === "token") emulator.token = value.replace(",", "");
    if (name === "page") {
      emulator.page = value;
      break;
    }
  }
  process.stdout.resume();
  return emulator;
}

export function stopAll() {
  started.forEach((process) => process.kill());
}

class Emulator {
  /** A request to the service, which goes well unless another status is expected. */
  async call(method, path, body, expected) {
    const target = `${this.url}${path}${path.includes("?") ? "&" : "?"}${VERSION}`;
    const headers = body ? { "content-type": "application/json" } : {};
    const answer = await fetch(target, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (expected ? answer.status !== expected : !answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    }
    return text ? JSON.parse(text) : null;
  }

  /** A request to the control interface. */
  async control(path, body) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${this.url}/_azbatch/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) {
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
  }

  addJob(id, more = {}) {
    return this.call("POST", "/jobs", { id, poolInfo: { poolId: "pool-1" }, ...more });
  }

  /** Adds tasks, a hundred at a time. */
  async addTasks(job, ids, commandLine) {
    for (let place = 0; place < ids.length; place += 100) {
      const value = ids.slice(place, place + 100).map((id) => ({ id, commandLine }));
      await this.call("POST", `/jobs/${job}/addtaskcollection`, { value });
    }
  }
}
