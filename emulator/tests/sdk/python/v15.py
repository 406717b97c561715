"""azure-batch 15.1: the client that azure-core's pipeline and pollers drive."""

import datetime
import logging
import uuid

from azure.batch import BatchClient, models
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from checks import ACCOUNT, KEY, URL, advance, check, equal, finish, refused, wait

logging.disable(logging.WARNING)  # the SDK warns of every answer without a body

client = BatchClient(URL, AzureNamedKeyCredential(ACCOUNT, KEY))
run = uuid.uuid4().hex[:8]
pool, job = f"python15-{run}", f"film-{run}"
# 15.1 keeps the model of these options to itself, and its terminate needs some.
late = {"terminateReason": "too late"}
unmodified = {"match_condition": MatchConditions.IfNotModified}


def refusal(kind, status, code):
    return refused(kind, status, code, lambda error: error.model and error.model.code)


def task(name, line):
    return models.BatchTaskCreateOptions(id=name, command_line=line)


def running():
    return {task.id for task in client.list_tasks(job, filter="state eq 'running'", select=["id", "state"])}


with check("a wrong key is HttpResponseError"):
    stranger = BatchClient(URL, AzureNamedKeyCredential(ACCOUNT, "d3Jvbmc="))
    with refusal(HttpResponseError, 403, "AuthenticationFailed"):
        stranger.get_job("any")
with check("create a pool"):
    image = models.BatchVmImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server")
    machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04")
    options = models.BatchPoolCreateOptions(
        id=pool, vm_size="standard_d2s_v3", virtual_machine_configuration=machine, target_dedicated_nodes=2
    )
    client.create_pool(options)
with check("a pool that exists is ResourceExistsError"):
    with refusal(ResourceExistsError, 409, "PoolExists"):
        client.create_pool(options)
with check("the pool gets its nodes"):
    wait("steady", lambda: client.get_pool(pool).allocation_state == models.AllocationState.STEADY)
    nodes = list(client.list_nodes(pool))
    equal([node.state for node in nodes], [models.BatchNodeState.IDLE] * 2)
    equal(client.get_node(pool, nodes[0].id).id, nodes[0].id)
    assert client.pool_exists(pool)

with check("create a job with a preparation and a release task"):
    client.create_job(
        models.BatchJobCreateOptions(
            id=job,
            pool_info=models.BatchPoolInfo(pool_id=pool),
            priority=5,
            constraints=models.BatchJobConstraints(max_wall_clock_time=datetime.timedelta(hours=1)),
            job_preparation_task=models.BatchJobPreparationTask(command_line="/bin/sh -c true"),
            job_release_task=models.BatchJobReleaseTask(command_line="/bin/sh -c true"),
            metadata=[models.BatchMetadataItem(name="who", value="python")],
        )
    )
with check("a job that exists is ResourceExistsError"):
    with refusal(ResourceExistsError, 409, "JobExists"):
        client.create_job(models.BatchJobCreateOptions(id=job, pool_info=models.BatchPoolInfo(pool_id=pool)))
with check("read the job"):
    found = client.get_job(job)
    equal((found.id, found.state, found.priority), (job, models.BatchJobState.ACTIVE, 5))
    equal(found.constraints.max_wall_clock_time, datetime.timedelta(hours=1))
    equal(found.metadata[0].value, "python")
    equal(found.url, f"{URL}/jobs/{job}")
    assert found.creation_time <= found.last_modified and found.etag.startswith("0x")
with check("a missing job, task and pool are ResourceNotFoundError"):
    with refusal(ResourceNotFoundError, 404, "JobNotFound"):
        client.get_job("nobody")
    with refusal(ResourceNotFoundError, 404, "JobNotFound"):
        client.begin_terminate_job("nobody", options=late)
    with refusal(ResourceNotFoundError, 404, "TaskNotFound"):
        client.get_task(job, "nothing")
    with refusal(ResourceNotFoundError, 404, "PoolNotFound"):
        client.get_pool("nowhere")

with check("the ETag that the SDK returned: 200, 412, 304"):
    found = client.get_job(job)
    client.update_job(job, models.BatchJobUpdateOptions(priority=7), etag=found.etag, **unmodified)
    with refusal(ResourceModifiedError, 412, "ConditionNotMet"):
        client.update_job(job, models.BatchJobUpdateOptions(priority=8), etag=found.etag, **unmodified)
    with refusal(ResourceModifiedError, 412, "ConditionNotMet"):
        client.begin_terminate_job(job, options=late, etag=found.etag, **unmodified)
    found = client.get_job(job)
    equal(found.priority, 7)
    with refused(ResourceModifiedError, 304, None, lambda error: error.model and error.model.code):
        client.get_job(job, etag=found.etag, match_condition=MatchConditions.IfModified)
    equal(client.get_job(job, if_unmodified_since=found.last_modified).etag, found.etag)
    with refusal(HttpResponseError, 412, "ConditionNotMet"):
        client.get_job(job, if_unmodified_since=found.last_modified - datetime.timedelta(minutes=1))

with check("add tasks one by one and as a collection"):
    client.create_task(job, task("broken", "/bin/sh -c 'exit 3'"))
    wait("the broken task", lambda: client.get_task(job, "broken").state == models.BatchTaskState.COMPLETED)
    client.create_task(job, task("long-1", "sleep 600"))
    result = client.create_tasks(job, [task(f"long-{n}", "sleep 600") for n in (2, 3, 4)])
    equal({(item.task_id, item.status) for item in result.result_values}, {(f"long-{n}", "Success") for n in (2, 3, 4)})
with check("more than a hundred tasks, by threads"):
    many = f"many-{run}"
    client.create_job(models.BatchJobCreateOptions(id=many, pool_info=models.BatchPoolInfo(pool_id="elsewhere")))
    result = client.create_tasks(many, [task(f"t{n:03}", "true") for n in range(250)], max_concurrency=2)
    equal(len(result.result_values), 250)
    names = [item.id for item in client.list_tasks(many, max_results=60)]
    equal(names, [f"t{n:03}" for n in range(250)])
    client.begin_delete_job(many, polling_interval=1).result()
with check("a task that exists is ResourceExistsError, in a collection an item with an error"):
    with refusal(ResourceExistsError, 409, "TaskExists"):
        client.create_task(job, task("long-1", "true"))
    # The service writes `ClientError`; 15.1 looks for `clienterror` and so never raises CreateTasksError.
    bad = task("bad", "true")
    bad.depends_on = models.BatchTaskDependencies(task_ids=["long-1"])
    items = client.create_tasks(job, [task("long-1", "true"), bad]).result_values
    equal({item.status for item in items}, {"ClientError"})
    equal({item.error.code for item in items}, {"TaskExists", "UnsupportedProperty"})
with check("a failed task's information"):
    info = client.get_task(job, "broken").execution_info
    equal((info.exit_code, info.result, info.retry_count), (3, models.BatchTaskExecutionResult.FAILURE, 0))
    equal((info.failure_info.category, info.failure_info.code), ("UserError", "FailureExitCode"))
    assert info.start_time <= info.end_time and info.failure_info.details
with check("two tasks run, two wait"):
    wait("two running", lambda: len(running()) == 2)
    counts = client.get_job_task_counts(job)
    equal((counts.task_counts.active, counts.task_counts.running, counts.task_counts.failed), (2, 2, 1))
    equal(counts.task_slot_counts.running, 2)
    equal(len(list(client.list_tasks(job, max_results=2))), 5)

with check("end, delete and reactivate a task"):
    client.terminate_task(job, "long-4")
    ended = wait("long-4", lambda: (t := client.get_task(job, "long-4")).state == "completed" and t)
    equal(ended.execution_info.failure_info.code, "TaskEnded")
    with refusal(ResourceExistsError, 409, "TaskCompleted"):
        client.terminate_task(job, "long-4")
    client.reactivate_task(job, "long-4")
    client.delete_task(job, "long-4")
    with refusal(ResourceNotFoundError, 404, "TaskNotFound"):
        client.get_task(job, "long-4")
with check("disable with the SDK's poller, enable"):
    client.begin_disable_job(job, models.BatchJobDisableOptions(disable_tasks="requeue"), polling_interval=1).result()
    equal(client.get_job(job).state, models.BatchJobState.DISABLED)
    equal(running(), set())
    equal(max(t.execution_info.requeue_count for t in client.list_tasks(job)), 1)
    client.begin_enable_job(job, polling_interval=1).result()
    equal(client.get_job(job).state, models.BatchJobState.ACTIVE)
    wait("two running again", lambda: len(running()) == 2)

with check("terminate with a reason and the SDK's poller"):
    before = client.get_job(job)
    poller = client.begin_terminate_job(
        job,
        options={"terminateReason": "the film is cut"},
        etag=before.etag,
        polling_interval=1,
        **unmodified,
    )
    equal(client.get_job(job).execution_info.termination_reason, "the film is cut")
    poller.result()
    equal(poller.status(), "Succeeded")
with check("the terminated job: reason and times"):
    found = client.get_job(job)
    info = found.execution_info
    equal((found.state, found.previous_state), (models.BatchJobState.COMPLETED, models.BatchJobState.ACTIVE))
    equal(info.termination_reason, "the film is cut")
    equal(found.state_transition_time, info.end_time)
    assert before.last_modified < found.last_modified < info.end_time and found.etag != before.etag
with check("its tasks: those that ran were ended, the other stays active"):
    states = {t.id: t for t in client.list_tasks(job)}
    ended = [t for t in states.values() if t.state == "completed" and t.id != "broken"]
    equal((len(ended), len([t for t in states.values() if t.state == "active"])), (2, 1))
    for one in ended:
        failure = one.execution_info.failure_info
        equal((one.execution_info.result, failure.category, failure.code), ("failure", "UserError", "TaskEnded"))
with check("preparation and release status"):
    status = list(client.list_job_preparation_and_release_task_status(job))
    assert 1 <= len(status) <= 2
    for node in status:
        prepared, released = node.job_preparation_task_execution_info, node.job_release_task_execution_info
        equal((node.pool_id, prepared.state, prepared.exit_code), (pool, models.BatchJobPreparationTaskState.COMPLETED, 0))
        equal((released.state, released.exit_code), (models.BatchJobReleaseTaskState.COMPLETED, 0))
        assert prepared.start_time <= prepared.end_time <= released.start_time <= released.end_time
with check("a completed job refuses: ResourceExistsError"):
    with refusal(ResourceExistsError, 409, "JobCompleted"):
        client.begin_terminate_job(job, options=late)
    with refusal(ResourceExistsError, 409, "JobCompleted"):
        client.create_task(job, task("late", "true"))
    with refusal(ResourceExistsError, 409, "JobCompleted"):
        client.update_job(job, models.BatchJobUpdateOptions(priority=1))
with check("find it in a list"):
    found = list(client.list_jobs(filter=f"state eq 'completed' and startswith(id,'{job}')", select=["id", "state"]))
    equal([(one.id, one.state) for one in found], [(job, "completed")])
with check("a malformed request is HttpResponseError with values"):
    try:
        client.list_jobs(max_results=0).next()
    except HttpResponseError as error:
        equal((error.status_code, error.model.code), (400, "InvalidQueryParameterValue"))
        equal(error.model.error_values[0].key, "QueryParameterName")
    else:
        raise AssertionError("not refused")

files = f"files-{run}"


def text(chunks):
    return b"".join(chunks).decode()


def unreadable():
    # 15.1 does not read the body of a refused download, so its error has no code.
    return refusal(ResourceNotFoundError, 404, None)


with check("a task's files: list, read, a part, properties, delete"):
    client.create_job(models.BatchJobCreateOptions(id=files, pool_info=models.BatchPoolInfo(pool_id=pool)))
    client.create_task(files, task("one", "/bin/sh -c 'echo hello'"))
    wait("the task", lambda: client.get_task(files, "one").state == models.BatchTaskState.COMPLETED)
    found = {item.name: item for item in client.list_task_files(files, "one")}
    equal(sorted(found), ["stderr.txt", "stdout.txt", "wd"])
    equal((found["wd"].is_directory, found["stdout.txt"].is_directory), (True, False))
    equal((found["stdout.txt"].properties.content_length, found["wd"].properties), (6, None))
    equal(text(client.download_task_file(files, "one", "stdout.txt")), "hello\n")
    equal(text(client.download_task_file(files, "one", "stdout.txt", ocp_range="bytes=1-3")), "ell")
    properties = client.get_task_file_properties(files, "one", "stdout.txt")
    equal((int(properties.content_length), properties.url.endswith("stdout.txt")), (6, True))
    client.delete_task_file(files, "one", "stderr.txt")
    with unreadable():
        client.download_task_file(files, "one", "stderr.txt")
with check("files that cannot be read"):
    with unreadable():
        client.download_task_file(files, "one", "nowhere.txt")
    with unreadable():
        client.download_task_file(files, "nothing", "stdout.txt")
    with unreadable():
        client.get_task_file_properties(files, "one", "nowhere.txt")
with check("the same files on their node"):
    node = client.get_task(files, "one").node_info.node_id
    path = f"workitems/{files}/job-1/one/stdout.txt"
    assert path in {item.name for item in client.list_node_files(pool, node, recursive=True)}
    equal(text(client.download_node_file(pool, node, path)), "hello\n")
    equal(int(client.get_node_file_properties(pool, node, path).content_length), 6)
    client.delete_node_file(pool, node, path)
    with unreadable():
        client.download_node_file(pool, node, path)
    client.begin_delete_job(files, polling_interval=1).result()

with check("users of a node, remote login, service logs"):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    ada = models.BatchNodeUserCreateOptions(name="ada", is_admin=True, password="secret", expiry_time=soon)
    client.create_node_user(pool, node, ada)
    with refusal(ResourceExistsError, 409, "NodeUserExists"):
        client.create_node_user(pool, node, ada)
    client.replace_node_user(pool, node, "ada", models.BatchNodeUserReplaceOptions(ssh_public_key="ssh-rsa AAAA"))
    client.delete_node_user(pool, node, "ada")
    with refusal(ResourceNotFoundError, 404, "NodeUserNotFound"):
        client.delete_node_user(pool, node, "ada")
    login = client.get_node_remote_login_settings(pool, node)
    equal((login.remote_login_ip_address, login.remote_login_port), ("127.0.0.1", 50000))
    logs = models.UploadBatchServiceLogsOptions(container_url="https://example.com/logs", start_time=soon)
    equal(client.upload_node_logs(pool, node, logs).number_of_files_uploaded, 0)
    with refusal(ResourceNotFoundError, 404, "ResourceNotFound"):
        client.get_node_extension(pool, node, "gpu")
    with refusal(ResourceNotFoundError, 404, "ApplicationNotFound"):
        client.get_application("blender")

with check("delete the job and the pool with the SDK's pollers"):
    client.begin_delete_job(job, polling_interval=1).result()
    with refusal(ResourceNotFoundError, 404, "JobNotFound"):
        client.get_job(job)
    client.begin_delete_pool(pool, polling_interval=1).result()
    with refusal(ResourceNotFoundError, 404, "PoolNotFound"):
        client.get_pool(pool)
    with refused(ResourceNotFoundError, 404, None, lambda error: None):
        client.pool_exists(pool)

scaled = f"scaled-{run}"


def steady():
    return client.get_pool(scaled).allocation_state == models.AllocationState.STEADY


with check("patch a pool, replace its properties, with an ETag"):
    client.create_pool(
        models.BatchPoolCreateOptions(
            id=scaled, vm_size="standard_d2s_v3", virtual_machine_configuration=machine, target_dedicated_nodes=0
        )
    )
    old = client.get_pool(scaled)
    who = [models.BatchMetadataItem(name="who", value="python")]
    client.update_pool(scaled, models.BatchPoolUpdateOptions(metadata=who), etag=old.etag, **unmodified)
    with refusal(ResourceModifiedError, 412, "ConditionNotMet"):
        client.update_pool(scaled, models.BatchPoolUpdateOptions(metadata=who), etag=old.etag, **unmodified)
    equal(client.get_pool(scaled).metadata[0].value, "python")
    nothing = models.BatchPoolReplaceOptions(application_package_references=[], metadata=[])
    client.replace_pool_properties(scaled, nothing)
    equal(client.get_pool(scaled).metadata, None)
with check("resize with the SDK's poller, stop a resize with the SDK's poller"):
    wait("steady", steady)
    one = models.BatchPoolResizeOptions(target_dedicated_nodes=1)
    client.begin_resize_pool(scaled, one, polling_interval=1).result()
    equal(client.get_pool(scaled).current_dedicated_nodes, 1)
    client.begin_resize_pool(scaled, models.BatchPoolResizeOptions(target_dedicated_nodes=2))
    client.begin_stop_pool_resize(scaled, polling_interval=1).result()
    equal(client.get_pool(scaled).target_dedicated_nodes, 2)
    assert steady()
with check("scale by a formula: evaluate, enable, disable"):
    formula = "$TargetDedicatedNodes = 3; $NodeDeallocationOption = requeue;"
    options = models.BatchPoolEnableAutoScaleOptions(auto_scale_formula=formula)
    client.enable_pool_auto_scale(scaled, options)
    found = wait("three nodes", lambda: (p := client.get_pool(scaled)).current_dedicated_nodes == 3 and p)
    equal((found.enable_auto_scale, found.auto_scale_formula), (True, formula))
    equal(found.auto_scale_evaluation_interval, datetime.timedelta(minutes=15))
    assert "$TargetDedicatedNodes=3" in found.auto_scale_run.results
    trial = models.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula="$TargetDedicatedNodes = min(2, 7);")
    ran = client.evaluate_pool_auto_scale(scaled, trial)
    assert "$TargetDedicatedNodes=2" in ran.results and ran.error is None
    equal(client.get_pool(scaled).target_dedicated_nodes, 3)
    with refusal(ResourceExistsError, 409, "OperationNotValidOnPool"):
        client.begin_resize_pool(scaled, one)
    wait("steady", steady)
    client.disable_pool_auto_scale(scaled)
    equal(client.get_pool(scaled).enable_auto_scale, False)
with check("count nodes; lists that are empty here"):
    wait("steady", steady)
    counts = list(client.list_pool_node_counts(filter=f"poolId eq '{scaled}'"))
    equal([(one.pool_id, one.dedicated.total, one.low_priority.total) for one in counts], [(scaled, 3, 0)])
    equal((list(client.list_applications()), list(client.list_pool_usage_metrics())), ([], []))
with check("list the supported images that are verified"):
    images = list(client.list_supported_images(filter="verificationType eq 'verified'"))
    equal({image.os_type for image in images}, {models.OSType.LINUX, models.OSType.WINDOWS})
    ubuntu = [image for image in images if image.node_agent_sku_id == "batch.node.ubuntu 24.04"]
    assert any(image.image_reference.publisher == "canonical" for image in ubuntu)
with check("delete that pool"):
    client.begin_delete_pool(scaled, polling_interval=1).result()

with check("a job with a pool of its own, which goes with it"):
    automatic = models.BatchAutoPoolSpecification(
        auto_pool_id_prefix="own",
        pool_lifetime_option=models.BatchPoolLifetimeOption.JOB,
        pool=models.BatchPoolSpecification(
            vm_size="standard_d2s_v3", virtual_machine_configuration=machine, target_dedicated_nodes=1
        ),
    )
    owner = f"owner-{run}"
    client.create_job(
        models.BatchJobCreateOptions(id=owner, pool_info=models.BatchPoolInfo(auto_pool_specification=automatic))
    )
    own = wait("its pool", lambda: client.get_job(owner).execution_info.pool_id)
    assert own.startswith("own_") and client.pool_exists(own)
    client.create_task(owner, task("one", "true"))
    wait("the task", lambda: client.get_task(owner, "one").state == models.BatchTaskState.COMPLETED)
    client.begin_terminate_job(owner, options=late, polling_interval=1).result()
    wait("no pool", lambda: own not in {one.id for one in client.list_pools()})
    client.begin_delete_job(owner, polling_interval=1).result()

plan = f"daily-{run}"
minute = datetime.timedelta(minutes=1)
inside = models.BatchJobSpecification(pool_info=models.BatchPoolInfo(pool_id="elsewhere"), priority=3)


def turns():
    return sorted((one.id, one.state) for one in client.list_jobs_from_schedule(plan))


with check("add a job schedule that recurs"):
    recurring = models.BatchJobScheduleConfiguration(recurrence_interval=minute)
    options = models.BatchJobScheduleCreateOptions(id=plan, schedule=recurring, job_specification=inside)
    client.create_job_schedule(options)
    with refusal(ResourceExistsError, 409, "JobScheduleExists"):
        client.create_job_schedule(options)
with check("read the schedule, alone and in a list; does it exist"):
    found = client.get_job_schedule(plan)
    equal((found.id, found.state), (plan, models.BatchJobScheduleState.ACTIVE))
    equal((found.schedule.recurrence_interval, found.job_specification.priority), (minute, 3))
    listed = client.list_job_schedules(filter=f"startswith(id,'{plan}')", select=["id", "state"])
    equal([(one.id, one.state) for one in listed], [(plan, "active")])
    assert client.job_schedule_exists(plan)
    with refused(ResourceNotFoundError, 404, None, lambda error: None):
        client.job_schedule_exists("nobody")
    with refusal(ResourceNotFoundError, 404, "JobScheduleNotFound"):
        client.get_job_schedule("nobody")
with check("one job at a time: the next turn comes when the job before it is completed"):
    wait("the first job", lambda: turns() == [(f"{plan}:job-1", "active")])
    advance("PT1M")
    equal(turns(), [(f"{plan}:job-1", "active")])
    client.begin_terminate_job(f"{plan}:job-1", options={"terminateReason": "enough"}, polling_interval=1).result()
    wait("the second job", lambda: turns() == [(f"{plan}:job-1", "completed"), (f"{plan}:job-2", "active")])
    info = client.get_job_schedule(plan).execution_info
    equal(info.recent_job.id, f"{plan}:job-2")
    equal(client.get_job(info.recent_job.id).priority, 3)
    assert info.next_run_time > client.get_job(info.recent_job.id).creation_time
with check("patch and replace the schedule, with an ETag"):
    old = client.get_job_schedule(plan)
    patch = models.BatchJobScheduleUpdateOptions(metadata=[models.BatchMetadataItem(name="who", value="python")])
    client.update_job_schedule(plan, patch, etag=old.etag, **unmodified)
    with refusal(ResourceModifiedError, 412, "ConditionNotMet"):
        client.update_job_schedule(plan, patch, etag=old.etag, **unmodified)
    found = client.get_job_schedule(plan)
    equal((found.metadata[0].value, found.schedule.recurrence_interval), ("python", minute))
    hourly = models.BatchJobScheduleConfiguration(recurrence_interval=60 * minute)
    client.replace_job_schedule(plan, models.BatchJobSchedule(schedule=hourly, job_specification=inside))
    found = client.get_job_schedule(plan)
    equal((found.metadata, found.schedule.recurrence_interval), (None, 60 * minute))
with check("disable and enable the schedule"):
    client.disable_job_schedule(plan)
    equal(client.get_job_schedule(plan).state, models.BatchJobScheduleState.DISABLED)
    client.enable_job_schedule(plan)
    equal(client.get_job_schedule(plan).state, models.BatchJobScheduleState.ACTIVE)
with check("terminate the schedule with the SDK's poller: its job ends too"):
    client.begin_terminate_job_schedule(plan, polling_interval=1).result()
    found = client.get_job_schedule(plan)
    equal((found.state, found.previous_state), (models.BatchJobScheduleState.COMPLETED, "active"))
    equal((found.execution_info.next_run_time, found.execution_info.recent_job.id), (None, f"{plan}:job-2"))
    equal(client.get_job(f"{plan}:job-2").execution_info.termination_reason, "TerminateWorkitem")
    with refusal(ResourceExistsError, 409, "JobScheduleCompleted"):
        client.disable_job_schedule(plan)
with check("delete the schedule with the SDK's poller: its jobs go too"):
    client.begin_delete_job_schedule(plan, polling_interval=1).result()
    with refusal(ResourceNotFoundError, 404, "JobScheduleNotFound"):
        client.get_job_schedule(plan)
    with refusal(ResourceNotFoundError, 404, "JobNotFound"):
        client.get_job(f"{plan}:job-1")

finish()
