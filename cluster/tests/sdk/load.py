"""Adds jobs with a task, and terminates them, with azure-batch 15.1 and its own retries, until standard input is closed.

The arguments are the URLs of an account at the members of a cluster. For each job a line of JSON says what the client was
told: whether the job was added, its task, whether its end was accepted, and whether it took another task after that. True is
done, false refused, and null not known. The key of the account is in AZBATCH_KEY.
"""

import json
import logging
import os
import sys
import threading

from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError

logging.disable(logging.CRITICAL)  # retries are expected here

urls, stop = sys.argv[1:], threading.Event()
credential = AzureNamedKeyCredential("contoso", os.environ["AZBATCH_KEY"])
statuses = []  # of each try of the last request; None if it had no answer


def on_request(_):
    if threading.current_thread() is threading.main_thread():  # pollers have threads of their own
        statuses.append(None)


def on_response(response):
    if threading.current_thread() is threading.main_thread():
        statuses[-1] = response.http_response.status_code


hooks = {"raw_request_hook": on_request, "raw_response_hook": on_response}
clients = [
    BatchClient(url, credential, **hooks, retry_total=4, retry_backoff_factor=0.2, read_timeout=30)
    for url in urls
]
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()


def told(request, already=lambda error: False):
    """True if the service said that it is done, False if it refused it, None if nobody knows.

    A retry can find that the try before it was done: `already` says so.
    """
    statuses.clear()
    try:
        request()
        return True
    except HttpResponseError as error:
        if already(error):
            return True
        assert statuses
        if all(status in (409, 503) for status in statuses):
            return False
        if error.status_code in (409, 500, 503):
            return None
        raise
    except AzureError:  # no answer
        return None


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
    task = told(lambda: client.create_task(job, new_task), exists) if added else None
    if task:
        try:
            assert [task.id for task in client.list_tasks(job)] == ["task"], f"{job} has not its task"
        except AzureError:
            pass
        stop.wait(0.3)
    # The SDK polls the job in a thread of its own from then on.
    terminated = told(lambda: client.begin_terminate_job(job, {"terminateReason": "load"}), is_ending) if added else None
    late_task = models.BatchTaskCreateOptions(id="late", command_line="sleep 60")
    late = told(lambda: client.create_task(job, late_task)) if terminated else None
    said = {"job": job, "added": added, "task": task, "terminated": terminated, "late": late}
    print(json.dumps(said), flush=True)
