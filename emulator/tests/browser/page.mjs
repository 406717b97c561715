// What people see and do on the page of the emulator.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { chromium } from "playwright-core";
import { start, stopAll } from "./emulators.mjs";

const WAIT = 20_000;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
let passed = 0;
let failed = 0;

/** Opens the page, all of which is seen. Whatever goes wrong in it, or goes elsewhere, is noted. */
async function open(emulator, { fragment = "", ...options } = {}) {
  const page = await browser.newPage({ viewport: { width: 1300, height: 3000 }, ...options });
  page.setDefaultTimeout(WAIT);
  page.wrong = [];
  page.on("pageerror", (error) => page.wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.wrong.push(message.text()));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(emulator.url) && !url.startsWith("data:")) page.wrong.push(`it asks for ${url}`);
  });
  await page.goto(`${emulator.page.split("#")[0]}${fragment}`);
  return page;
}

async function check(name, act) {
  const begin = performance.now();
  try {
    await act();
    passed += 1;
    console.log(`ok ${name} (${Math.round(performance.now() - begin)} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}

/** Waits until a text is as expected. */
async function shows(locator, expected) {
  const begin = performance.now();
  let text;
  do {
    text = (await locator.allInnerTexts()).join("\n");
    if (expected instanceof RegExp ? expected.test(text) : text.includes(expected)) return;
    await new Promise((done) => setTimeout(done, 50));
  } while (performance.now() - begin < WAIT);
  assert.fail(`${locator} does not show ${expected}, but: ${text}`);
}

const row = (page, rows, id) => page.locator(`#${rows} tr`, { has: page.locator("th", { hasText: id }) });
const action = (page, list, label) => page.locator(`#${list} li`, { has: page.getByRole("button", { name: label, exact: true }) });
const press = (page, list, label) => action(page, list, label).getByRole("button", { name: label, exact: true }).click();

/** Runs the command line beside a button. */
async function runBeside(page, list, label) {
  const line = await action(page, list, label).locator("code").innerText();
  return execFileSync("sh", ["-c", line.replace("curl ", "curl --silent --show-error --fail ")], { encoding: "utf8" });
}

/** A job that ends: a node runs the release task, another is preparing, and a task waits. */
async function addFilm(emulator) {
  await emulator.addJob("film", {
    jobPreparationTask: { commandLine: "sleep 10" },
    jobReleaseTask: { commandLine: "sleep 20" },
  });
  await emulator.addTasks("film", ["frame-1", "frame-2", "frame-3"], "sleep 600");
}

await check("a job's whole life appears", async () => {
  const emulator = await start("--no-auth", "--frozen");
  const page = await open(emulator);
  await shows(page.locator("#jobs-empty"), "There is no such job.");
  await addFilm(emulator);
  await shows(row(page, "jobs-rows", "film"), "3 active");
  await shows(page.locator("#job-title"), /Job film\s+active/);
  await shows(page.locator("#timeline"), "job film");

  await press(page, "clock-actions", "Step to the next event");
  await shows(row(page, "tasks-rows", "frame-1"), "preparing");
  await shows(page.locator("#timeline"), "preparation on");
  await page.locator("#tasks-rows a", { hasText: "frame-3" }).click();
  await shows(page.locator("#task-reasons"), /free slots|node/);
  await press(page, "clock-actions", "Advance 10 s");
  await press(page, "clock-actions", "Advance 10 s");
  await shows(row(page, "tasks-rows", "frame-1"), "running");
  await shows(page.locator("#job-reasons"), "onAllTasksComplete");

  await press(page, "job-actions", "Terminate");
  await shows(page.locator("#job-title"), /Job film\s+terminating/);
  await press(page, "clock-actions", "Step to the next event");
  await shows(page.locator("#job-reasons"), "waiting for the release task on node tvmps_");
  await press(page, "job-actions", "Terminate, forced");
  await shows(page.locator("#job-reasons"), /forced end in (1 min|\d+ s)/);
  await shows(row(page, "tasks-rows", "frame-1"), "Task Was Ended by User Request");
  await shows(row(page, "tasks-rows", "frame-3"), "active for ever");
  await shows(page.locator("#timeline"), "release on");

  await press(page, "clock-actions", "Advance 1 min");
  await shows(page.locator("#job-title"), /Job film\s+completed/);
  await shows(page.locator("#timeline"), "active for ever");
  await shows(page.locator("#effects-rows"), "job film: completed");
  assert.equal(await page.locator("#job-reasons").isVisible(), false);
  await press(page, "job-actions", "Delete");
  await press(page, "clock-actions", "Advance 10 s");
  await shows(page.locator("#job-title"), "There is no job film");
  assert.deepEqual(page.wrong.filter((text) => !text.includes("404")), []);
});

await check("each fault of a node has a button, and a command line that does the same", async () => {
  const emulator = await start("--no-auth", "--frozen", "--pool", "pool-1:6:1");
  const page = await open(emulator);
  await page.locator("#nodes-rows tr").nth(5).waitFor();
  const ids = await page.locator("#nodes-rows th button").evaluateAll((buttons) => buttons.map((button) => button.title));
  const states = ["unknown", "preempted", "idle", null];
  for (const [index, label] of ["Node lost", "Node preempted", "Node rebooted", "Node removed"].entries()) {
    await page.locator(`#nodes-rows th button[title="${ids[index]}"]`).click();
    await shows(page.locator("#node-title"), ids[index]);
    await press(page, "node-actions", label);
    const node = row(page, "nodes-rows", ids[index].slice(-6));
    if (states[index] === null) {
      await node.waitFor({ state: "detached" });
      await emulator.call("GET", `/pools/pool-1/nodes/${ids[index]}`, null, 404);
    } else {
      await shows(node, states[index]);
      assert.equal((await emulator.call("GET", `/pools/pool-1/nodes/${ids[index]}`)).state, states[index]);
    }
  }
  // The lost one returns, once by the button and once by the command line.
  for (const how of [press, runBeside]) {
    await page.locator(`#nodes-rows th button[title="${ids[0]}"]`).click();
    await shows(page.locator("#node-title"), ids[0]);
    await runBeside(page, "node-actions", "Node lost");
    await shows(row(page, "nodes-rows", ids[0].slice(-6)), "unknown");
    await how(page, "node-actions", "Node returned");
    await shows(row(page, "nodes-rows", ids[0].slice(-6)), "idle");
  }
  assert.deepEqual(page.wrong, []);
});

await check("the next requests are refused, and shown by their client request id", async () => {
  const emulator = await start("--no-auth");
  const page = await open(emulator);
  await page.locator("#fault-count").fill("3");
  await page.locator("#fault-path").fill("/jobs*");
  await page.locator("#fault-code").fill("TooManyRequests");
  await press(page, "fault-actions", "Answer like this");
  await shows(page.locator("#faults-rows"), "the next 3 requests by any method to /jobs*: TooManyRequests");
  for (let request = 0; request < 2; request += 1) {
    const headers = { "client-request-id": "retry-1" };
    assert.equal((await fetch(`${emulator.url}/jobs?api-version=2024-07-01.20.0`, { headers })).status, 429);
  }
  await shows(page.locator("#requests-table"), "2 requests with client-request-id retry-1");
  await shows(page.locator("#requests-table"), "TooManyRequests");
  await shows(page.locator("#faults-rows"), "the next 1 request by");
  await press(page, "fault-actions", "Remove all faults");
  await shows(page.locator("#faults-empty"), "There are none.");
  await page.locator("#fault-delay").fill("0.5");
  await page.locator("#fault-code").fill("");
  await runBeside(page, "fault-actions", "Answer like this");
  const begin = performance.now();
  await emulator.call("GET", "/jobs");
  assert.ok(performance.now() - begin >= 480);
  await page.locator("#fault-code").fill("NoSuchCode");
  await press(page, "fault-actions", "Answer like this");
  await shows(page.locator("#result"), "NoSuchCode is no error code");
  assert.deepEqual(page.wrong.filter((text) => !text.includes("422")), []);
});

await check("the clock runs, stops and changes its speed", async () => {
  const emulator = await start("--no-auth");
  const page = await open(emulator);
  await shows(page.locator("#speed"), "× 1");
  await page.locator("#clock-stop").click();
  await shows(page.locator("#speed"), "stopped");
  await shows(page.locator("#result"), "Stop the clock: done");
  const stopped = await page.locator("#now").innerText();
  await page.waitForTimeout(1_200);
  assert.equal(await page.locator("#now").innerText(), stopped);
  await press(page, "clock-actions", "Speed × 100");
  await shows(page.locator("#speed"), "× 100");
  await page.waitForFunction((before) => document.querySelector("#now").innerText > before, stopped);
  assert.deepEqual(page.wrong, []);
});

await check("what is due next is always ahead", async () => {
  const emulator = await start("--no-auth");
  const page = await open(emulator);
  await shows(page.locator("#clock-next"), "Nothing is due.");
  await emulator.addJob("film"); // The service looks at it a moment later, and has nothing to do.
  await shows(row(page, "jobs-rows", "film"), "active");
  await page.waitForTimeout(1_500);
  await shows(page.locator("#clock-next"), "Nothing is due.");
  assert.deepEqual(page.wrong, []);
});

await check("an emulator that is started anew is shown anew", async () => {
  const first = await start("--no-auth", "--frozen");
  const page = await open(first);
  await fetch(`${first.url}/of-the-first`);
  await shows(page.locator("#requests-table"), "GET /of-the-first");
  first.stop();
  await shows(page.locator("#connection"), "not connected");
  const loaded = page.waitForEvent("load");
  const second = await start("--no-auth", "--frozen", "--account", "other", "--listen", new URL(first.url).host);
  await loaded;
  await fetch(`${second.url}/of-the-second`);
  await shows(page.locator("#account"), "other");
  await shows(page.locator("#requests-table"), "GET /of-the-second");
  assert.doesNotMatch(await page.locator("#requests-table").innerText(), /of-the-first/);
});

await check("a command line is copied, or selected where a browser does not let it be copied", async () => {
  const emulator = await start("--no-auth", "--frozen");
  const page = await open(emulator);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const step = action(page, "clock-actions", "Step to the next event");
  const line = await step.locator("code").innerText();
  await step.locator(".copy").click();
  await shows(page.locator("#result"), `Copied: ${line}`);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), line);
  await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined })); // As over plain http.
  await step.locator(".copy").click();
  await shows(page.locator("#result"), `Selected, ready to be copied: ${line}`);
  assert.equal(await page.evaluate(() => getSelection().toString()), line);
  assert.deepEqual(page.wrong, []);
});

await check("the token is asked for once, and is in the command lines", async () => {
  const emulator = await start();
  assert.ok(emulator.page.endsWith(`#token=${emulator.token}`), emulator.page);
  const page = await open(emulator);
  for (const token of ["wrong", emulator.token]) {
    await page.getByRole("textbox", { name: "Token" }).fill(token);
    assert.equal(await page.locator("#ask-again").isVisible(), token !== "wrong");
    await page.getByRole("button", { name: "Use it" }).click();
    if (token === "wrong") await page.locator("#ask-again").waitFor();
  }
  await shows(page.locator("#connection"), "live");
  assert.match(await runBeside(page, "clock-actions", "Stop the clock"), /"speed":0/);
  await shows(page.locator("#speed"), "stopped");
  await page.reload();
  await shows(page.locator("#connection"), "live");
  assert.equal(await page.locator("#ask").isVisible(), false);
  assert.deepEqual(page.wrong.filter((text) => !text.includes("401")), []);

  const linked = await open(emulator, { fragment: `#token=${emulator.token}` });
  await shows(linked.locator("#connection"), "live");
  assert.ok(!linked.url().includes(emulator.token), linked.url());
  assert.deepEqual(linked.wrong, []);

  // One of the user's own can have any visible characters.
  const own = await start("--no-auth", "--control-token", "a+b/c=&%'");
  const ownPage = await open(own, { fragment: new URL(own.page).hash });
  await shows(ownPage.locator("#connection"), "live");
  assert.match(await runBeside(ownPage, "clock-actions", "Stop the clock"), /"speed":0/);
  assert.deepEqual(ownPage.wrong, []);
});

await check("it works over https, and the command lines trust the certificate", async () => {
  const emulator = await start("--no-auth", "--https", mkdtempSync(`${tmpdir()}/azbatch-page-`));
  const page = await open(emulator, { ignoreHTTPSErrors: true });
  await shows(page.locator("#connection"), "live");
  assert.match(await runBeside(page, "clock-actions", "Stop the clock"), /"speed":0/);
  await shows(page.locator("#speed"), "stopped");
  assert.deepEqual(page.wrong, []);
});

await check("texts of users stay texts", async () => {
  const emulator = await start("--no-auth", "--frozen");
  const evil = "<img src=x onerror=\"document.title='evil'\"><script>document.title='evil'</script>";
  await emulator.addJob("film");
  await emulator.addTasks("film", ["frame"], evil);
  await emulator.call("POST", "/jobs/film/terminate", { terminateReason: evil });
  await fetch(`${emulator.url}/jobs/%FF%zz`);
  await fetch(`${emulator.url}/jobs/${encodeURIComponent(evil)}`, { headers: { "client-request-id": evil } });
  const page = await open(emulator, { fragment: "#job=film&task=frame" });
  await shows(page.locator("#job-facts"), evil);
  await shows(page.locator("#task-facts"), evil);
  await shows(page.locator("#requests-table"), evil);
  await shows(page.locator("#requests-table"), "GET /jobs/%FF%zz");
  assert.equal(await page.locator("img, main script").count(), 0);
  assert.equal(await page.title(), "azbatch emulator");
  assert.deepEqual(page.wrong, []);
});

await check("an emulator that has ended is left alone", async () => {
  const emulator = await start("--no-auth");
  const page = await open(emulator);
  await shows(page.locator("#connection"), "live");
  emulator.stop();
  await shows(page.locator("#connection"), "not connected");
  let requests = 0;
  page.on("request", () => (requests += 1));
  await page.waitForTimeout(3_000);
  assert.ok(requests >= 1 && requests <= 4, `${requests} requests`);
});

await check("the keyboard is enough, and the focus stays", async () => {
  const emulator = await start("--no-auth", "--frozen");
  for (const id of ["film", "song"]) await emulator.addJob(id);
  const page = await open(emulator);
  await row(page, "jobs-rows", "song").waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the chosen job");
  for (let tabs = 0; tabs < 20 && (await focused()) !== "song"; tabs += 1) await page.keyboard.press("Tab");
  assert.equal(await focused(), "song");
  await page.keyboard.press("Enter");
  await shows(page.locator("#job-title"), "Job song");
  await emulator.addJob("after-film");
  await row(page, "jobs-rows", "after-film").waitFor();
  assert.equal(await focused(), "song");
  const nameless = await page.locator("button, a, input, select").evaluateAll((all) => all
    .filter((item) => !item.textContent.trim() && !item.ariaLabel && !item.labels?.length).map((item) => item.outerHTML));
  assert.deepEqual(nameless, []);
  assert.deepEqual(page.wrong, []);
});

await check("it is readable on a phone, in the light and in the dark", async () => {
  const emulator = await start("--no-auth", "--frozen");
  await addFilm(emulator);
  await emulator.control("clock", { seconds: 12 });
  await emulator.control("jobs/film/terminate?force=true");
  await emulator.control("clock", { seconds: 1 }); // Nodes take a moment to stop what runs there.
  const [node] = (await emulator.call("GET", "/pools/pool-1/nodes")).value;
  await emulator.control(`nodes/${node.id}/lost`);
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(emulator, { viewport: { width: 360, height: 740 }, colorScheme, fragment: "#job=film&task=frame-3" });
    await shows(page.locator("#timeline"), "release on");
    for (const section of ["job", "nodes", "requests", "effects", "faults", "clock"]) {
      await page.locator(`#${section}`).scrollIntoViewIfNeeded();
      await page.waitForTimeout(400);
      const wide = await page.evaluate(() => [...document.querySelectorAll("body *")]
        .filter((item) => item.getBoundingClientRect().right > innerWidth && !item.closest("svg"))
        .map((item) => item.outerHTML.slice(0, 100)));
      assert.deepEqual(wide, [], section);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, section);
    }
    const colours = await page.evaluate(() => {
      const light = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
      const style = getComputedStyle(document.body);
      return [light(style.backgroundColor), light(style.color)];
    });
    assert.ok(colorScheme === "light" ? colours[0] > 600 && colours[1] < 200 : colours[0] < 150 && colours[1] > 600, colours);
    assert.deepEqual(page.wrong, []);
    await page.close();
  }
});

await check("a thousand jobs and ten thousand tasks do not freeze it", async () => {
  const emulator = await start("--no-auth", "--pool", "pool-1:100:4", "--speed", "20");
  for (let job = 0; job < 1_000; job += 1) await emulator.addJob(`job-${String(job).padStart(4, "0")}`);
  const ids = Array.from({ length: 10_000 }, (_, task) => `task-${String(task).padStart(5, "0")}`);
  await emulator.addTasks("job-0500", ids, "sleep 60");
  const page = await open(emulator, { fragment: "#job=job-0500" });
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const frame = () => {
      window.longest = Math.max(window.longest, performance.now() - last);
      last = performance.now();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await shows(page.locator("#job-facts"), /[\d,]+ active, 400 running/);
  await shows(row(page, "tasks-rows", "task-00000"), /running|completed/);
  // 400 tasks start and end every three seconds, and meanwhile people read.
  await page.getByRole("button", { name: "Tasks: next page" }).click();
  await row(page, "tasks-rows", "task-00039").waitFor();
  await page.getByRole("button", { name: "Jobs: next page" }).click();
  await row(page, "jobs-rows", "job-0039").waitFor();
  await page.locator("#jobs-find").fill("99");
  await row(page, "jobs-rows", "job-0999").waitFor();
  await page.waitForTimeout(3_000);
  const [longest, elements] = await page.evaluate(() => [window.longest, document.querySelectorAll("*").length]);
  console.log(`   longest frame ${Math.round(longest)} ms, ${elements} elements`);
  assert.ok(longest < 1_000, `${longest} ms between two frames`);
  assert.ok(elements < 4_000, `${elements} elements`);
  const lanes = await page.locator("#timeline svg > text").count();
  assert.ok(lanes < 120, `${lanes} texts in the timeline`);
  assert.deepEqual(page.wrong, []);
});

if (process.env.SCREENSHOT) {
  const emulator = await start("--no-auth", "--frozen");
  await addFilm(emulator);
  await emulator.addJob("song", { onAllTasksComplete: "terminatejob" });
  for (let second = 0; second < 30; second += 1) await emulator.control("clock", { seconds: 1 });
  await emulator.call("POST", "/jobs/film/terminate?force=true", { terminateReason: "cut" });
  await emulator.control("clock", { seconds: 18 });
  const page = await open(emulator, { fragment: "#job=film&task=frame-3", viewport: { width: 1200, height: 720 } });
  await shows(page.locator("#task-reasons"), "never runs");
  await page.screenshot({ path: process.env.SCREENSHOT });
}

await browser.close();
stopAll();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
