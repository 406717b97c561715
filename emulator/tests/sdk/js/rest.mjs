// @azure-rest/batch: api-version 2024-07-01.20.0, a client at the level of paths. A refusal is an answer.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { AzureNamedKeyCredential } from "@azure/core-auth";
import createClient, { isUnexpected, paginate } from "@azure-rest/batch";
import { account, check, finish, key, url, wait } from "./checks.mjs";

// The SDK lets SharedKey go over plain http. Bearer tokens it does not.
const client = createClient(url, new AzureNamedKeyCredential(account, key), { allowInsecureConnection: true });
const run = randomUUID().slice(0, 8);
const [pool, job] = [`rest-${run}`, `film-${run}`];
const contentType = "application/json; odata=minimalmetadata";

const jobs = () => client.path("/jobs");
const theJob = (id = job) => client.path("/jobs/{jobId}", id);
const end = (id = job) => client.path("/jobs/{jobId}/terminate", id);
const tasks = () => client.path("/jobs/{jobId}/tasks", job);
const theTask = (id) => client.path("/jobs/{jobId}/tasks/{taskId}", job, id);
const thePool = (id = pool) => client.path("/pools/{poolId}", id);

const refused = async (request, status, code) => {
  const answer = await request;
  assert.ok(isUnexpected(answer), `${answer.status}`);
  assert.deepEqual([answer.status, answer.body.code], [String(status), code]);
};
const accepted = async (request) => {
  const answer = await request;
  assert.ok(!isUnexpected(answer), `${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
};
const body = async (request) => (await accepted(request)).body;
const all = async (request) => {
  const items = [];
  for await (const item of paginate(client, await accepted(request))) items.push(item);
  return items;
};
const running = () => all(tasks().get({ queryParameters: { $filter: "state eq 'running'", $select: ["id", "state"] } }));
const addTask = (id, commandLine) => tasks().post({ contentType, body: { id, commandLine } });

const newPool = {
  id: pool,
  vmSize: "standard_d2s_v3",
  virtualMachineConfiguration: {
    imageReference: { publisher: "canonical", offer: "ubuntu-24_04-lts", sku: "server" },
    nodeAgentSKUId: "batch.node.ubuntu 24.04",
  },
  targetDedicatedNodes: 2,
};

await check("a wrong key", () => {
  const credential = new AzureNamedKeyCredential(account, "d3Jvbmc=");
  const stranger = createClient(url, credential, { allowInsecureConnection: true });
  return refused(stranger.path("/jobs/{jobId}", "any").get(), 403, "AuthenticationFailed");
});
await check("create a pool", () => accepted(client.path("/pools").post({ contentType, body: newPool })));
await check("a pool that exists", () =>
  refused(client.path("/pools").post({ contentType, body: newPool }), 409, "PoolExists"));
await check("the pool gets its nodes", async () => {
  await wait("steady", async () => (await body(thePool().get())).allocationState === "steady");
  const nodes = await all(client.path("/pools/{poolId}/nodes", pool).get());
  assert.deepEqual(nodes.map((node) => node.state), ["idle", "idle"]);
});

const newJob = {
  id: job,
  poolInfo: { poolId: pool },
  priority: 5,
  jobPreparationTask: { commandLine: "/bin/sh -c true" },
  jobReleaseTask: { commandLine: "/bin/sh -c true" },
};
await check("create a job with a preparation and a release task", () =>
  accepted(jobs().post({ contentType, body: newJob })));
await check("a job that exists", () => refused(jobs().post({ contentType, body: newJob }), 409, "JobExists"));
await check("read the job", async () => {
  const found = await accepted(theJob().get());
  assert.deepEqual([found.body.id, found.body.state, found.body.priority], [job, "active", 5]);
  assert.equal(found.body.url, `${url}/jobs/${job}`);
  assert.equal(found.headers.etag, found.body.eTag);
});
await check("a missing job, task and pool", async () => {
  await refused(theJob("nobody").get(), 404, "JobNotFound");
  await refused(end("nobody").post({ contentType }), 404, "JobNotFound");
  await refused(theTask("nothing").get(), 404, "TaskNotFound");
  await refused(thePool("nowhere").get(), 404, "PoolNotFound");
});

await check("the ETag that the SDK returned: 200, 412, 304", async () => {
  const headers = { "if-match": (await accepted(theJob().get())).headers.etag };
  await accepted(theJob().patch({ contentType, headers, body: { priority: 7 } }));
  await refused(theJob().patch({ contentType, headers, body: { priority: 8 } }), 412, "ConditionNotMet");
  await refused(end().post({ contentType, headers }), 412, "ConditionNotMet");
  const found = await body(theJob().get());
  assert.equal(found.priority, 7);
  assert.equal((await theJob().get({ headers: { "if-none-match": found.eTag } })).status, "304");
});

await check("add tasks one by one and as a collection", async () => {
  await accepted(addTask("broken", "/bin/sh -c 'exit 3'"));
  await wait("the broken task", async () => (await body(theTask("broken").get())).state === "completed");
  await accepted(addTask("long-1", "sleep 600"));
  const value = ["long-1", "long-2", "long-3", "long-4"].map((id) => ({ id, commandLine: "sleep 600" }));
  const collection = client.path("/jobs/{jobId}/addtaskcollection", job).post({ contentType, body: { value } });
  const items = (await body(collection)).value;
  assert.deepEqual(items.map((item) => item.status.toLowerCase()), ["clienterror", "success", "success", "success"]);
  assert.equal(items[0].error.code, "TaskExists");
});
await check("a failed task's information", async () => {
  const info = (await body(theTask("broken").get())).executionInfo;
  assert.deepEqual([info.exitCode, info.result, info.retryCount], [3, "failure", 0]);
  assert.deepEqual([info.failureInfo.category, info.failureInfo.code], ["UserError", "FailureExitCode"]);
});
await check("two tasks run, two wait; lists page by page", async () => {
  await wait("two running", async () => (await running()).length === 2);
  const counts = (await body(client.path("/jobs/{jobId}/taskcounts", job).get())).taskCounts;
  assert.deepEqual([counts.active, counts.running, counts.failed], [2, 2, 1]);
  const paged = await all(tasks().get({ queryParameters: { maxresults: 2 } }));
  assert.deepEqual(paged.map((one) => one.id), ["broken", "long-1", "long-2", "long-3", "long-4"]);
});

await check("end, delete and reactivate a task", async () => {
  const endTask = () => client.path("/jobs/{jobId}/tasks/{taskId}/terminate", job, "long-4").post({ contentType });
  await accepted(endTask());
  await wait("long-4", async () => (await body(theTask("long-4").get())).state === "completed");
  await refused(endTask(), 409, "TaskCompleted");
  await accepted(client.path("/jobs/{jobId}/tasks/{taskId}/reactivate", job, "long-4").post({ contentType }));
  await accepted(theTask("long-4").delete());
  await refused(theTask("long-4").get(), 404, "TaskNotFound");
});
await check("disable, enable", async () => {
  await accepted(client.path("/jobs/{jobId}/disable", job).post({ contentType, body: { disableTasks: "requeue" } }));
  await wait("disabled", async () => (await body(theJob().get())).state === "disabled");
  assert.deepEqual(await running(), []);
  await accepted(client.path("/jobs/{jobId}/enable", job).post({ contentType }));
  assert.equal((await body(theJob().get())).state, "active");
  await wait("two running again", async () => (await running()).length === 2);
});

await check("terminate with a reason", async () => {
  const headers = { "if-match": (await body(theJob().get())).eTag };
  const answer = await accepted(end().post({ contentType, headers, body: { terminateReason: "the film is cut" } }));
  assert.equal(answer.headers.dataserviceid, `${url}/jobs/${job}/terminate`);
  const found = await body(theJob().get());
  assert.deepEqual([found.state, found.executionInfo.terminateReason], ["terminating", "the film is cut"]);
  assert.equal(answer.headers.etag, found.eTag);
  await refused(end().post({ contentType }), 409, "JobBeingTerminated");
  await wait("completed", async () => (await body(theJob().get())).state === "completed");
});
await check("the terminated job: reason and times", async () => {
  const found = await body(theJob().get());
  assert.deepEqual([found.previousState, found.executionInfo.terminateReason], ["active", "the film is cut"]);
  assert.equal(found.stateTransitionTime, found.executionInfo.endTime);
  assert.ok(found.lastModified < found.executionInfo.endTime);
});
await check("its tasks: those that ran were ended, the other stays active", async () => {
  const found = await all(tasks().get());
  const ended = found.filter((one) => one.state === "completed" && one.id !== "broken");
  assert.deepEqual([ended.length, found.filter((one) => one.state === "active").length], [2, 1]);
  for (const { executionInfo } of ended) {
    assert.deepEqual([executionInfo.result, executionInfo.failureInfo.code], ["failure", "TaskEnded"]);
  }
});
await check("preparation and release status", async () => {
  const status = await all(client.path("/jobs/{jobId}/jobpreparationandreleasetaskstatus", job).get());
  assert.ok(status.length === 1 || status.length === 2);
  for (const node of status) {
    const [prepared, released] = [node.jobPreparationTaskExecutionInfo, node.jobReleaseTaskExecutionInfo];
    assert.deepEqual([node.poolId, prepared.state, prepared.exitCode], [pool, "completed", 0]);
    assert.deepEqual([released.state, released.exitCode], ["completed", 0]);
  }
});
await check("a completed job refuses", async () => {
  await refused(end().post({ contentType }), 409, "JobCompleted");
  await refused(addTask("late", "true"), 409, "JobCompleted");
});

await check("delete the job and the pool", async () => {
  await accepted(theJob().delete());
  await wait("no job", async () => (await theJob().get()).status === "404");
  await accepted(thePool().delete());
  await wait("no pool", async () => (await thePool().get()).status === "404");
});

finish();
