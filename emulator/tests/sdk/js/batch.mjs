// @azure/batch 10.2: api-version 2022-10-01.16.0, bare ETags, RestError.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import batch from "@azure/batch";
import msRest from "@azure/ms-rest-js";
import { account, advance, check, finish, key, url, wait } from "./checks.mjs";

const { BatchServiceClient, BatchSharedKeyCredentials } = batch;
const client = new BatchServiceClient(new BatchSharedKeyCredentials(account, key), url);
const run = randomUUID().slice(0, 8);
const [pool, job] = [`js-${run}`, `film-${run}`];

const refused = (promise, status, code) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof msRest.RestError, `${error}`);
    assert.deepEqual([error.statusCode, error.body?.code], [status, code]);
    return true;
  });
const all = async (list, next) => {
  const items = [...(await list)];
  for (let link = (await list).odatanextLink; link; ) {
    const page = await next(link);
    items.push(...page);
    link = page.odatanextLink;
  }
  return items;
};
const running = async () => {
  const options = { taskListOptions: { filter: "state eq 'running'", select: "id,state" } };
  return (await client.task.list(job, options)).map((task) => task.id);
};
const task = (id, commandLine) => ({ id, commandLine });

const machine = {
  imageReference: { publisher: "canonical", offer: "ubuntu-24_04-lts", sku: "server" },
  nodeAgentSKUId: "batch.node.ubuntu 24.04",
};
const newPool = { id: pool, vmSize: "standard_d2s_v3", virtualMachineConfiguration: machine, targetDedicatedNodes: 2 };

await check("a wrong key is RestError", () => {
  const stranger = new BatchServiceClient(new BatchSharedKeyCredentials(account, "d3Jvbmc="), url);
  return refused(stranger.job.get("any"), 403, "AuthenticationFailed");
});
await check("create a pool", () => client.pool.add(newPool));
await check("a pool that exists is RestError", () => refused(client.pool.add(newPool), 409, "PoolExists"));
await check("the pool gets its nodes", async () => {
  await wait("steady", async () => (await client.pool.get(pool)).allocationState === "steady");
  const nodes = await client.computeNode.list(pool);
  assert.deepEqual(nodes.map((node) => node.state), ["idle", "idle"]);
  assert.equal((await client.computeNode.get(pool, nodes[0].id)).id, nodes[0].id);
  assert.equal((await client.pool.exists(pool)).body, true);
});

await check("create a job with a preparation and a release task", () =>
  client.job.add({
    id: job,
    poolInfo: { poolId: pool },
    priority: 5,
    constraints: { maxWallClockTime: "PT1H" },
    jobPreparationTask: { commandLine: "/bin/sh -c true" },
    jobReleaseTask: { commandLine: "/bin/sh -c true" },
    metadata: [{ name: "who", value: "js" }],
  }));
await check("a job that exists", () =>
  refused(client.job.add({ id: job, poolInfo: { poolId: pool } }), 409, "JobExists"));
await check("read the job", async () => {
  const found = await client.job.get(job);
  assert.deepEqual([found.id, found.state, found.priority], [job, "active", 5]);
  assert.equal(found.constraints.maxWallClockTime, "PT1H");
  assert.equal(found.metadata[0].value, "js");
  assert.equal(found.url, `${url}/jobs/${job}`);
  assert.equal(found._response.parsedHeaders.eTagHeader, found.eTag);
  assert.ok(found.creationTime <= found.lastModified && found.lastModified instanceof Date);
});
await check("a client-request-id comes back on request", async () => {
  const ours = randomUUID();
  const jobGetOptions = { clientRequestId: ours, returnClientRequestId: true };
  const found = await client.job.get(job, { jobGetOptions });
  assert.equal(found._response.parsedHeaders.clientRequestId, ours);
});
await check("a missing job, task and pool", async () => {
  await refused(client.job.get("nobody"), 404, "JobNotFound");
  await refused(client.job.terminate("nobody"), 404, "JobNotFound");
  await refused(client.task.get(job, "nothing"), 404, "TaskNotFound");
  await refused(client.pool.get("nowhere"), 404, "PoolNotFound");
});

await check("the ETag that the SDK returned: 200, 412, 304", async () => {
  const ifMatch = (await client.job.get(job)).eTag;
  await client.job.patch(job, { priority: 7 }, { jobPatchOptions: { ifMatch } });
  await refused(client.job.patch(job, { priority: 8 }, { jobPatchOptions: { ifMatch } }), 412, "ConditionNotMet");
  await refused(client.job.terminate(job, { jobTerminateOptions: { ifMatch } }), 412, "ConditionNotMet");
  const found = await client.job.get(job);
  assert.equal(found.priority, 7);
  await refused(client.job.get(job, { jobGetOptions: { ifNoneMatch: found.eTag } }), 304, undefined);
  const ifUnmodifiedSince = found.lastModified;
  assert.equal((await client.job.get(job, { jobGetOptions: { ifUnmodifiedSince } })).eTag, found.eTag);
});

await check("add tasks one by one and as a collection", async () => {
  await client.task.add(job, task("broken", "/bin/sh -c 'exit 3'"));
  await wait("the broken task", async () => (await client.task.get(job, "broken")).state === "completed");
  await client.task.add(job, task("long-1", "sleep 600"));
  const names = ["long-2", "long-3", "long-4"];
  const { value } = await client.task.addCollection(job, names.map((name) => task(name, "sleep 600")));
  assert.deepEqual(value.map((item) => [item.taskId, item.status.toLowerCase()]), names.map((name) => [name, "success"]));
  assert.ok(value[0].lastModified instanceof Date && value[0].eTag && value[0].location);
});
await check("a task that exists, alone and in a collection", async () => {
  await refused(client.task.add(job, task("long-1", "true")), 409, "TaskExists");
  const { value } = await client.task.addCollection(job, [task("long-1", "true")]);
  assert.deepEqual([value[0].status.toLowerCase(), value[0].error.code], ["clienterror", "TaskExists"]);
});
await check("a failed task's information", async () => {
  const info = (await client.task.get(job, "broken")).executionInfo;
  assert.deepEqual([info.exitCode, info.result, info.retryCount], [3, "failure", 0]);
  assert.deepEqual([info.failureInfo.category, info.failureInfo.code], ["UserError", "FailureExitCode"]);
  assert.ok(info.startTime <= info.endTime && info.failureInfo.details.length);
});
await check("two tasks run, two wait; lists page by page", async () => {
  await wait("two running", async () => (await running()).length === 2);
  const { taskCounts, taskSlotCounts } = await client.job.getTaskCounts(job);
  assert.deepEqual([taskCounts.active, taskCounts.running, taskCounts.failed], [2, 2, 1]);
  assert.equal(taskSlotCounts.running, 2);
  const paged = all(client.task.list(job, { taskListOptions: { maxResults: 2 } }), (link) => client.task.listNext(link));
  assert.deepEqual((await paged).map((one) => one.id), ["broken", "long-1", "long-2", "long-3", "long-4"]);
});

await check("end, delete and reactivate a task", async () => {
  await client.task.terminate(job, "long-4");
  const ended = await wait("long-4", async () => {
    const found = await client.task.get(job, "long-4");
    return found.state === "completed" && found;
  });
  assert.equal(ended.executionInfo.failureInfo.code, "TaskEnded");
  await refused(client.task.terminate(job, "long-4"), 409, "TaskCompleted");
  await client.task.reactivate(job, "long-4");
  await client.task.deleteMethod(job, "long-4");
  await refused(client.task.get(job, "long-4"), 404, "TaskNotFound");
});
await check("disable, enable", async () => {
  await client.job.disable(job, "requeue");
  await wait("disabled", async () => (await client.job.get(job)).state === "disabled");
  assert.deepEqual(await running(), []);
  await client.job.enable(job);
  assert.equal((await client.job.get(job)).state, "active");
  await wait("two running again", async () => (await running()).length === 2);
});

let before;
await check("terminate with a reason", async () => {
  before = await client.job.get(job);
  const jobTerminateOptions = { ifMatch: before.eTag };
  const answer = await client.job.terminate(job, { terminateReason: "the film is cut", jobTerminateOptions });
  assert.equal(answer.dataServiceId, `${url}/jobs/${job}/terminate`);
  const found = await client.job.get(job);
  assert.deepEqual([found.state, found.executionInfo.terminateReason], ["terminating", "the film is cut"]);
  assert.equal(answer.eTag, found.eTag);
  await refused(client.job.terminate(job), 409, "JobBeingTerminated");
  await wait("completed", async () => (await client.job.get(job)).state === "completed");
});
await check("the terminated job: reason and times", async () => {
  const found = await client.job.get(job);
  assert.deepEqual([found.previousState, found.executionInfo.terminateReason], ["active", "the film is cut"]);
  assert.deepEqual(found.stateTransitionTime, found.executionInfo.endTime);
  assert.ok(before.lastModified < found.lastModified && found.lastModified < found.executionInfo.endTime);
});
await check("its tasks: those that ran were ended, the other stays active", async () => {
  const tasks = await client.task.list(job);
  const ended = tasks.filter((one) => one.state === "completed" && one.id !== "broken");
  assert.deepEqual([ended.length, tasks.filter((one) => one.state === "active").length], [2, 1]);
  for (const { executionInfo } of ended) {
    assert.deepEqual([executionInfo.result, executionInfo.failureInfo.code], ["failure", "TaskEnded"]);
  }
});
await check("preparation and release status", async () => {
  const status = await client.job.listPreparationAndReleaseTaskStatus(job);
  assert.ok(status.length === 1 || status.length === 2);
  for (const node of status) {
    const [prepared, released] = [node.jobPreparationTaskExecutionInfo, node.jobReleaseTaskExecutionInfo];
    assert.deepEqual([node.poolId, prepared.state, prepared.exitCode], [pool, "completed", 0]);
    assert.deepEqual([released.state, released.exitCode], ["completed", 0]);
    assert.ok(prepared.endTime <= released.startTime && released.startTime <= released.endTime);
  }
});
await check("a completed job refuses", async () => {
  await refused(client.job.terminate(job), 409, "JobCompleted");
  await refused(client.task.add(job, task("late", "true")), 409, "JobCompleted");
  await refused(client.job.patch(job, { priority: 1 }), 409, "JobCompleted");
});
await check("find it in a list", async () => {
  const filter = `state eq 'completed' and startswith(id,'${job}')`;
  const found = await client.job.list({ jobListOptions: { filter, select: "id,state" } });
  assert.deepEqual(found.map((one) => [one.id, one.state]), [[job, "completed"]]);
});

const files = `files-${run}`;
// The SDK does not read the body of a refused download, so its error has no code.
const unreadable = (promise) => refused(promise, 404, undefined);
const text = async (answer) => {
  let read = "";
  for await (const chunk of (await answer).readableStreamBody) read += chunk;
  return read;
};

await check("a task's files: list, read, a part, properties, delete", async () => {
  await client.job.add({ id: files, poolInfo: { poolId: pool } });
  await client.task.add(files, task("one", "/bin/sh -c 'echo hello'"));
  await wait("the task", async () => (await client.task.get(files, "one")).state === "completed");
  const found = await client.file.listFromTask(files, "one");
  const shown = found.map((item) => [item.name, item.isDirectory, item.properties?.contentLength]);
  assert.deepEqual(shown, [["stderr.txt", false, 0], ["stdout.txt", false, 6], ["wd", true, undefined]]);
  assert.equal(await text(client.file.getFromTask(files, "one", "stdout.txt")), "hello\n");
  const fileGetFromTaskOptions = { ocpRange: "bytes=1-3" };
  assert.equal(await text(client.file.getFromTask(files, "one", "stdout.txt", { fileGetFromTaskOptions })), "ell");
  const properties = await client.file.getPropertiesFromTask(files, "one", "stdout.txt");
  assert.deepEqual([properties.contentLength, properties.ocpBatchFileIsdirectory], [6, "False"]);
  assert.match(properties.ocpBatchFileUrl, /stdout\.txt$/);
  await client.file.deleteFromTask(files, "one", "stderr.txt");
  await unreadable(client.file.getFromTask(files, "one", "stderr.txt"));
});
await check("files that cannot be read", async () => {
  await unreadable(client.file.getFromTask(files, "one", "nowhere.txt"));
  await unreadable(client.file.getFromTask(files, "nothing", "stdout.txt"));
});
await check("the same files on their node", async () => {
  const { nodeId } = (await client.task.get(files, "one")).nodeInfo;
  const path = `workitems/${files}/job-1/one/stdout.txt`;
  const found = await client.file.listFromComputeNode(pool, nodeId, { recursive: true });
  assert.ok(found.some((item) => item.name === path));
  assert.equal(await text(client.file.getFromComputeNode(pool, nodeId, path)), "hello\n");
  assert.equal((await client.file.getPropertiesFromComputeNode(pool, nodeId, path)).contentLength, 6);
  await client.file.deleteFromComputeNode(pool, nodeId, path);
  await unreadable(client.file.getFromComputeNode(pool, nodeId, path));
  await client.job.deleteMethod(files);
});

await check("users of a node, remote login, service logs", async () => {
  const node = (await client.computeNode.list(pool))[0].id;
  await client.computeNode.addUser(pool, node, { name: "ada", password: "secret" });
  await refused(client.computeNode.addUser(pool, node, { name: "ada" }), 409, "NodeUserExists");
  await client.computeNode.updateUser(pool, node, "ada", { password: "other" });
  await client.computeNode.deleteUser(pool, node, "ada");
  await refused(client.computeNode.deleteUser(pool, node, "ada"), 404, "NodeUserNotFound");
  const login = await client.computeNode.getRemoteLoginSettings(pool, node);
  assert.deepEqual([login.remoteLoginIPAddress, login.remoteLoginPort], ["127.0.0.1", 50000]);
  const logs = { containerUrl: "https://example.com/logs", startTime: new Date() };
  assert.equal((await client.computeNode.uploadBatchServiceLogs(pool, node, logs)).numberOfFilesUploaded, 0);
});

await check("delete the job and the pool", async () => {
  await client.job.deleteMethod(job);
  await wait("no job", async () => !(await client.job.list()).some((one) => one.id === job));
  await refused(client.job.get(job), 404, "JobNotFound");
  await client.pool.deleteMethod(pool);
  await wait("no pool", async () => (await client.pool.exists(pool)).body === false);
});

const scaled = `scaled-${run}`;
const steady = async () => (await client.pool.get(scaled)).allocationState === "steady";

await check("patch a pool, update its properties, with an ETag", async () => {
  await client.pool.add({ ...newPool, id: scaled, targetDedicatedNodes: 0 });
  const poolPatchOptions = { ifMatch: (await client.pool.get(scaled)).eTag };
  const patch = () => client.pool.patch(scaled, { metadata: [{ name: "who", value: "js" }] }, { poolPatchOptions });
  await patch();
  await refused(patch(), 412, "ConditionNotMet");
  assert.equal((await client.pool.get(scaled)).metadata[0].value, "js");
  const nothing = { certificateReferences: [], applicationPackageReferences: [], metadata: [] };
  await client.pool.updateProperties(scaled, nothing);
  assert.equal((await client.pool.get(scaled)).metadata, undefined);
});
await check("resize, stop a resize", async () => {
  await wait("steady", steady);
  await client.pool.resize(scaled, { targetDedicatedNodes: 1 });
  await wait("one node", async () => (await client.pool.get(scaled)).currentDedicatedNodes === 1 && (await steady()));
  await client.pool.resize(scaled, { targetDedicatedNodes: 2 });
  await client.pool.stopResize(scaled);
  assert.equal((await client.pool.get(scaled)).allocationState, "stopping");
  await wait("steady", steady);
  assert.equal((await client.pool.get(scaled)).targetDedicatedNodes, 2);
});
await check("scale by a formula: evaluate, enable, disable", async () => {
  const autoScaleFormula = "$TargetDedicatedNodes = 3; $NodeDeallocationOption = requeue;";
  await client.pool.enableAutoScale(scaled, { autoScaleFormula });
  await wait("three nodes", async () => (await client.pool.get(scaled)).currentDedicatedNodes === 3);
  const found = await client.pool.get(scaled);
  assert.deepEqual([found.enableAutoScale, found.autoScaleFormula], [true, autoScaleFormula]);
  assert.equal(found.autoScaleEvaluationInterval, "PT15M");
  assert.match(found.autoScaleRun.results, /\$TargetDedicatedNodes=3/);
  const ran = await client.pool.evaluateAutoScale(scaled, "$TargetDedicatedNodes = min(2, 7);");
  assert.match(ran.results, /\$TargetDedicatedNodes=2/);
  assert.deepEqual([ran.error, (await client.pool.get(scaled)).targetDedicatedNodes], [undefined, 3]);
  await refused(client.pool.resize(scaled, { targetDedicatedNodes: 1 }), 409, "OperationNotValidOnPool");
  await wait("steady", steady);
  await client.pool.disableAutoScale(scaled);
  assert.equal((await client.pool.get(scaled)).enableAutoScale, false);
});
await check("count nodes; lists that are empty here", async () => {
  await wait("steady", steady);
  const accountListPoolNodeCountsOptions = { filter: `poolId eq '${scaled}'` };
  const counts = await client.account.listPoolNodeCounts({ accountListPoolNodeCountsOptions });
  const numbers = counts.map((one) => [one.poolId, one.dedicated.total, one.lowPriority.total]);
  assert.deepEqual(numbers, [[scaled, 3, 0]]);
  assert.deepEqual([(await client.application.list()).length, (await client.pool.listUsageMetrics()).length], [0, 0]);
});
await check("delete that pool", async () => {
  await client.pool.deleteMethod(scaled);
  await wait("no pool", async () => (await client.pool.exists(scaled)).body === false);
});

await check("a job with a pool of its own, which goes with it", async () => {
  const specification = { vmSize: "standard_d2s_v3", virtualMachineConfiguration: machine, targetDedicatedNodes: 1 };
  const automatic = { autoPoolIdPrefix: "own", poolLifetimeOption: "job", pool: specification };
  const owner = `owner-${run}`;
  await client.job.add({ id: owner, poolInfo: { autoPoolSpecification: automatic } });
  const own = await wait("its pool", async () => (await client.job.get(owner)).executionInfo.poolId);
  assert.ok(own.startsWith("own_") && (await client.pool.exists(own)).body);
  await client.task.add(owner, task("one", "true"));
  await wait("the task", async () => (await client.task.get(owner, "one")).state === "completed");
  await client.job.terminate(owner);
  await wait("no pool", async () => !(await client.pool.exists(own)).body);
  await client.job.deleteMethod(owner);
});

const plan = `daily-${run}`;
const jobSpecification = { poolInfo: { poolId: "elsewhere" }, priority: 3 };
const recurring = { id: plan, schedule: { recurrenceInterval: "PT1M" }, jobSpecification };
const turns = async () => {
  const jobs = await client.job.listFromJobSchedule(plan);
  return jobs.map((one) => `${one.id} ${one.state}`).sort().join();
};

await check("add a job schedule that recurs", async () => {
  await client.jobSchedule.add(recurring);
  await refused(client.jobSchedule.add(recurring), 409, "JobScheduleExists");
});
await check("read the schedule, alone and in a list; does it exist", async () => {
  const found = await client.jobSchedule.get(plan);
  assert.deepEqual([found.id, found.state, found.schedule.recurrenceInterval], [plan, "active", "PT1M"]);
  assert.equal(found.jobSpecification.priority, 3);
  const jobScheduleListOptions = { filter: `startswith(id,'${plan}')`, select: "id,state" };
  const listed = await client.jobSchedule.list({ jobScheduleListOptions });
  assert.deepEqual(listed.map((one) => [one.id, one.state]), [[plan, "active"]]);
  assert.equal((await client.jobSchedule.exists(plan)).body, true);
  assert.equal((await client.jobSchedule.exists("nobody")).body, false);
  await refused(client.jobSchedule.get("nobody"), 404, "JobScheduleNotFound");
});
await check("one job at a time: the next turn comes when the job before it is completed", async () => {
  await wait("the first job", async () => (await turns()) === `${plan}:job-1 active`);
  await advance("PT1M");
  assert.equal(await turns(), `${plan}:job-1 active`);
  await client.job.terminate(`${plan}:job-1`);
  await wait("the second", async () => (await turns()) === `${plan}:job-1 completed,${plan}:job-2 active`);
  const { recentJob, nextRunTime } = (await client.jobSchedule.get(plan)).executionInfo;
  assert.equal(recentJob.id, `${plan}:job-2`);
  const { priority, creationTime } = await client.job.get(recentJob.id);
  assert.ok(priority === 3 && nextRunTime > creationTime);
});
await check("patch and update the schedule, with an ETag", async () => {
  const jobSchedulePatchOptions = { ifMatch: (await client.jobSchedule.get(plan)).eTag };
  const metadata = [{ name: "who", value: "js" }];
  const patch = () => client.jobSchedule.patch(plan, { metadata }, { jobSchedulePatchOptions });
  await patch();
  await refused(patch(), 412, "ConditionNotMet");
  let found = await client.jobSchedule.get(plan);
  assert.deepEqual([found.metadata[0].value, found.schedule.recurrenceInterval], ["js", "PT1M"]);
  await client.jobSchedule.update(plan, { schedule: { recurrenceInterval: "PT1H" }, jobSpecification });
  found = await client.jobSchedule.get(plan);
  assert.deepEqual([found.metadata, found.schedule.recurrenceInterval], [undefined, "PT1H"]);
});
await check("disable and enable the schedule", async () => {
  await client.jobSchedule.disable(plan);
  assert.equal((await client.jobSchedule.get(plan)).state, "disabled");
  await client.jobSchedule.enable(plan);
  assert.equal((await client.jobSchedule.get(plan)).state, "active");
});
await check("terminate the schedule: its job ends too", async () => {
  await client.jobSchedule.terminate(plan);
  const found = await wait("completed", async () => {
    const found = await client.jobSchedule.get(plan);
    return found.state === "completed" && found;
  });
  const { nextRunTime, recentJob } = found.executionInfo;
  assert.deepEqual([found.previousState, nextRunTime, recentJob.id], ["active", undefined, `${plan}:job-2`]);
  assert.equal((await client.job.get(recentJob.id)).executionInfo.terminateReason, "TerminateWorkitem");
  await refused(client.jobSchedule.disable(plan), 409, "JobScheduleCompleted");
});
await check("delete the schedule: its jobs go too", async () => {
  await client.jobSchedule.deleteMethod(plan);
  await wait("no schedule", async () => (await client.jobSchedule.exists(plan)).body === false);
  await refused(client.job.get(`${plan}:job-1`), 404, "JobNotFound");
});

finish();
