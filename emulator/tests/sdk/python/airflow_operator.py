"""The Batch operator and hook of apache-airflow-providers-microsoft-azure, without a scheduler or a database."""

import asyncio
import json
import logging
import os
import tempfile
import time
import uuid

from checks import ACCOUNT, KEY, URL, check, equal, finish

# Airflow reads these when it is imported.
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
connection = {"conn_type": "azure_batch", "login": ACCOUNT, "password": KEY, "extra": {"account_url": URL}}
os.environ["AIRFLOW_CONN_EMULATOR"] = json.dumps(connection)
os.environ["AIRFLOW_CONN_STRANGER"] = json.dumps(connection | {"password": "d3Jvbmc="})

from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.microsoft.azure.hooks.batch import AzureBatchHook
from airflow.providers.microsoft.azure.operators.batch import AzureBatchOperator
from azure.batch import models
from azure.core.exceptions import ResourceNotFoundError

logging.disable(logging.WARNING)
# The hook asks for nodes every 10 s and for tasks every 15 s; the emulator needs less.
real_sleep = time.sleep
time.sleep = lambda seconds: real_sleep(min(seconds, 0.2))

run = uuid.uuid4().hex[:8]
hook = AzureBatchHook("emulator")
client = hook.connection


def operator(name, line, **more):
    image = {"vm_publisher": "canonical", "vm_offer": "ubuntu-24_04-lts", "vm_sku": "server", "vm_version": "latest"}
    sizes = {} if "enable_auto_scale" in more else {"target_dedicated_nodes": 1}
    return AzureBatchOperator(
        task_id=name,
        azure_batch_conn_id="emulator",
        batch_pool_id=f"airflow-{run}",
        batch_pool_vm_size="standard_d2s_v3",
        batch_job_id=f"{name}-{run}",
        batch_task_id="only",
        batch_task_command_line=line,
        vm_node_agent_sku_id="batch.node.ubuntu 24.04",
        **(image | sizes | more),
    )


def triggered(name, line):
    """Defers, and returns the event of the trigger."""
    try:
        operator(name, line, deferrable=True, poll_interval=1).execute({})
    except TaskDeferred as deferred:
        return asyncio.run(anext(deferred.trigger.run()))
    raise AssertionError("not deferred")


def missing(look):
    try:
        look()
    except ResourceNotFoundError:
        return True
    return False


with check("the hook tests its connection"):
    equal(hook.test_connection(), (True, "Successfully connected to Azure Batch."))
    fine, message = AzureBatchHook("stranger").test_connection()
    assert not fine and "AuthenticationFailed" in message, message
with check("execute: pool, nodes, job with preparation and release, task"):
    prepare = models.BatchJobPreparationTask(command_line="/bin/sh -c true")
    release = models.BatchJobReleaseTask(command_line="/bin/sh -c true")
    operator("good", "sleep 1", batch_job_preparation_task=prepare, batch_job_release_task=release).execute({})
    equal(client.get_pool(f"airflow-{run}").current_dedicated_nodes, 1)
    equal(client.get_task(f"good-{run}", "only").execution_info.exit_code, 0)
with check("execute again: what exists is taken as it is"):
    operator("good", "sleep 1").execute({})
    equal([task.id for task in client.list_tasks(f"good-{run}")], ["only"])
with check("execute raises when the task fails, and deletes the job"):
    try:
        operator("bad", "/bin/sh -c 'exit 3'", should_delete_job=True).execute({})
    except RuntimeError as error:
        assert "Job fail" in str(error), error
    else:
        raise AssertionError("not raised")
    assert missing(lambda: client.get_job(f"bad-{run}"))
with check("deferred: the trigger waits for the tasks, its event ends the operator"):
    event = triggered("late", "sleep 1").payload
    equal(event["status"], "success")
    operator("late", "sleep 1", should_delete_job=True).execute_complete({}, event)
    assert missing(lambda: client.get_job(f"late-{run}"))
with check("deferred: a failed task is the trigger's error"):
    event = triggered("worse", "/bin/sh -c 'exit 3'").payload
    equal((event["status"], event["failed_tasks"]), ("error", ["only"]))
    try:
        operator("worse", "true", should_delete_job=True).execute_complete({}, event)
    except RuntimeError as error:
        assert "only" in str(error), error
    else:
        raise AssertionError("not raised")
with check("the pool scales by a formula"):
    formula = "$TargetDedicatedNodes = 2;"
    scaled = operator("scaled", "sleep 1", enable_auto_scale=True, auto_scale_formula=formula)
    scaled.batch_pool_id = f"scaled-{run}"
    scaled.should_delete_pool = scaled.should_delete_job = True
    scaled.execute({})
    assert missing(lambda: client.get_job(f"scaled-{run}"))
with check("clean up"):
    good = operator("good", "true")
    good.clean_up(job_id=f"good-{run}")
    assert missing(lambda: client.get_job(f"good-{run}"))
    good.clean_up(pool_id=f"airflow-{run}")
    assert missing(lambda: client.get_pool(f"airflow-{run}"))

finish()
