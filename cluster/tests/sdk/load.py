"""Adds jobs with a task, and terminates them, with azure-batch 15.1 and its own retries, until standard input is closed.

The arguments are the URLs of an account at the members of a cluster. For each job a line of JSON says what the client was
told is done: that the job was added, its task, and that its end was accepted. What is false is not known.
"""

import json
import logging
import sys
import threading

from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError

logging.disable(logging.CRITICAL)  # retries are expected here

urls, stop = sys.argv[1:], threading.Event()
clients = [
    BatchClient(url, AzureNamedKeyCredential("contoso", "a2V5"), retry_total=4, retry_backoff_factor=0.2, read_timeout=30)
    for url in urls
]
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()


def told(request, already):
    """Whether the service said that it is done. A retry can find that the try before it was done: `already` says so."""
    try:
        request()
        return True
    except HttpResponseError as error:
        if already(error):
            return True
        if error.status_code in (500, 503):
            return False
        raise
    except AzureError:  # no answer
        return False


def exists(error):
    return isinstance(error, ResourceExistsError)


def is_ending(error):
    return error.model and error.model.code in ("JobBeingTerminated", "JobCompleted")


number = 0
while not stop.wait(0.05):
    client, job = clients[number % len(clients)], f"sdk-{number}"
    number += 1
    pool = models.BatchPoolInfo(pool_id="busy")
    new_job = models.BatchJobCreateOptions(id=job, pool_info=pool)
    new_task = models.BatchTaskCreateOptions(id="task", command_line="sleep 60")
    added = told(lambda: client.create_job(new_job), exists)
    task = added and told(lambda: client.create_task(job, new_task), exists)
    if task:
        try:
            assert [task.id for task in client.list_tasks(job)] == ["task"], f"{job} has not its task"
        except AzureError:
            pass
        stop.wait(0.3)
    # The SDK polls the job in a thread of its own from then on.
    terminated = added and told(lambda: client.begin_terminate_job(job, {"terminateReason": "load"}), is_ending)
    print(json.dumps({"job": job, "added": added, "task": task, "terminated": terminated}), flush=True)
