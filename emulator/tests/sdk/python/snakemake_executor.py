"""A Snakemake workflow through snakemake-executor-plugin-azure-batch, its tasks run by `--run local`.

The plugin makes its pool with Azure's management API, which the emulator does not have. Here a stand-in
makes the same pool with the Batch API. Inputs and outputs live in a folder instead of blob storage.
"""

import contextlib
import datetime
import io
import os
import tempfile
from pathlib import Path

import snakemake_executor_plugin_azure_batch as plugin
from azure.batch import BatchServiceClient, models
from azure.core.credentials import AccessToken
from msrest.authentication import BasicTokenAuthentication
from snakemake.cli import main
from snakemake_executor_plugin_azure_batch.constant import DEFAULT_AUTO_SCALE_FORMULA
from snakemake_executor_plugin_azure_batch.util import read_stream_as_string

from checks import URL, advance, check, equal, finish, wait

client = BatchServiceClient(BasicTokenAuthentication({"access_token": "any"}), batch_url=URL)


class AnyToken:
    def get_token(self, *scopes, **options):
        return AccessToken("any", 2**33)


class Management:
    """Stands in for BatchManagementClient: its pools are made by the Batch API."""

    def __init__(self, **options):
        self.pool = self

    def create(self, resource_group_name, account_name, pool_name, parameters):
        machine = parameters.deployment_configuration.virtual_machine_configuration
        image, containers = machine.image_reference, machine.container_configuration
        configuration = models.VirtualMachineConfiguration(
            image_reference=models.ImageReference(publisher=image.publisher, offer=image.offer, sku=image.sku),
            node_agent_sku_id=machine.node_agent_sku_id,
            container_configuration=models.ContainerConfiguration(
                type=containers.type, container_image_names=containers.container_image_names
            ),
        )
        client.pool.add(
            models.PoolAddParameter(
                id=pool_name,
                display_name=parameters.display_name,
                vm_size=parameters.vm_size,
                virtual_machine_configuration=configuration,
                target_dedicated_nodes=parameters.scale_settings.fixed_scale.target_dedicated_nodes,
                task_slots_per_node=parameters.task_slots_per_node,
            )
        )


plugin.CustomAzureCredential = AnyToken
plugin.BatchManagementClient = Management

place = Path(tempfile.mkdtemp())
os.chdir(place)
Path("Snakefile").write_text(
    """
rule all:
    input: "both.txt"

rule one:
    output: "{name}.txt"
    wildcard_constraints: name="north|south"
    shell: "echo {wildcards.name} > {output}"

rule both:
    input: "north.txt", "south.txt"
    output: "both.txt"
    shell: "cat {input} > {output}"

rule broken:
    output: "broken.txt"
    shell: "exit 3"
"""
)


def snakemake(*words):
    """Runs the program, and returns its exit code and what it printed."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            main([
                "--executor", "azure-batch",
                "--azure-batch-account-url", URL,
                "--azure-batch-subscription-id", "any",
                "--azure-batch-resource-group-name", "any",
                "--azure-batch-tasks-per-node", "2",
                "--default-storage-provider", "fs",
                "--default-storage-prefix", str(place / "storage"),
                "--seconds-between-status-checks", "1",
                "--max-status-checks-per-second", "20",
                "--jobs", "2",
                *words,
            ])  # fmt: skip
    except SystemExit as end:
        return end.code or 0, printed.getvalue()
    return 0, printed.getvalue()



def outputs(name):
    return (place / "storage" / name).read_text()


def left():
    """The plugin's pools and jobs that are not gone."""
    pools = [pool.id for pool in client.pool.list() if pool.id.startswith("snakepool")]
    return pools + [job.id for job in client.job.list() if job.id.startswith("snakejob")]


with check("a workflow of three tasks, the last after the others"):
    code, text = snakemake("both.txt")
    assert code == 0 and "3 of 3 steps (100%) done" in text, text
    equal(sorted(outputs("both.txt").split()), ["north", "south"])
with check("the plugin deletes its job and its pool"):
    wait("gone", lambda: not left())
with check("what is there already is not run again"):
    code, text = snakemake("both.txt")
    assert code == 0 and "Nothing to be done" in text, text
with check("a task that fails: the plugin shows its failure"):
    code, text = snakemake("broken.txt")
    assert code == 1 and "FailureExitCode" in text, text
    wait("gone", lambda: not left())
with check("a pool with the plugin's formula grows with the tasks that wait"):
    # Version 0.3.0 overwrites the formula with a fixed size, so the pool is made here.
    pool, job = "scaled", "waiting"
    image = models.ImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server")
    machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04")
    client.pool.add(
        models.PoolAddParameter(
            id=pool,
            vm_size="standard_d2s_v3",
            virtual_machine_configuration=machine,
            enable_auto_scale=True,
            auto_scale_formula=DEFAULT_AUTO_SCALE_FORMULA,
            auto_scale_evaluation_interval=datetime.timedelta(minutes=5),
        )
    )
    equal(client.pool.get(pool).current_dedicated_nodes, 0)
    client.job.add(models.JobAddParameter(id=job, pool_info=models.PoolInformation(pool_id=pool)))
    for number in range(3):
        client.task.add(job, models.TaskAddParameter(id=f"task-{number}", command_line="/bin/sh -c 'echo done'"))
    for _ in range(11):
        advance("PT30S")
    wait("three nodes", lambda: client.pool.get(pool).current_dedicated_nodes == 3)
    completed = models.TaskState.completed
    wait("their tasks", lambda: {task.state for task in client.task.list(job)} == {completed})
    # The plugin itself shows no output: it reads the file, then decodes it without an encoding.
    for task in client.task.list(job):
        output = client.file.get_from_task(job, task.id, "stdout.txt")
        equal(read_stream_as_string(output), "done\n")
    client.job.delete(job)
    client.pool.delete(pool)

finish()
