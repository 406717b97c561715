"""The flow of the quickstart for Python: pool, job, tasks, wait, the output of each task, delete."""

import datetime
import io
import time
import uuid

from azure.batch import BatchServiceClient, models
from azure.batch.batch_auth import SharedKeyCredentials

from checks import ACCOUNT, KEY, URL, check, equal, finish, wait

client = BatchServiceClient(SharedKeyCredentials(ACCOUNT, KEY), batch_url=URL)
run = uuid.uuid4().hex[:8]
pool, job = f"QuickstartPool-{run}", f"QuickstartJob-{run}"
LINES = ["Batch processing began with mainframe computers", "and punch cards.", "Today it still plays a role"]


def text(stream):
    output = io.BytesIO()
    for chunk in stream:
        output.write(chunk)
    return output.getvalue().decode()


def wait_for_tasks(limit):
    """Asks each second until all tasks are completed."""
    end = datetime.datetime.now() + limit
    while datetime.datetime.now() < end:
        if all(task.state == models.TaskState.completed for task in client.task.list(job)):
            return
        time.sleep(1)
    raise AssertionError(f"the tasks are not completed within {limit}")


with check("create the pool"):
    image = models.ImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-focal", sku="20_04-lts", version="latest"
    )
    machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 20.04")
    client.pool.add(
        models.PoolAddParameter(
            id=pool, vm_size="standard_d2s_v3", virtual_machine_configuration=machine, target_dedicated_nodes=2
        )
    )
with check("create the job before the nodes are there"):
    client.job.add(models.JobAddParameter(id=job, pool_info=models.PoolInformation(pool_id=pool)))
with check("add the tasks"):
    lines = [f"/bin/bash -c 'echo {line}'" for line in LINES]
    tasks = [models.TaskAddParameter(id=f"Task{number}", command_line=line) for number, line in enumerate(lines)]
    client.task.add_collection(job, tasks)
with check("wait for the tasks"):
    wait_for_tasks(datetime.timedelta(minutes=1))
    equal([task.execution_info.exit_code for task in client.task.list(job)], [0] * len(LINES))
with check("read stdout.txt of each task, and on which node it ran"):
    nodes = {node.id for node in client.compute_node.list(pool)}
    printed = []
    for task in client.task.list(job):
        assert client.task.get(job, task.id).node_info.node_id in nodes
        printed.append(text(client.file.get_from_task(job, task.id, "stdout.txt")))
    equal(printed, [f"{line}\n" for line in LINES])
    equal(text(client.file.get_from_task(job, "Task0", "stderr.txt")), "")
with check("delete the job and the pool"):
    client.job.delete(job)
    client.pool.delete(pool)
    wait("no job", lambda: job not in {one.id for one in client.job.list()})
    wait("no pool", lambda: not client.pool.exists(pool))

finish()
