// The page of the emulator. The stream says how much has happened; what is seen is then asked for anew.
"use strict";

const $ = (id) => document.getElementById(id);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// --- elements ------------------------------------------------------------------------------------

/** An element with properties and children. Texts are never read as HTML. */
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name in element) {
      element[name] = value;
    } else {
      element.setAttribute(name, value);
    }
  }
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Shows one child per item. A child stays the same element while its item is there, so that it keeps the focus. */
function sync(parent, items, key, makeChild, update, from = 0) {
  const keys = new Set(items.map((item) => String(key(item))));
  const old = new Map();
  for (const child of [...parent.children].slice(from)) {
    if (keys.has(child.dataset.key)) {
      old.set(child.dataset.key, child);
    } else {
      child.remove();
    }
  }
  let place = parent.children[from] ?? null;
  for (const item of items) {
    let child = old.get(String(key(item)));
    if (!child) {
      child = makeChild(item);
      child.dataset.key = String(key(item));
    }
    update(child, item);
    if (child === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(child, place);
    }
  }
}

function stateBadge() {
  return make("span", { className: "state" });
}

function setState(badge, state) {
  setText(badge, state);
  badge.dataset.state = state;
}

const isNarrow = matchMedia("(max-width: 40rem)");

/** The beginning and the end of an id that is long; all of it shows when it is pointed at. */
function setId(element, id, most) {
  const letters = isNarrow.matches ? Math.min(most, 15) : most;
  element.title = id;
  element.ariaLabel = id;
  setText(element, id.length > letters ? `${id.slice(0, letters - 7)}…${id.slice(-6)}` : id);
}

/** Buttons for the pages of something. `changed` is called with the id after which the page begins. */
class Pager {
  constructor(place, what, changed) {
    this.before = [];
    this.after = null;
    this.next = null;
    this.changed = changed;
    this.place = place;
    this.label = make("span");
    this.back = make("button", { type: "button", textContent: "‹ back", ariaLabel: `${what}: previous page` });
    this.forth = make("button", { type: "button", textContent: "more ›", ariaLabel: `${what}: next page` });
    this.what = what;
    this.back.addEventListener("click", () => this.go(this.before.pop() ?? null));
    this.forth.addEventListener("click", () => {
      this.before.push(this.after);
      this.go(this.next);
    });
  }

  go(after) {
    this.after = after;
    this.changed();
  }

  reset() {
    this.before = [];
    this.after = null;
  }

  show(next) {
    this.next = next ?? null;
    const needed = this.next !== null || this.before.length > 0;
    if (needed !== this.place.childElementCount > 0) {
      this.place.replaceChildren(...(needed ? [this.back, this.label, this.forth] : []));
    }
    this.back.disabled = this.before.length === 0;
    this.forth.disabled = this.next === null;
    setText(this.label, `${this.what}, page ${this.before.length + 1}`);
  }
}

// --- requests to the emulator --------------------------------------------------------------------

let token = sessionStorage.getItem("azbatch-token") ?? "";
let asking = null;

function headers() {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Asks for the token once, however many requests need it. */
function askForToken() {
  asking ??= new Promise((done) => {
    const dialog = $("ask");
    $("ask-again").hidden = token === "";
    $("ask-token").value = "";
    dialog.addEventListener("close", () => {
      token = $("ask-token").value.trim();
      sessionStorage.setItem("azbatch-token", token);
      asking = null;
      done();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

async function call(path, options = {}) {
  for (;;) {
    const used = token;
    const response = await fetch(path, { cache: "no-store", ...options, headers: { ...options.headers, ...headers() } });
    if (response.status !== 401) {
      return response;
    }
    if (used === token) {
      await askForToken();
    }
  }
}

async function view(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== "" && value !== false);
  const search = new URLSearchParams(given).toString();
  const response = await call(search ? `view/${path}?${search}` : `view/${path}`);
  if (response.status === 404) {
    return null;
  }
  if (!response.ok) {
    throw new Error(`${path}: ${response.status}`);
  }
  return response.json();
}

// --- actions -------------------------------------------------------------------------------------

let about = {};

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The command line that does the same. */
function curlLine({ method, path, body }) {
  const words = ["curl"];
  if (about.certificate) {
    words.push("--cacert", quoted(about.certificate));
  }
  if (token) {
    words.push("-H", quoted(`authorization: Bearer ${token}`));
  }
  if (body) {
    words.push("-H", quoted("content-type: application/json"), "-d", quoted(JSON.stringify(body)));
  }
  if (method !== (body ? "POST" : "GET")) {
    words.push("-X", method);
  }
  words.push(quoted(new URL(path, location.href).href));
  return words.join(" ");
}

async function act({ label, method, path, body }) {
  const options = { method };
  if (body) {
    options.body = JSON.stringify(body);
    options.headers = { "content-type": "application/json" };
  }
  let good = false;
  let text;
  try {
    const response = await call(path, options);
    good = response.ok;
    const explanation = explain(await response.text());
    text = good && !explanation ? "done" : `${response.status} ${explanation}`;
  } catch (error) {
    text = String(error);
  }
  showResult(`${label}: ${text}`, good);
  everythingChanged();
}

let resultGoes;

/** Says for a while what has come of an action, wherever the page is scrolled to. */
function showResult(text, good) {
  clearTimeout(resultGoes);
  $("result").dataset.good = good;
  setText($("result"), text);
  resultGoes = setTimeout(() => setText($("result"), ""), good ? 8_000 : 30_000);
}

/** Copies the text of an element. A browser allows that on a trustworthy site only; elsewhere the text is selected. */
async function copyText(element) {
  const copied = await navigator.clipboard?.writeText(element.textContent).then(() => true, () => false);
  if (!copied) {
    getSelection().selectAllChildren(element);
  }
  showResult(`${copied ? "Copied" : "Selected, ready to be copied"}: ${element.textContent}`, true);
}

/** What an answer says, in short. */
function explain(text) {
  try {
    const answer = JSON.parse(text);
    const message = answer.message?.value?.split("\n")[0];
    return message ? `${answer.code}: ${message}` : "";
  } catch {
    return text.trim();
  }
}

/** A list of buttons, each with its command line. */
function showActions(list, actions) {
  sync(list, actions, (action) => action.label, () => {
    const code = make("code", { tabIndex: 0 });
    const button = make("button", { type: "button" });
    const copy = make("button", { type: "button", className: "copy", textContent: "copy" });
    const item = make("li", {}, button, code, copy);
    button.addEventListener("click", () => act(item.action));
    copy.addEventListener("click", () => copyText(code));
    return item;
  }, (item, action) => {
    item.action = action;
    const [button, code, copy] = item.children;
    setText(button, action.label);
    setText(code, curlLine(action));
    copy.ariaLabel = `Copy the command line of: ${action.label}`;
  });
}

// --- time ----------------------------------------------------------------------------------------

const clock = { shown: Date.now(), at: performance.now(), speed: 0, next: null };

/** Milliseconds of an instant; browsers need not read more than three decimals. */
const instant = (text) => Date.parse(text.replace(/(\.\d{3})\d*Z$/, "$1Z"));
const now = () => clock.shown + (performance.now() - clock.at) * clock.speed;
const timeOfDay = (text, decimals = 0) => new Date(instant(text)).toISOString().slice(11, decimals ? 20 + decimals : 19);

function setTime(element, text, decimals) {
  element.dateTime = text;
  element.title = text;
  setText(element, timeOfDay(text, decimals));
}

/** A time from now, in the two units that matter. */
function span(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]
    .map(([length, unit], index, units) => [Math.floor((index ? seconds % units[index - 1][0] : seconds) / length), unit])
    .filter(([count]) => count > 0)
    .slice(0, 2);
  return parts.map(([count, unit]) => `${count} ${unit}`).join(" ") || "0 s";
}

function showClock() {
  const time = new Date(now()).toISOString();
  $("now").dateTime = time;
  setText($("now"), time.slice(0, 19).replace("T", " "));
  setText($("speed"), clock.speed === 0 ? "stopped" : `× ${clock.speed}`);
  setText($("clock-stop"), clock.speed === 0 ? "run" : "stop");
  setText($("clock-next"), clock.next ? `The next event is due in ${span(instant(clock.next) - now())}.` : "Nothing is due.");
  for (const countdown of document.querySelectorAll("[data-until]")) {
    setText(countdown, `in ${span(instant(countdown.dataset.until) - now())}`);
  }
}

const clockActions = {
  change: (label, body) => ({ label, method: "POST", path: "clock", body }),
  stop: () => clockActions.change(...(clock.speed === 0 ? ["Run the clock", { speed: 1 }] : ["Stop the clock", { speed: 0 }])),
  step: { label: "Step to the next event", method: "POST", path: "clock", body: { to: "next" } },
};

function showClockActions() {
  showActions($("clock-actions"), [
    clockActions.stop(),
    clockActions.step,
    clockActions.change("Advance 10 s", { advance: "PT10S" }),
    clockActions.change("Advance 1 min", { advance: "PT1M" }),
    clockActions.change("Advance 1 h", { advance: "PT1H" }),
    clockActions.change("Speed × 10", { speed: 10 }),
    clockActions.change("Speed × 100", { speed: 100 }),
  ]);
}

// --- panels --------------------------------------------------------------------------------------

/** Whether the stream of changes is open. While it is not, nothing else is asked for. */
let live = false;

/** What is asked for anew when something has changed, but only while it is seen. */
class Panel {
  constructor(id, counters, load) {
    Object.assign(this, { section: $(id), counters, load, changed: true, seen: false, busy: false });
  }

  async refresh() {
    if (!this.changed || !this.seen || this.busy || !live) {
      return;
    }
    this.changed = false;
    this.busy = true;
    try {
      await this.load();
    } catch (error) {
      this.changed = true;
      console.debug(error);
    }
    await pause(250); // So that a busy account does not keep the browser busy.
    this.busy = false;
    this.refresh();
  }

  touch() {
    this.changed = true;
    this.refresh();
  }
}

const panels = {
  jobs: new Panel("jobs", ["effects"], loadJobs),
  job: new Panel("job", ["effects", "controls"], loadJob),
  pools: new Panel("nodes", ["effects"], loadPools),
  requests: new Panel("requests", ["requests"], loadRequests),
  effects: new Panel("effects", ["effects"], loadEffects),
  faults: new Panel("faults", ["controls", "requests"], loadFaults),
  clock: new Panel("clock", ["controls"], async () => showClockActions()),
};

function everythingChanged() {
  Object.values(panels).forEach((panel) => panel.touch());
}

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const panel = Object.values(panels).find((panel) => panel.section === target);
    panel.seen = isIntersecting;
    panel.refresh();
  }
}, { rootMargin: "100px" });

// --- jobs ----------------------------------------------------------------------------------------

const chosen = { job: null, task: null, pool: null, node: null };
const jobsPager = new Pager($("jobs-pager"), "Jobs", () => panels.jobs.touch());

const jobLink = (job) => `#${new URLSearchParams({ job })}`;

function counts(job) {
  const parts = [
    [job.active, job.forEver ? "active for ever" : "active"],
    [job.running, "running"],
    [job.succeeded, "succeeded"],
    [job.failed, "failed"],
  ];
  const given = parts.filter(([count]) => count > 0).map(([count, what]) => `${count.toLocaleString("en")} ${what}`);
  return given.join(", ") || "none";
}

async function loadJobs() {
  const query = { after: jobsPager.after, find: $("jobs-find").value.trim(), state: $("jobs-state").value };
  const { jobs, next } = await view("jobs", query);
  if (chosen.job === null && jobs.length > 0) {
    choose({ job: (jobs.find((job) => job.state !== "completed") ?? jobs[0]).id });
  }
  sync($("jobs-rows"), jobs, (job) => job.id, (job) => {
    const link = make("a", { href: jobLink(job.id), className: "id" });
    setId(link, job.id, 22);
    const reason = make("div", { className: "faint cut" });
    return make("tr", {}, make("th", { scope: "row" }, link), make("td", {}, stateBadge(), reason), make("td"));
  }, (row, job) => {
    const [name, state, tasks] = row.children;
    setState(state.firstChild, job.state);
    setText(state.lastChild, job.reason ?? "");
    state.lastChild.title = job.reason ?? "";
    setText(tasks, counts(job));
    mark(row, name.firstChild, job.id === chosen.job);
  });
  $("jobs-empty").hidden = jobs.length > 0 || next !== null;
  jobsPager.show(next);
}

function mark(row, link, isChosen) {
  row.dataset.chosen = isChosen;
  if (isChosen) {
    link.setAttribute("aria-current", "true");
  } else {
    link.removeAttribute("aria-current");
  }
}

// --- the chosen job ------------------------------------------------------------------------------

const tasksPager = new Pager($("tasks-pager"), "Tasks", () => panels.job.touch());
const jobNodesPager = new Pager($("job-nodes-pager"), "Nodes", () => panels.job.touch());
let drawn = "";
let moves = false;

async function loadJob() {
  const id = chosen.job;
  if (id === null) {
    return;
  }
  const found = await view(`jobs/${encodeURIComponent(id)}`, {
    after: tasksPager.after,
    nodesAfter: jobNodesPager.after,
    state: $("tasks-state").value,
    last: $("timeline-last").value,
    width: Math.round($("timeline").clientWidth || $("job").clientWidth - 32),
  });
  if (id !== chosen.job) {
    return;
  }
  $("job-body").hidden = found === null;
  moves = found !== null && found.job.state !== "completed";
  if (found === null) {
    setText($("job-title"), `There is no job ${id}`);
    return;
  }
  showJob(found);
  showTimeline(found);
  showTasks(found);
  await loadTask();
}

function showJob({ job, reasons }) {
  const title = $("job-title");
  if (title.childElementCount === 0) {
    title.replaceChildren(make("span"), " ", stateBadge());
  }
  setText(title.firstChild, `Job ${job.id}`);
  setState(title.lastChild, job.state);
  const [added, since] = [timeOfDay(job.created), timeOfDay(job.since)];
  const facts = [
    ["pool", job.pool ?? "none yet"],
    ["tasks", counts(job)],
    ["added", added],
    ["reason", job.reason],
    [`${job.state} since`, job.ended || since === added ? null : since],
    ["ended", job.ended && timeOfDay(job.ended)],
    ["priority", job.priority ? String(job.priority) : null],
  ];
  showFacts($("job-facts"), facts);
  const panel = $("job-reasons").parentElement;
  panel.hidden = reasons.length === 0;
  const titles = { terminating: "What it waits for", deleting: "What it waits for", disabling: "What it waits for" };
  setText($("job-reasons-title"), titles[job.state] ?? "Why it has not ended");
  showReasons($("job-reasons"), reasons);
  showJobActions(job.id);
}

function showJobActions(id) {
  const path = `jobs/${encodeURIComponent(id)}`;
  showActions($("job-actions"), [
    { label: "Terminate", method: "POST", path: `${path}/terminate` },
    { label: "Terminate, forced", method: "POST", path: `${path}/terminate?force=true` },
    { label: "Delete", method: "DELETE", path },
    { label: "Delete, forced", method: "DELETE", path: `${path}?force=true` },
  ]);
}

function showFacts(element, facts) {
  const given = facts.filter(([, value]) => value);
  const text = given.map(([name, value]) => `${name} ${value}`).join(" · ");
  if (element.textContent !== text) {
    element.replaceChildren(...given.flatMap(([name, value], index) => [index ? " · " : "", `${name} `, make("b", {}, value)]));
  }
}

function showReasons(list, reasons) {
  sync(list, reasons, (reason) => `${reason.text}, ${reason.until && reason.end}`, (reason) => {
    const item = make("li", {}, make("span", {}, reason.text));
    if (reason.until) {
      item.append(`, ${reason.end} `, make("span", { className: "countdown", ariaLive: "off" }));
    }
    return item;
  }, (item, reason) => {
    if (reason.until) {
      item.lastChild.dataset.until = reason.until;
    }
  });
  showClock();
}

function showTimeline({ job, timeline, nodesNext }) {
  jobNodesPager.show(nodesNext);
  if (timeline === drawn) {
    return;
  }
  drawn = timeline;
  const svg = new DOMParser().parseFromString(timeline, "image/svg+xml").documentElement;
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Timeline of job ${job.id}; the table below says the same`);
  $("timeline").replaceChildren(document.importNode(svg, true));
}

function showTasks({ job, tasks, tasksNext }) {
  tasksPager.show(tasksNext);
  sync($("tasks-rows"), tasks, (task) => task.id, (task) => {
    const link = make("a", { href: `#${new URLSearchParams({ job: job.id, task: task.id })}`, className: "id" });
    setId(link, task.id, 22);
    const cells = [make("td", {}, stateBadge()), make("td", { className: "wide" }, make("time"))];
    cells.push(make("td", { className: "wide id nowrap" }), make("td"));
    return make("tr", {}, make("th", { scope: "row" }, link), ...cells);
  }, (row, task) => {
    const [name, state, since, node, outcome] = row.children;
    setState(state.firstChild, task.state);
    setTime(since.firstChild, task.since);
    setId(node, task.node ?? "", 20);
    const exit = task.exitCode === null ? [] : [`exit code ${task.exitCode}`];
    const retries = task.retries ? [`retried ${several(task.retries, "time")}`] : [];
    const stop = task.stop ? [`being stopped: ${task.stop}`] : [];
    setText(outcome, [...exit, ...(task.failure ? [task.failure] : []), ...retries, ...stop].join(", "));
    mark(row, name.firstChild, task.id === chosen.task);
  });
  $("tasks-empty").hidden = tasks.length > 0 || tasksNext !== null;
}

async function loadTask() {
  const { job, task } = chosen;
  const found = task === null ? null : await view(`jobs/${encodeURIComponent(job)}/tasks/${encodeURIComponent(task)}`);
  if (task !== chosen.task || job !== chosen.job) {
    return;
  }
  $("task").hidden = found === null;
  if (found === null) {
    return;
  }
  setText($("task-title"), `Task ${found.id}: ${found.state}`);
  showFacts($("task-facts"), [["added", timeOfDay(found.created)], ["node", found.node], ["command line", found.commandLine]]);
  showReasons($("task-reasons"), found.reasons);
  const path = `jobs/${encodeURIComponent(job)}/tasks/${encodeURIComponent(task)}`;
  showActions($("task-actions"), [
    { label: "Terminate", method: "POST", path: `${path}/terminate` },
    { label: "Delete", method: "DELETE", path },
  ]);
}

// --- pools and nodes -----------------------------------------------------------------------------

const poolsPager = new Pager($("pools-pager"), "Pools", () => panels.pools.touch());
const nodesPager = new Pager($("nodes-pager"), "Nodes", () => panels.pools.touch());

/** A button that looks like a link in the first cell of a row. */
function chooser(id, letters, chosenNow) {
  const button = make("button", { type: "button", className: "id" });
  setId(button, id, letters);
  button.addEventListener("click", chosenNow);
  return make("th", { scope: "row" }, button);
}

async function loadPools() {
  const query = { after: poolsPager.after, pool: chosen.pool, nodesAfter: nodesPager.after };
  const { pools, poolsNext, pool, nodes, nodesNext } = await view("pools", query);
  sync($("pools-rows"), pools, (pool) => pool.id, ({ id }) => {
    const choosePool = () => {
      chosen.pool = id;
      chosen.node = null;
      nodesPager.reset();
      panels.pools.touch();
    };
    return make("tr", {}, chooser(id, 28, choosePool), make("td", {}, stateBadge()), make("td"));
  }, (row, item) => {
    const [name, state, count] = row.children;
    setState(state.firstChild, item.state === "active" ? item.allocation : item.state);
    const target = item.target === item.nodes ? "" : `, ${item.target} wanted`;
    setText(count, `${item.nodes}${target}; ${several(item.slots, "slot")} each`);
    mark(row, name.firstChild, item.id === pool);
  });
  $("pools-empty").hidden = pools.length > 0;
  poolsPager.show(poolsNext);
  showNodes(nodes, nodesNext);
}

function showNodes(nodes, next) {
  if (!nodes.some((node) => node.id === chosen.node)) {
    chosen.node = nodes[0]?.id ?? null;
  }
  sync($("nodes-rows"), nodes, (node) => node.id, ({ id }) => {
    const chooseNode = () => {
      chosen.node = id;
      panels.pools.touch();
    };
    const cells = [make("td", {}, stateBadge()), make("td", { className: "number wide" }), make("td", {}, make("ul", { className: "plain" }))];
    return make("tr", {}, chooser(id, 22, chooseNode), ...cells);
  }, (row, node) => {
    const [name, state, slots, runs] = row.children;
    setState(state.firstChild, node.state);
    setText(slots, `${node.taken} of ${node.slots}`);
    showRuns(runs.firstChild, node);
    mark(row, name.firstChild, node.id === chosen.node);
  });
  $("nodes-empty").hidden = nodes.length > 0;
  nodesPager.show(next);
  showNodeActions();
}

const several = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

function showRuns(list, node) {
  const here = node.runs.map((run) => ({ ...run, how: "" }));
  const waiting = node.waiting.map((run) => ({ ...run, how: ", not started there" }));
  const undelivered = node.reports || node.instructions
    ? [{ text: `held up: ${several(node.reports, "report")}, ${several(node.instructions, "instruction")}` }] : [];
  const disabled = node.scheduling === "disabled" ? [{ text: "takes no tasks" }] : [];
  sync(list, [...here, ...waiting, ...undelivered, ...disabled], ({ job, what, how, text }) => text ?? `${what} of ${job}${how}`,
    ({ job, what, how, text }) => {
      const item = make("li", {}, text ?? `${what} of job `);
      if (!text) {
        item.append(make("a", { href: jobLink(job) }, job), how);
      }
      return item;
    }, () => {});
}

function showNodeActions() {
  $("node").hidden = chosen.node === null;
  if (chosen.node === null) {
    return;
  }
  setText($("node-title"), `Node ${chosen.node}`);
  const event = (label, name) => ({ label, method: "POST", path: `nodes/${encodeURIComponent(chosen.node)}/${name}` });
  showActions($("node-actions"), [
    event("Node lost", "lost"),
    event("Node returned", "returned"),
    event("Node preempted", "preempted"),
    event("Node rebooted", "rebooted"),
    event("Node removed", "removed"),
  ]);
}

// --- requests and effects ------------------------------------------------------------------------

async function loadRequests() {
  const query = { find: $("requests-find").value.trim(), refused: $("requests-refused").checked };
  const { requests } = await view("requests", query);
  const groups = new Map();
  for (const request of requests) {
    const key = request.client ?? `#${request.number}`;
    groups.set(key, [...(groups.get(key) ?? []), request]);
  }
  const items = [...groups].map(([key, requests]) => ({ key, requests }));
  sync($("requests-table"), items, (group) => group.key, () => make("tbody"), showGroup, 1);
  $("requests-empty").hidden = requests.length > 0;
}

/** The requests of one client request id, under a common head if there is more than one. */
function showGroup(body, { key, requests }) {
  const isGroup = requests.length > 1;
  body.className = isGroup ? "grouped" : "";
  const head = isGroup ? [{ number: "head", text: `${requests.length} requests with client-request-id ${key}` }] : [];
  sync(body, [...head, ...requests], (request) => request.number, (request) => {
    if (request.text) {
      return make("tr", {}, make("th", { className: "group", colSpan: 4, scope: "rowgroup" }));
    }
    const time = make("time");
    setTime(time, request.at, 3);
    const message = [request.code, request.status >= 400 ? request.message : null, ...request.details].filter(Boolean).join(": ");
    const status = make("td", { className: request.status >= 400 ? "number refused" : "number" }, String(request.status));
    const what = make("td", { title: request.target }, make("code", {}, `${request.method} ${readable(request.target)}`));
    return make("tr", {}, make("td", { className: "wide nowrap" }, time), what, status, make("td", {}, message));
  }, (row, request) => {
    if (request.text) {
      setText(row.firstChild, request.text);
    }
  });
}

/** The path of a target, without its escapes if they are valid. */
function readable(target) {
  const path = target.split("?")[0];
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function loadEffects() {
  const { effects } = await view("effects", { job: $("effects-chosen").checked ? chosen.job ?? "" : "" });
  sync($("effects-rows"), effects, (effect) => effect.number, (effect) => {
    const time = make("time", { className: "faint" });
    setTime(time, effect.at, 3);
    const text = effect.instruction ? `→ ${effect.text}` : effect.text;
    return make("li", { className: effect.instruction ? "instruction" : "" }, time, ` ${text}`);
  }, () => {});
  $("effects-empty").hidden = effects.length > 0;
}

// --- faults --------------------------------------------------------------------------------------

async function loadFaults() {
  showFaultActions();
  const faults = await (await call("faults")).json();
  const described = faults.map(({ count, method, path, code, delay }, index) => {
    const how = [code, delay ? `after ${delay}` : null].filter(Boolean).join(" ");
    return { key: index, text: `the next ${several(count, "request")} by ${method ?? "any method"} to ${path}: ${how}` };
  });
  sync($("faults-rows"), described, (fault) => fault.key, () => make("li"), (item, fault) => setText(item, fault.text));
  $("faults-empty").hidden = faults.length > 0;
}

function showFaultActions() {
  const seconds = Number($("fault-delay").value) || 0;
  const count = Math.max(1, Math.floor(Number($("fault-count").value) || 1));
  const fault = { count, method: $("fault-method").value || undefined, path: $("fault-path").value || "*" };
  fault.code = $("fault-code").value.trim() || undefined;
  fault.delay = seconds > 0 ? `PT${seconds}S` : undefined;
  showActions($("fault-actions"), [
    { label: "Answer like this", method: "POST", path: "faults", body: fault },
    { label: "Remove all faults", method: "DELETE", path: "faults" },
  ]);
}

// --- what is chosen ------------------------------------------------------------------------------

function choose({ job, task = null }) {
  if (job !== chosen.job) {
    tasksPager.reset();
    jobNodesPager.reset();
    setText($("job-title"), `Job ${job}`);
    showJobActions(job); // So that none of them is for the job before while this one is loaded.
  }
  Object.assign(chosen, { job, task });
  panels.job.touch();
  panels.jobs.touch();
  panels.effects.touch();
}

/** The fragment names the job, the task or the token, or else it is a place on the page. */
function readFragment() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.get("token")) {
    token = fragment.get("token");
    sessionStorage.setItem("azbatch-token", token);
    history.replaceState(null, "", location.pathname); // So that it is not copied with the address.
  } else if (fragment.get("job")) {
    choose({ job: fragment.get("job"), task: fragment.get("task") });
  }
}

// --- the stream of changes -----------------------------------------------------------------------

function setLive(isLive) {
  live = isLive;
  $("connection").dataset.live = live;
  setText($("connection"), live ? "live" : "not connected");
}

let seen = {};
let seenStart = null;

function handleEvent(data) {
  const { start, clock: { now, speed, next }, ...counters } = JSON.parse(data);
  seenStart ??= start;
  if (start !== seenStart) {
    location.reload(); // Another emulator is there now, with requests and effects of its own.
    return;
  }
  Object.assign(clock, { shown: instant(now), at: performance.now(), speed, next });
  showClock();
  showClockActions();
  setLive(true);
  for (const panel of Object.values(panels)) {
    if (panel.counters.some((counter) => counters[counter] !== seen[counter])) {
      panel.touch();
    }
  }
  seen = counters;
}

/** Reads the stream until it ends. EventSource would not send the token. */
async function readStream(signal) {
  const response = await call("events", { signal });
  if (!response.ok) {
    throw new Error(`events: ${response.status}`);
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    events.filter((event) => event.startsWith("data: ")).forEach((event) => handleEvent(event.slice(6)));
  }
}

/** Listens while the page is seen. An emulator that does not answer is asked less and less often. */
async function listen() {
  let wait = 500;
  for (;;) {
    if (document.hidden) {
      await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
      continue;
    }
    const leave = new AbortController();
    const hide = () => document.hidden && leave.abort();
    document.addEventListener("visibilitychange", hide);
    seen = {};
    await readStream(leave.signal).catch((error) => console.debug(error));
    document.removeEventListener("visibilitychange", hide);
    wait = live ? 500 : Math.min(2 * wait, 8_000);
    setLive(false);
    await pause(wait);
  }
}

async function start() {
  readFragment();
  addEventListener("hashchange", readFragment);
  for (const form of document.querySelectorAll("form.filters")) {
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  const on = (ids, react) => ids.forEach((id) => $(id).addEventListener("input", react));
  on(["jobs-find", "jobs-state"], () => (jobsPager.reset(), panels.jobs.touch()));
  on(["tasks-state", "timeline-last"], () => (tasksPager.reset(), panels.job.touch()));
  on(["requests-find", "requests-refused"], () => panels.requests.touch());
  on(["effects-chosen"], () => panels.effects.touch());
  on(["fault-count", "fault-method", "fault-path", "fault-code", "fault-delay"], showFaultActions);
  addEventListener("resize", () => panels.job.touch());

  $("clock-stop").addEventListener("click", () => act(clockActions.stop()));
  $("clock-step").addEventListener("click", () => act(clockActions.step));

  about = await view("about");
  setText($("account"), about.account);
  $("codes").replaceChildren(...about.codes.map((code) => make("option", { value: code })));
  Object.values(panels).forEach((panel) => observer.observe(panel.section));
  setInterval(showClock, 250);
  // The bars of what goes on grow with time, but not while somebody points at one to read what it is.
  setInterval(() => moves && clock.speed > 0 && !$("timeline").matches(":hover") && panels.job.touch(), 1000);
  listen();
}

start();
