"""azure-batch 14.2: the older client, with options of its own and no pollers."""

import datetime
import uuid

from azure.batch import BatchServiceClient, models
from azure.batch.batch_auth import SharedKeyCredentials
from azure.batch.custom.custom_errors import CreateTasksErrorException

from checks import ACCOUNT, KEY, URL, advance, check, equal, finish, refused, wait

client = BatchServiceClient(SharedKeyCredentials(ACCOUNT, KEY), batch_url=URL)
run = uuid.uuid4().hex[:8]
pool, job = f"python14-{run}", f"film-{run}"


def refusal(status, code):
    return refused(models.BatchErrorException, status, code, lambda error: error.error.code)


def task(name, line):
    return models.TaskAddParameter(id=name, command_line=line)


def running():
    options = models.TaskListOptions(filter="state eq 'running'", select="id,state")
    return {task.id for task in client.task.list(job, options)}


def state():
    return client.job.get(job).state


with check("a wrong key is BatchErrorException"):
    stranger = BatchServiceClient(SharedKeyCredentials(ACCOUNT, "d3Jvbmc="), batch_url=URL)
    with refusal(403, "AuthenticationFailed"):
        stranger.job.get("any")
with check("create a pool"):
    image = models.ImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server", version="latest")
    machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04")
    options = models.PoolAddParameter(
        id=pool, vm_size="standard_d2s_v3", virtual_machine_configuration=machine, target_dedicated_nodes=2
    )
    client.pool.add(options)
with check("a pool that exists is BatchErrorException"):
    with refusal(409, "PoolExists"):
        client.pool.add(options)
with check("the pool gets its nodes"):
    wait("steady", lambda: client.pool.get(pool).allocation_state == models.AllocationState.steady)
    nodes = list(client.compute_node.list(pool))
    equal([node.state for node in nodes], [models.ComputeNodeState.idle] * 2)
    equal(client.compute_node.get(pool, nodes[0].id).id, nodes[0].id)
    assert client.pool.exists(pool)

with check("create a job with a preparation and a release task"):
    client.job.add(
        models.JobAddParameter(
            id=job,
            pool_info=models.PoolInformation(pool_id=pool),
            priority=5,
            constraints=models.JobConstraints(max_wall_clock_time=datetime.timedelta(hours=1)),
            job_preparation_task=models.JobPreparationTask(command_line="/bin/sh -c true"),
            job_release_task=models.JobReleaseTask(command_line="/bin/sh -c true"),
            metadata=[models.MetadataItem(name="who", value="python")],
        )
    )
with check("a job that exists is BatchErrorException"):
    with refusal(409, "JobExists"):
        client.job.add(models.JobAddParameter(id=job, pool_info=models.PoolInformation(pool_id=pool)))
with check("read the job, and what the answer's headers say"):
    raw = client.job.get(job, raw=True)
    found = raw.output
    equal((found.id, found.state, found.priority), (job, models.JobState.active, 5))
    equal(found.constraints.max_wall_clock_time, datetime.timedelta(hours=1))
    equal(found.metadata[0].value, "python")
    equal(found.url, f"{URL}/jobs/{job}")
    equal(raw.headers["ETag"], found.e_tag)
    equal(raw.headers["Last-Modified"], found.last_modified.replace(microsecond=0))
with check("a client-request-id comes back on request"):
    ours = str(uuid.uuid4())
    options = models.JobGetOptions(client_request_id=ours, return_client_request_id=True)
    equal(client.job.get(job, options, raw=True).response.headers["client-request-id"], ours)
with check("a missing job, task and pool"):
    with refusal(404, "JobNotFound"):
        client.job.get("nobody")
    with refusal(404, "JobNotFound"):
        client.job.terminate("nobody")
    with refusal(404, "TaskNotFound"):
        client.task.get(job, "nothing")
    with refusal(404, "PoolNotFound"):
        client.pool.get("nowhere")

with check("the ETag that the SDK returned: 200, 412, 304"):
    found = client.job.get(job)
    old = found.e_tag
    client.job.patch(job, models.JobPatchParameter(priority=7), models.JobPatchOptions(if_match=old))
    with refusal(412, "ConditionNotMet"):
        client.job.patch(job, models.JobPatchParameter(priority=8), models.JobPatchOptions(if_match=old))
    with refusal(412, "ConditionNotMet"):
        client.job.terminate(job, job_terminate_options=models.JobTerminateOptions(if_match=old))
    found = client.job.get(job)
    equal(found.priority, 7)
    try:
        client.job.get(job, models.JobGetOptions(if_none_match=found.e_tag))
    except models.BatchErrorException as error:
        equal(error.response.status_code, 304)
    else:
        raise AssertionError("not 304")
    equal(client.job.get(job, models.JobGetOptions(if_unmodified_since=found.last_modified)).e_tag, found.e_tag)
    with refusal(400, "MultipleConditionHeadersNotSupported"):
        client.job.get(job, models.JobGetOptions(if_match=old, if_none_match=old))

with check("add tasks one by one and as a collection"):
    client.task.add(job, task("broken", "/bin/sh -c 'exit 3'"))
    wait("the broken task", lambda: client.task.get(job, "broken").state == models.TaskState.completed)
    client.task.add(job, task("long-1", "sleep 600"))
    result = client.task.add_collection(job, [task(f"long-{n}", "sleep 600") for n in (2, 3, 4)])
    equal(
        {(item.task_id, item.status) for item in result.value},
        {(f"long-{n}", models.TaskAddStatus.success) for n in (2, 3, 4)},
    )
with check("more than a hundred tasks, by threads, and lists page by page"):
    many = f"many-{run}"
    client.job.add(models.JobAddParameter(id=many, pool_info=models.PoolInformation(pool_id="elsewhere")))
    result = client.task.add_collection(many, [task(f"t{n:03}", "true") for n in range(250)], threads=2)
    equal(len(result.value), 250)
    names = [item.id for item in client.task.list(many, models.TaskListOptions(max_results=60))]
    equal(names, [f"t{n:03}" for n in range(250)])
    client.job.delete(many)
with check("a task that exists: BatchErrorException, and CreateTasksErrorException in a collection"):
    with refusal(409, "TaskExists"):
        client.task.add(job, task("long-1", "true"))
    # The SDK takes TaskExists in a collection for its own retry's success; an unmet dependency it does not.
    bad = models.TaskAddParameter(
        id="bad", command_line="true", depends_on=models.TaskDependencies(task_ids=["long-1"])
    )
    try:
        client.task.add_collection(job, [bad])
    except CreateTasksErrorException as error:
        equal(
            [(item.task_id, item.error.code) for item in error.failure_tasks],
            [("bad", "UnsupportedProperty")],
        )
    else:
        raise AssertionError("not refused")
with check("a failed task's information"):
    info = client.task.get(job, "broken").execution_info
    equal((info.exit_code, info.result, info.retry_count), (3, models.TaskExecutionResult.failure, 0))
    equal((info.failure_info.category, info.failure_info.code), (models.ErrorCategory.user_error, "FailureExitCode"))
    assert info.start_time <= info.end_time and info.failure_info.details
with check("two tasks run, two wait"):
    wait("two running", lambda: len(running()) == 2)
    counts = client.job.get_task_counts(job)
    equal((counts.task_counts.active, counts.task_counts.running, counts.task_counts.failed), (2, 2, 1))
    equal(counts.task_slot_counts.running, 2)

with check("end, delete and reactivate a task"):
    client.task.terminate(job, "long-4")
    ended = wait("long-4", lambda: (t := client.task.get(job, "long-4")).state == "completed" and t)
    equal(ended.execution_info.failure_info.code, "TaskEnded")
    with refusal(409, "TaskCompleted"):
        client.task.terminate(job, "long-4")
    client.task.reactivate(job, "long-4")
    client.task.delete(job, "long-4")
    with refusal(404, "TaskNotFound"):
        client.task.get(job, "long-4")
with check("disable, enable"):
    client.job.disable(job, models.DisableJobOption.requeue)
    wait("disabled", lambda: state() == models.JobState.disabled)
    equal(running(), set())
    equal(max(t.execution_info.requeue_count for t in client.task.list(job)), 1)
    client.job.enable(job)
    equal(state(), models.JobState.active)
    wait("two running again", lambda: len(running()) == 2)

with check("terminate with a reason"):
    before = client.job.get(job)
    answer = client.job.terminate(
        job, "the film is cut", models.JobTerminateOptions(if_match=before.e_tag), raw=True
    )
    equal(answer.response.status_code, 202)
    equal(answer.headers["DataServiceId"], f"{URL}/jobs/{job}/terminate")
    found = client.job.get(job)
    equal((found.state, found.execution_info.terminate_reason), (models.JobState.terminating, "the film is cut"))
    equal(answer.headers["ETag"], found.e_tag)
    with refusal(409, "JobBeingTerminated"):
        client.job.terminate(job)
    wait("completed", lambda: state() == models.JobState.completed)
with check("the terminated job: reason and times"):
    found = client.job.get(job)
    info = found.execution_info
    equal((found.state, found.previous_state), (models.JobState.completed, models.JobState.active))
    equal(info.terminate_reason, "the film is cut")
    equal(found.state_transition_time, info.end_time)
    assert before.last_modified < found.last_modified < info.end_time and found.e_tag != before.e_tag
with check("its tasks: those that ran were ended, the other stays active"):
    states = {t.id: t for t in client.task.list(job)}
    ended = [t for t in states.values() if t.state == "completed" and t.id != "broken"]
    equal((len(ended), len([t for t in states.values() if t.state == "active"])), (2, 1))
    for one in ended:
        failure = one.execution_info.failure_info
        equal((one.execution_info.result, failure.category, failure.code), ("failure", "usererror", "TaskEnded"))
with check("preparation and release status"):
    status = list(client.job.list_preparation_and_release_task_status(job))
    assert 1 <= len(status) <= 2
    for node in status:
        prepared, released = node.job_preparation_task_execution_info, node.job_release_task_execution_info
        equal((node.pool_id, prepared.state, prepared.exit_code), (pool, models.JobPreparationTaskState.completed, 0))
        equal((released.state, released.exit_code), (models.JobReleaseTaskState.completed, 0))
        assert prepared.start_time <= prepared.end_time <= released.start_time <= released.end_time
with check("a completed job refuses"):
    with refusal(409, "JobCompleted"):
        client.job.terminate(job)
    with refusal(409, "JobCompleted"):
        client.task.add(job, task("late", "true"))
    with refusal(409, "JobCompleted"):
        client.job.update(job, models.JobUpdateParameter(pool_info=models.PoolInformation(pool_id=pool)))
with check("find it in a list"):
    options = models.JobListOptions(filter=f"state eq 'completed' and startswith(id,'{job}')", select="id,state")
    equal([(one.id, one.state) for one in client.job.list(options)], [(job, models.JobState.completed)])
with check("a malformed request has values"):
    try:
        next(client.job.list(models.JobListOptions(max_results=1, filter="state is 'completed'")))
    except models.BatchErrorException as error:
        equal((error.response.status_code, error.error.code), (400, "InvalidQueryParameterValue"))
        equal(error.error.values[0].key, "QueryParameterName")
    else:
        raise AssertionError("not refused")

files = f"files-{run}"


def text(chunks):
    return b"".join(chunks).decode()


with check("a task's files: list, read, a part, properties, delete"):
    client.job.add(models.JobAddParameter(id=files, pool_info=models.PoolInformation(pool_id=pool)))
    client.task.add(files, task("one", "/bin/sh -c 'echo hello'"))
    wait("the task", lambda: client.task.get(files, "one").state == models.TaskState.completed)
    found = {item.name: item for item in client.file.list_from_task(files, "one")}
    equal(sorted(found), ["stderr.txt", "stdout.txt", "wd"])
    equal((found["wd"].is_directory, found["stdout.txt"].is_directory), (True, False))
    equal((found["stdout.txt"].properties.content_length, found["wd"].properties), (6, None))
    equal(text(client.file.get_from_task(files, "one", "stdout.txt")), "hello\n")
    part = models.FileGetFromTaskOptions(ocp_range="bytes=1-3")
    equal(text(client.file.get_from_task(files, "one", "stdout.txt", part)), "ell")
    headers = client.file.get_properties_from_task(files, "one", "stdout.txt", raw=True).headers
    equal((headers["Content-Length"], headers["ocp-batch-file-isdirectory"]), (6, False))
    assert headers["ocp-batch-file-url"].endswith("stdout.txt") and headers["Last-Modified"]
    client.file.delete_from_task(files, "one", "stderr.txt")
    with refusal(404, "FileNotFound"):
        client.file.get_from_task(files, "one", "stderr.txt")
with check("files that cannot be read"):
    with refusal(404, "FileNotFound"):
        client.file.get_from_task(files, "one", "nowhere.txt")
    with refusal(404, "TaskNotFound"):
        client.file.get_from_task(files, "nothing", "stdout.txt")
with check("the same files on their node"):
    node = client.task.get(files, "one").node_info.node_id
    path = f"workitems/{files}/job-1/one/stdout.txt"
    names = {item.name for item in client.file.list_from_compute_node(pool, node, recursive=True)}
    assert path in names, names
    equal(text(client.file.get_from_compute_node(pool, node, path)), "hello\n")
    headers = client.file.get_properties_from_compute_node(pool, node, path, raw=True).headers
    equal(headers["Content-Length"], 6)
    client.file.delete_from_compute_node(pool, node, path)
    with refusal(404, "FileNotFound"):
        client.file.get_from_compute_node(pool, node, path)
    client.job.delete(files)

with check("users of a node, remote login, service logs"):
    client.compute_node.add_user(pool, node, models.ComputeNodeUser(name="ada", password="secret"))
    with refusal(409, "NodeUserExists"):
        client.compute_node.add_user(pool, node, models.ComputeNodeUser(name="ada", password="secret"))
    client.compute_node.update_user(pool, node, "ada", models.NodeUpdateUserParameter(password="other"))
    client.compute_node.delete_user(pool, node, "ada")
    with refusal(404, "NodeUserNotFound"):
        client.compute_node.delete_user(pool, node, "ada")
    login = client.compute_node.get_remote_login_settings(pool, node)
    equal((login.remote_login_ip_address, login.remote_login_port), ("127.0.0.1", 50000))
    logs = models.UploadBatchServiceLogsConfiguration(
        container_url="https://example.com/logs", start_time="2026-02-10T08:00:00Z"
    )
    result = client.compute_node.upload_batch_service_logs(pool, node, logs)
    equal(result.number_of_files_uploaded, 0)

with check("delete the job and the pool"):
    client.job.delete(job)
    wait("no job", lambda: job not in {one.id for one in client.job.list()})
    with refusal(404, "JobNotFound"):
        client.job.get(job)
    client.pool.delete(pool)
    wait("no pool", lambda: not client.pool.exists(pool))
    with refusal(404, "PoolNotFound"):
        client.pool.get(pool)

scaled = f"scaled-{run}"


def steady():
    return client.pool.get(scaled).allocation_state == models.AllocationState.steady


with check("patch a pool, update its properties, with an ETag"):
    client.pool.add(
        models.PoolAddParameter(
            id=scaled, vm_size="standard_d2s_v3", virtual_machine_configuration=machine, target_dedicated_nodes=0
        )
    )
    old = models.PoolPatchOptions(if_match=client.pool.get(scaled).e_tag)
    who = models.PoolPatchParameter(metadata=[models.MetadataItem(name="who", value="python")])
    client.pool.patch(scaled, who, old)
    with refusal(412, "ConditionNotMet"):
        client.pool.patch(scaled, who, old)
    equal(client.pool.get(scaled).metadata[0].value, "python")
    nothing = models.PoolUpdatePropertiesParameter(
        certificate_references=[], application_package_references=[], metadata=[]
    )
    client.pool.update_properties(scaled, nothing)
    equal(client.pool.get(scaled).metadata, None)
with check("resize, stop a resize"):
    wait("steady", steady)
    client.pool.resize(scaled, models.PoolResizeParameter(target_dedicated_nodes=1))
    wait("one node", lambda: client.pool.get(scaled).current_dedicated_nodes == 1 and steady())
    client.pool.resize(scaled, models.PoolResizeParameter(target_dedicated_nodes=2))
    client.pool.stop_resize(scaled)
    equal(client.pool.get(scaled).allocation_state, models.AllocationState.stopping)
    wait("steady", steady)
    equal(client.pool.get(scaled).target_dedicated_nodes, 2)
with check("scale by a formula: evaluate, enable, disable"):
    formula = "$TargetDedicatedNodes = 3; $NodeDeallocationOption = requeue;"
    client.pool.enable_auto_scale(scaled, auto_scale_formula=formula)
    found = wait("three nodes", lambda: (p := client.pool.get(scaled)).current_dedicated_nodes == 3 and p)
    equal((found.enable_auto_scale, found.auto_scale_formula), (True, formula))
    equal(found.auto_scale_evaluation_interval, datetime.timedelta(minutes=15))
    assert "$TargetDedicatedNodes=3" in found.auto_scale_run.results
    ran = client.pool.evaluate_auto_scale(scaled, "$TargetDedicatedNodes = min(2, 7);")
    assert "$TargetDedicatedNodes=2" in ran.results and ran.error is None
    equal(client.pool.get(scaled).target_dedicated_nodes, 3)
    with refusal(409, "OperationNotValidOnPool"):
        client.pool.resize(scaled, models.PoolResizeParameter(target_dedicated_nodes=1))
    wait("steady", steady)
    client.pool.disable_auto_scale(scaled)
    equal(client.pool.get(scaled).enable_auto_scale, False)
with check("count nodes; lists that are empty here"):
    wait("steady", steady)
    options = models.AccountListPoolNodeCountsOptions(filter=f"poolId eq '{scaled}'")
    counts = list(client.account.list_pool_node_counts(options))
    equal([(one.pool_id, one.dedicated.total, one.low_priority.total) for one in counts], [(scaled, 3, 0)])
    equal((list(client.application.list()), list(client.pool.list_usage_metrics())), ([], []))
with check("list the supported images that are verified"):
    options = models.AccountListSupportedImagesOptions(filter="verificationType eq 'verified'")
    images = list(client.account.list_supported_images(options))
    equal({image.os_type for image in images}, {models.OSType.linux, models.OSType.windows})
    ubuntu = [image for image in images if image.node_agent_sku_id == "batch.node.ubuntu 24.04"]
    assert any(image.image_reference.publisher == "canonical" for image in ubuntu)
with check("delete that pool"):
    client.pool.delete(scaled)
    wait("no pool", lambda: not client.pool.exists(scaled))

with check("a job with a pool of its own, which goes with it"):
    automatic = models.AutoPoolSpecification(
        auto_pool_id_prefix="own",
        pool_lifetime_option=models.PoolLifetimeOption.job,
        pool=models.PoolSpecification(
            vm_size="standard_d2s_v3", virtual_machine_configuration=machine, target_dedicated_nodes=1
        ),
    )
    owner = f"owner-{run}"
    client.job.add(
        models.JobAddParameter(id=owner, pool_info=models.PoolInformation(auto_pool_specification=automatic))
    )
    own = wait("its pool", lambda: client.job.get(owner).execution_info.pool_id)
    assert own.startswith("own_") and client.pool.exists(own)
    client.task.add(owner, task("one", "true"))
    wait("the task", lambda: client.task.get(owner, "one").state == models.TaskState.completed)
    client.job.terminate(owner)
    wait("no pool", lambda: not client.pool.exists(own))
    client.job.delete(owner)

plan = f"daily-{run}"
minute = datetime.timedelta(minutes=1)
inside = models.JobSpecification(pool_info=models.PoolInformation(pool_id="elsewhere"), priority=3)


def turns():
    return sorted((one.id, one.state) for one in client.job.list_from_job_schedule(plan))


with check("add a job schedule that recurs"):
    recurring = models.Schedule(recurrence_interval=minute)
    options = models.JobScheduleAddParameter(id=plan, schedule=recurring, job_specification=inside)
    client.job_schedule.add(options)
    with refusal(409, "JobScheduleExists"):
        client.job_schedule.add(options)
with check("read the schedule, alone and in a list; does it exist"):
    found = client.job_schedule.get(plan)
    equal((found.id, found.state), (plan, models.JobScheduleState.active))
    equal((found.schedule.recurrence_interval, found.job_specification.priority), (minute, 3))
    options = models.JobScheduleListOptions(filter=f"startswith(id,'{plan}')", select="id,state")
    equal([(one.id, one.state) for one in client.job_schedule.list(options)], [(plan, models.JobScheduleState.active)])
    equal((client.job_schedule.exists(plan), client.job_schedule.exists("nobody")), (True, False))
    with refusal(404, "JobScheduleNotFound"):
        client.job_schedule.get("nobody")
with check("one job at a time: the next turn comes when the job before it is completed"):
    wait("the first job", lambda: turns() == [(f"{plan}:job-1", models.JobState.active)])
    advance("PT1M")
    equal(turns(), [(f"{plan}:job-1", models.JobState.active)])
    client.job.terminate(f"{plan}:job-1")
    both = [(f"{plan}:job-1", models.JobState.completed), (f"{plan}:job-2", models.JobState.active)]
    wait("the second job", lambda: turns() == both)
    info = client.job_schedule.get(plan).execution_info
    equal(info.recent_job.id, f"{plan}:job-2")
    equal(client.job.get(info.recent_job.id).priority, 3)
    assert info.next_run_time > client.job.get(info.recent_job.id).creation_time
with check("patch and update the schedule, with an ETag"):
    old = models.JobSchedulePatchOptions(if_match=client.job_schedule.get(plan).e_tag)
    patch = models.JobSchedulePatchParameter(metadata=[models.MetadataItem(name="who", value="python")])
    client.job_schedule.patch(plan, patch, old)
    with refusal(412, "ConditionNotMet"):
        client.job_schedule.patch(plan, patch, old)
    found = client.job_schedule.get(plan)
    equal((found.metadata[0].value, found.schedule.recurrence_interval), ("python", minute))
    hourly = models.Schedule(recurrence_interval=60 * minute)
    client.job_schedule.update(plan, models.JobScheduleUpdateParameter(schedule=hourly, job_specification=inside))
    found = client.job_schedule.get(plan)
    equal((found.metadata, found.schedule.recurrence_interval), (None, 60 * minute))
with check("disable and enable the schedule"):
    client.job_schedule.disable(plan)
    equal(client.job_schedule.get(plan).state, models.JobScheduleState.disabled)
    client.job_schedule.enable(plan)
    equal(client.job_schedule.get(plan).state, models.JobScheduleState.active)
with check("terminate the schedule: its job ends too"):
    client.job_schedule.terminate(plan)
    completed = models.JobScheduleState.completed
    found = wait("completed", lambda: (s := client.job_schedule.get(plan)).state == completed and s)
    equal(found.previous_state, models.JobScheduleState.active)
    equal((found.execution_info.next_run_time, found.execution_info.recent_job.id), (None, f"{plan}:job-2"))
    equal(client.job.get(f"{plan}:job-2").execution_info.terminate_reason, "TerminateWorkitem")
    with refusal(409, "JobScheduleCompleted"):
        client.job_schedule.disable(plan)
with check("delete the schedule: its jobs go too"):
    client.job_schedule.delete(plan)
    wait("no schedule", lambda: not client.job_schedule.exists(plan))
    with refusal(404, "JobNotFound"):
        client.job.get(f"{plan}:job-1")

finish()
