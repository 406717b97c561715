"""azure-cli: `az batch` as a user types it, each command a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from checks import ACCOUNT, KEY, URL, advance, check, equal, finish, wait

run = uuid.uuid4().hex[:8]
pool, job, plan = f"cli-{run}", f"film-{run}", f"daily-{run}"
scratch = Path(tempfile.mkdtemp())
environment = os.environ | {
    "AZURE_CONFIG_DIR": str(scratch / "config"),
    "AZURE_CORE_COLLECT_TELEMETRY": "false",
    "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
    "AZURE_BATCH_ACCOUNT": ACCOUNT,
    "AZURE_BATCH_ACCESS_KEY": KEY,
    "AZURE_BATCH_ENDPOINT": URL,
}


def run_az(command, options):
    words = [sys.executable, "-m", "azure.cli", "batch", *command.split()]
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words += [str(part) for part in (value if isinstance(value, list) else [value])]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)


def az(command, **options):
    """The JSON that a command prints, or None."""
    done = run_az(command, options)
    assert done.returncode == 0, f"az batch {command}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(code, command, **options):
    done = run_az(command, options)
    assert done.returncode != 0 and code in done.stderr, f"az batch {command}: {done.returncode} {done.stderr}"


def on_disk(name, value):
    place = scratch / name
    place.write_text(json.dumps(value))
    return place


def gone(group, **options):
    """Waits until `show` says that there is none. The CLI itself does not wait for a deletion."""
    wait(f"no {group}", lambda: run_az(f"{group} show", options).returncode != 0, seconds=60)


def task_state(name):
    return az("task show", job_id=job, task_id=name)["state"]


with check("a wrong key is refused"):
    refused("AuthenticationFailed", "job list", account_name=ACCOUNT, account_key="d3Jvbmc=", account_endpoint=URL)
with check("the account by options instead of the environment"):
    assert isinstance(az("pool list", account_name=ACCOUNT, account_key=KEY, account_endpoint=URL), list)

# The CLI sends integers as strings: "2".
with check("pool create, show, list"):
    machine = {"vm_size": "standard_d2s_v3", "node_agent_sku_id": "batch.node.ubuntu 24.04"}
    image = "canonical:ubuntu-24_04-lts:server"
    az("pool create", id=pool, image=image, target_dedicated_nodes=2, task_slots_per_node=2, **machine)
    refused("PoolExists", "pool create", id=pool, image=image, target_dedicated_nodes=2, **machine)
    found = wait("steady", lambda: (p := az("pool show", pool_id=pool))["allocationState"] == "steady" and p)
    equal((found["id"], found["currentDedicatedNodes"], found["taskSlotsPerNode"]), (pool, 2, 2))
    equal([one["id"] for one in az("pool list", filter=f"startswith(id,'{pool}')")], [pool])
    refused("PoolNotFound", "pool show", pool_id="nowhere")
with check("pool set, reset"):
    az("pool set", pool_id=pool, metadata="who=cli")
    equal(az("pool show", pool_id=pool)["metadata"], [{"name": "who", "value": "cli"}])
    # Reset keeps the start task when it is told none, and sends lists for what it is told.
    az("pool reset", pool_id=pool, metadata="who=again", application_package_references="")
    equal(az("pool show", pool_id=pool)["metadata"], [{"name": "who", "value": "again"}])
with check("pool resize, stop the resize"):
    az("pool resize", pool_id=pool, target_dedicated_nodes=3, resize_timeout="PT10M")
    found = wait("three", lambda: (p := az("pool show", pool_id=pool))["currentDedicatedNodes"] == 3 and p)
    equal((found["targetDedicatedNodes"], found["resizeTimeout"]), (3, "PT10M"))
    wait("steady", lambda: az("pool show", pool_id=pool)["allocationState"] == "steady")
    refused("OperationInvalidForCurrentState", "pool resize", pool_id=pool, abort=True)
with check("pool node-counts list; lists that are empty here"):
    counts = az("pool node-counts list", filter=f"poolId eq '{pool}'")
    equal([(one["poolId"], one["dedicated"]["total"], one["lowPriority"]["total"]) for one in counts], [(pool, 3, 0)])
    equal((az("pool usage-metrics list"), az("application summary list")), ([], []))
with check("pool supported-images list"):
    images = az("pool supported-images list", filter="osType eq 'linux'")
    assert "batch.node.ubuntu 24.04" in [image["nodeAgentSkuId"] for image in images]
with check("node list, show, reboot, scheduling, users, remote login, logs, delete"):
    nodes = az("node list", pool_id=pool)
    equal([one["state"] for one in nodes], ["idle"] * 3)
    node = nodes[0]["id"]
    equal(az("node show", pool_id=pool, node_id=node)["id"], node)
    # With --node-disable-scheduling-option the CLI sends an object where the service takes a string.
    az("node scheduling disable", pool_id=pool, node_id=node)
    equal(az("node show", pool_id=pool, node_id=node)["schedulingState"], "disabled")
    az("node scheduling enable", pool_id=pool, node_id=node)
    equal(az("node show", pool_id=pool, node_id=node)["schedulingState"], "enabled")
    az("node reboot", pool_id=pool, node_id=node, node_reboot_option="requeue")
    wait("idle", lambda: az("node show", pool_id=pool, node_id=node)["state"] == "idle")
    there = {"pool_id": pool, "node_id": node}
    az("node user create", name="ada", password="secret", is_admin=True, **there)
    refused("NodeUserExists", "node user create", name="ada", password="secret", **there)
    az("node user reset", user_name="ada", password="other", **there)
    az("node user delete", user_name="ada", yes=True, **there)
    refused("NodeUserNotFound", "node user delete", user_name="ada", yes=True, **there)
    equal(az("node remote-login-settings show", **there)["remoteLoginIpAddress"], "127.0.0.1")
    logs = {"container_url": "https://example.com/logs", "start_time": "2026-02-10T08:00:00Z"}
    equal(az("node service-logs upload", **logs, **there)["numberOfFilesUploaded"], 0)
    az("node delete", pool_id=pool, node_list=node)
    left = lambda: [one["id"] for one in az("node list", pool_id=pool)]
    wait("removed", lambda: node not in left())
    wait("steady", lambda: az("pool show", pool_id=pool)["allocationState"] == "steady")
    equal(az("pool show", pool_id=pool)["targetDedicatedNodes"], 2)

with check("pool autoscale enable, evaluate, disable"):
    formula = "$TargetDedicatedNodes = 1; $NodeDeallocationOption = requeue;"
    az("pool autoscale enable", pool_id=pool, auto_scale_formula=formula, auto_scale_evaluation_interval="PT6M")
    found = wait("one node", lambda: (p := az("pool show", pool_id=pool))["currentDedicatedNodes"] == 1 and p)
    equal((found["enableAutoScale"], found["autoScaleFormula"]), (True, formula))
    equal(found["autoScaleEvaluationInterval"], "PT6M")
    ran = az("pool autoscale evaluate", pool_id=pool, auto_scale_formula="$TargetDedicatedNodes = 1 + 1;")
    assert "$TargetDedicatedNodes=2" in ran["results"], ran
    refused("OperationNotValidOnPool", "pool resize", pool_id=pool, target_dedicated_nodes=2)
    wait("steady", lambda: az("pool show", pool_id=pool)["allocationState"] == "steady")
    az("pool autoscale disable", pool_id=pool)
    equal(az("pool show", pool_id=pool)["enableAutoScale"], False)
    wait("steady", lambda: az("pool show", pool_id=pool)["allocationState"] == "steady")
    az("pool resize", pool_id=pool, target_dedicated_nodes=2)
    wait("two", lambda: az("pool show", pool_id=pool)["currentDedicatedNodes"] == 2)

with check("job create, show, list"):
    limits = {"job_max_task_retry_count": 0, "job_max_wall_clock_time": "PT1H"}
    az("job create", id=job, pool_id=pool, priority=5, metadata="who=cli", **limits)
    refused("JobExists", "job create", id=job, pool_id=pool)
    found = az("job show", job_id=job)
    equal((found["id"], found["state"], found["priority"]), (job, "active", 5))
    constraints = found["constraints"]
    equal((constraints["maxWallClockTime"], constraints["maxTaskRetryCount"]), ("PT1H", 0))
    equal([one["id"] for one in az("job list", filter=f"startswith(id,'{job}')")], [job])
    refused("JobNotFound", "job show", job_id="nobody")
with check("job create from a file"):
    other = f"file-{run}"
    az("job create", json_file=on_disk("job.json", {"id": other, "priority": 2, "poolInfo": {"poolId": pool}}))
    equal(az("job show", job_id=other)["priority"], 2)
    az("job delete", job_id=other, yes=True)
    gone("job", job_id=other)
with check("job set, reset, with an ETag"):
    old = az("job show", job_id=job)["eTag"]
    az("job set", job_id=job, priority=7, if_match=old)
    refused("ConditionNotMet", "job set", job_id=job, priority=8, if_match=old)
    found = az("job show", job_id=job)
    equal((found["priority"], found["metadata"][0]["value"]), (7, "cli"))
    az("job reset", job_id=job, pool_id=pool, priority=6)
    found = az("job show", job_id=job)
    equal((found["priority"], found.get("metadata")), (6, None))

with check("task create, alone and from a file"):
    az("task create", job_id=job, task_id="broken", command_line="/bin/sh -c 'exit 3'", max_task_retry_count=0)
    az("task create", job_id=job, task_id="hello", command_line="/bin/sh -c 'echo hello'")
    wait("both", lambda: {task_state("broken"), task_state("hello")} == {"completed"})
    tasks = [{"id": f"long-{n}", "commandLine": "sleep 600"} for n in (1, 2, 3, 4)]
    added = az("task create", job_id=job, json_file=on_disk("tasks.json", tasks))
    equal({one["taskId"] for one in added}, {one["id"] for one in tasks})
    refused("TaskExists", "task create", job_id=job, task_id="broken", command_line="true")
with check("task show, list, counts"):
    info = az("task show", job_id=job, task_id="broken")["executionInfo"]
    equal((info["exitCode"], info["result"].lower()), (3, "failure"))
    equal((info["failureInfo"]["code"]), "FailureExitCode")
    wait("four running", lambda: len(az("task list", job_id=job, filter="state eq 'running'")) == 4)
    counts = az("job task-counts show", job_id=job)
    equal((counts["taskCounts"]["running"], counts["taskCounts"]["failed"]), (4, 1))
    equal(az("task subtask list", job_id=job, task_id="long-1"), [])
# `file show` of 2.91 gets the properties and then cannot print them.
with check("task file list, download, delete; node file"):
    one = {"job_id": job, "task_id": "hello"}
    equal(sorted(file["name"] for file in az("task file list", **one)), ["stderr.txt", "stdout.txt", "wd"])
    az("task file download", file_path="stdout.txt", destination=scratch / "whole.txt", **one)
    equal((scratch / "whole.txt").read_text(), "hello\n")
    az("task file download", file_path="stdout.txt", destination=scratch / "part.txt", start_range=1, end_range=3, **one)
    equal((scratch / "part.txt").read_text(), "ell")
    there = {"pool_id": pool, "node_id": az("task show", **one)["nodeInfo"]["nodeId"]}
    path = f"workitems/{job}/job-1/hello/stdout.txt"
    assert path in [file["name"] for file in az("node file list", recursive=True, **there)]
    az("node file download", file_path=path, destination=scratch / "node.txt", **there)
    equal((scratch / "node.txt").read_text(), "hello\n")
    az("node file delete", file_path=path, yes=True, **there)
    az("task file delete", file_path="stderr.txt", yes=True, **one)
    equal([file["name"] for file in az("task file list", **one)], ["wd"])
with check("task reset, stop, reactivate, delete"):
    az("task reset", job_id=job, task_id="long-4", max_task_retry_count=3, max_wall_clock_time="PT2H")
    constraints = az("task show", job_id=job, task_id="long-4")["constraints"]
    equal((constraints["maxTaskRetryCount"], constraints["maxWallClockTime"]), (3, "PT2H"))
    az("task stop", job_id=job, task_id="long-4")
    wait("stopped", lambda: task_state("long-4") == "completed")
    refused("TaskCompleted", "task stop", job_id=job, task_id="long-4")
    az("task reactivate", job_id=job, task_id="long-4")
    assert task_state("long-4") != "completed"
    az("task delete", job_id=job, task_id="long-4", yes=True)
    gone("task", job_id=job, task_id="long-4")
with check("job disable, enable"):
    az("job disable", job_id=job, disable_tasks="requeue")
    wait("disabled", lambda: az("job show", job_id=job)["state"] == "disabled")
    az("job enable", job_id=job)
    equal(az("job show", job_id=job)["state"], "active")
with check("job stop with a reason"):
    az("job stop", job_id=job, terminate_reason="the film is cut")
    found = wait("completed", lambda: (j := az("job show", job_id=job))["state"] == "completed" and j)
    equal((found["previousState"], found["executionInfo"]["terminateReason"]), ("active", "the film is cut"))
    refused("JobCompleted", "job stop", job_id=job)
    refused("JobPreparationTaskOrReleaseTaskNotSpecified", "job prep-release-status list", job_id=job)

with check("job-schedule create, show, list"):
    recurring = {"recurrence_interval": "PT1M", "pool_id": "elsewhere", "priority": 3}
    az("job-schedule create", id=plan, **recurring)
    refused("JobScheduleExists", "job-schedule create", id=plan, **recurring)
    found = az("job-schedule show", job_schedule_id=plan)
    equal((found["state"], found["schedule"]["recurrenceInterval"]), ("active", "PT1M"))
    equal(found["jobSpecification"]["priority"], 3)
    equal([one["id"] for one in az("job-schedule list", filter=f"startswith(id,'{plan}')")], [plan])
    refused("JobScheduleNotFound", "job-schedule show", job_schedule_id="nobody")
with check("its jobs, one after the other"):
    jobs = lambda: sorted(one["id"] for one in az("job list", job_schedule_id=plan))
    wait("one", lambda: jobs() == [f"{plan}:job-1"])
    az("job stop", job_id=f"{plan}:job-1")
    advance("PT1M")
    wait("two", lambda: jobs() == [f"{plan}:job-1", f"{plan}:job-2"])
with check("job-schedule set, reset"):
    az("job-schedule set", job_schedule_id=plan, metadata="who=cli")
    equal(az("job-schedule show", job_schedule_id=plan)["metadata"], [{"name": "who", "value": "cli"}])
    az("job-schedule reset", job_schedule_id=plan, recurrence_interval="PT1H", pool_id="elsewhere", priority=4)
    found = az("job-schedule show", job_schedule_id=plan)
    equal((found["schedule"]["recurrenceInterval"], found["jobSpecification"]["priority"]), ("PT1H", 4))
    equal(found.get("metadata"), None)
with check("job-schedule disable, enable, stop, delete"):
    state = lambda: az("job-schedule show", job_schedule_id=plan)["state"]
    az("job-schedule disable", job_schedule_id=plan)
    equal(state(), "disabled")
    az("job-schedule enable", job_schedule_id=plan)
    equal(state(), "active")
    az("job-schedule stop", job_schedule_id=plan)
    wait("completed", lambda: state() == "completed")
    az("job-schedule delete", job_schedule_id=plan, yes=True)
    gone("job-schedule", job_schedule_id=plan)
    refused("JobNotFound", "job show", job_id=f"{plan}:job-2")

with check("job delete, pool delete"):
    az("job delete", job_id=job, yes=True)
    gone("job", job_id=job)
    az("pool delete", pool_id=pool, yes=True)
    gone("pool", pool_id=pool)

finish()
